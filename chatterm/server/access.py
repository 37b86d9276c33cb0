"""Who asks, and whether they may: the rules that every route names one of.

A route takes its caller as ``caller: UseCaller`` and so cannot forget the question; ``app.py``
refuses to start with a route that names no rule. Without a credential the answer is 401, with one
that may not do this 403, and what belongs to somebody else does not exist: 404.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import SplitResult, urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers

from chatterm.server.keys import KEY_PREFIX, Scope
from chatterm.server.limits import Limits
from chatterm.server.logins import ACCESS_PREFIX, REFRESH_PREFIX
from chatterm.server.people import People
from chatterm.server.problems import Problem
from chatterm.server.settings import ServeSettings, is_loopback, is_of_this_network
from chatterm.server.users import User

RULE = "chatterm_rule"
"""The attribute that marks a dependency as a rule."""
CALLER = "chatterm_user"
"""Where a request keeps the id of its user, for the log."""
_OWN = (KEY_PREFIX, ACCESS_PREFIX, REFRESH_PREFIX)
_OWNER = frozenset({Scope.USE, Scope.MODELS, Scope.ADMIN, Scope.METRICS})
_USER = frozenset({Scope.USE})
_bearer = HTTPBearer(auto_error=False, description="A key, or the token of a login.")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    user: User
    scopes: frozenset[Scope]
    by: Literal["local", "key", "login", "trusted"]

    @property
    def id(self) -> str:
        return self.user.id


class Access:
    """Finds out who asks."""

    def __init__(
        self, people: People, limits: Limits, settings: ServeSettings, *, local: User | None
    ) -> None:
        """``local`` is who asks without a credential; None where one is needed."""
        self._people = people
        self._limits = limits
        self._settings = settings
        self._local = local

    @property
    def local(self) -> User | None:
        return self._local

    def caller(self, request: Request) -> Caller:
        """Who sent a request; a Problem where that is nobody."""
        trusted = request.headers.get("TrustedClient")
        if trusted is not None:
            return Caller(self.trusted(trusted, must_exist=True), _USER, "trusted")
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        text = text.strip() if kind.lower() == "bearer" else ""
        if text.startswith(_OWN) or (text and self._local is None):
            return self._by_credential(text)
        if self._local is not None:
            # Clients of other servers always send some key.
            return Caller(self._local, _OWNER, "local")
        raise _not_authenticated()

    def trusted(self, header: str, *, must_exist: bool) -> User:
        """The user that a trusted client speaks for."""
        try:
            said: Any = json.loads(base64.b64decode(header, validate=True))
            key, client, account, name = (
                str(said[field])
                for field in ("api_key", "client", "provider_account_id", "username")
            )
        except (binascii.Error, ValueError, KeyError, TypeError, RecursionError) as error:
            raise Problem(400, "The TrustedClient header cannot be read", kind="login") from error
        found = self._people.keys.by_text(key)
        if found is None or Scope.TRUSTED not in found[1].scopes:
            raise Problem(401, "Unauthorized client", kind="login")
        # A client's users are its own: it cannot speak for those of anybody else.
        provider = f"trusted:{found[0].id}:{client}"
        user = self._people.users.named(account, provider)
        if user is None and must_exist:
            raise Problem(404, "User not found", kind="not_found")
        return user or self._people.users.vouched(provider, account, name)

    def allow(self, caller: Caller, scope: Scope) -> None:
        """Let a caller through, and count the request."""
        counts = scope is Scope.METRICS and Scope.ADMIN in caller.scopes
        if scope not in caller.scopes and not counts:
            raise Problem(
                403, f"This key may not do that: it lacks the scope {scope}", kind="forbidden"
            )
        self._limits.request(caller.id)

    def _by_credential(self, text: str) -> Caller:
        if text.startswith(KEY_PREFIX):
            found = self._people.keys.by_text(text)
            if found is None:
                raise _unknown("Invalid key")
            user, key = found
            return Caller(user, key.scopes, "key")
        user = self._people.logins.by_token(text)
        return Caller(user, _OWNER if user.is_admin else _USER, "login")

    def page_problem(self, headers: Headers) -> Problem | None:
        """Where nobody logs in, a page that the user happens to visit must not get in either.

        A page can send requests to this machine, also under a name of its own that it lets point
        here, and a browser then says so in Origin or Host.
        """
        if self._local is None:
            return None
        host = headers.get("Host", "").lower()
        if host and not self._answers_to(_split(f"//{host}").hostname or ""):
            return Problem(
                403,
                f"This server does not answer to the name {host[:200]}; where nobody logs in,"
                " its owner has to list it in serve.hosts",
                kind="forbidden",
            )
        origin = headers.get("Origin")
        if origin is None and _is_of_another_page(headers):
            return Problem(403, "This server does not answer other pages", kind="forbidden")
        if origin is None or origin in self._settings.options.cors_origins:
            return None
        if host and _split(origin.lower()).netloc == host:
            return None
        return Problem(
            403,
            f"This server does not answer pages of {origin[:200]}; its owner has to list them"
            " in serve.cors_origins",
            kind="forbidden",
        )

    def _answers_to(self, name: str) -> bool:
        settings = self._settings
        if not name or name in settings.options.hosts:
            return bool(name)
        return is_loopback(name) if settings.is_loopback else is_of_this_network(name)


def server_access(request: Request) -> Access:
    access: Access = request.app.state.server.access
    return access


def _needs(scope: Scope) -> Callable[..., Awaitable[Caller]]:
    async def rule(
        request: Request,
        # Only so that the OpenAPI document says how to log in.
        _: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)] = None,
    ) -> Caller:
        access = server_access(request)
        caller = access.caller(request)
        setattr(request.state, CALLER, caller.id)
        access.allow(caller, scope)
        return caller

    setattr(rule, RULE, str(scope))
    return rule


async def _anybody() -> None:
    return


setattr(_anybody, RULE, "public")

UseCaller: TypeAlias = Annotated[Caller, Depends(_needs(Scope.USE))]
"""For a route of any user."""
ModelsCaller: TypeAlias = Annotated[Caller, Depends(_needs(Scope.MODELS))]
"""For a route that changes which models there are."""
AdminCaller: TypeAlias = Annotated[Caller, Depends(_needs(Scope.ADMIN))]
"""For a route of the server's owner."""
MetricsCaller: TypeAlias = Annotated[Caller, Depends(_needs(Scope.METRICS))]
"""For whoever collects figures."""
Public: TypeAlias = Annotated[None, Depends(_anybody)]
"""For the few routes that nobody has to log in for, such as the login."""


def _not_authenticated() -> Problem:
    return _unknown("Not authenticated")


def _unknown(message: str) -> Problem:
    return Problem(401, message, kind="login", headers={"WWW-Authenticate": "Bearer"})


def _is_of_another_page(headers: Headers) -> bool:
    """A picture or the like; browsers give an origin for everything else."""
    if headers.get("Sec-Fetch-Mode") == "navigate":
        return False
    return headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
