"""Logs in to a server, whichever kind it is; what has to be asked is asked through ``Asker``.

A secret comes from a hidden line or from a pipe, and goes to nobody but the server it is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from chatterm.errors import ConfigError, Refused, RemoteError
from chatterm.remote._http import Http, Reply
from chatterm.remote.address import Address
from chatterm.remote.auth import Credentials
from chatterm.remote.detect import Kind
from chatterm.remote.failures import failure
from chatterm.remote.openassistant.access import (
    checked,
    debug_login,
    password_login,
    providers,
    tokens_of,
)
from chatterm.remote.openassistant.generation import negotiate

_LISTS = {"openai": "/models", "ollama": "/api/tags"}


class Asker(Protocol):
    """Whoever sits at the terminal."""

    def line(self, what: str) -> str:
        """Something that may be seen; a ConfigError where nobody can be asked."""

    def secret(self, what: str) -> str:
        """Something that may not."""

    def tell(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user said about how to log in."""

    user: str | None = None
    provider: str | None = None
    key: str | None = None
    """A key, token or password that was piped in."""


async def log_in(http: Http, kind: Kind, wish: Wish, asker: Asker) -> Credentials | None:
    """What opens the server; None where it is open to everybody."""
    if kind == "openassistant":
        return await _to_openassistant(http, wish, asker)
    return await _by_key(http, _LISTS[kind], wish, asker)


def name_for(address: Address, kind: str, taken: frozenset[str]) -> str:
    """A short name for a server: what its address is known by."""
    labels = [label for label in address.host.split(".") if label not in ("www", "api", "chat")]
    plain = labels[0] if len(labels) > 1 and not labels[0].isdigit() else kind
    base = kind if address.is_loopback or ":" in address.host else plain
    names = (base, *(f"{base}-{number}" for number in range(2, 1000)))
    return next(name for name in names if name not in taken)


async def _by_key(http: Http, path: str, wish: Wish, asker: Asker) -> Credentials | None:
    key = wish.key
    if key is None:
        reply = await http.request("GET", path, anonymous=True)
        if reply.ok:
            return None
        if reply.status not in (401, 403):
            raise _no_list(http, path, reply)
        key = asker.secret(f"key for {http.address.url}")
    key = _usable(key)
    http.authorise({"Authorization": f"Bearer {key}"})
    reply = await http.request("GET", path)
    if reply.status in (401, 403):
        raise Refused(
            f"{http.name} does not take that key: {reply.words or reply.status}",
            hint="copy the whole key, and give it again",
        )
    if not reply.ok:
        raise _no_list(http, path, reply)
    return Credentials(http.address.origin, key)


def _no_list(http: Http, path: str, reply: Reply) -> RemoteError:
    if reply.status == 404:
        return Refused(
            f"{http.name} has no {path}, so it is of another kind",
            hint="without --kind chatterm finds out what it is",
        )
    return failure(http.name, reply.status, reply.words)


async def _to_openassistant(http: Http, wish: Wish, asker: Asker) -> Credentials:
    generation = await negotiate(http)
    offered = await providers(http)
    by_password = wish.provider == "password" or (offered == ["password"] and not _is_token(wish))
    if wish.key is not None and not by_password:
        return await _with_token(http, wish.key, wish.provider or "token")
    provider = wish.provider or _chosen(http, offered, wish)
    if provider == "debug":
        user = wish.user or ("me" if "local" in offered else asker.line("user name"))
        return await debug_login(http, generation, user)
    if provider == "password":
        user = wish.user or asker.line("user name")
        password = wish.key.strip() if wish.key else asker.secret(f"password of {user}")
        return await password_login(http, user, password)
    if offered and provider not in offered:
        raise Refused(
            f"{http.name} offers no login by {provider}", hint=f"it offers {', '.join(offered)}"
        )
    asker.tell(
        f"open {http.address.url}/auth/login/{provider} in a browser, log in there,"
        " and copy what it shows"
    )
    return await _with_token(http, asker.secret("what it shows"), provider)


def _chosen(http: Http, offered: list[str], wish: Wish) -> str:
    """A server that lists nothing is of the time when there was the login by name only."""
    if offered == ["password"]:
        return "password"
    # "local" is a server for whoever sits at its machine.
    if wish.user or not offered or offered == ["debug"] or "local" in offered:
        return "debug"
    if len(offered) == 1:
        return offered[0]
    raise ConfigError(
        f"{http.name} offers several ways to log in: {', '.join(offered)}",
        hint="choose one with --provider NAME; debug takes --user NAME",
    )


def _is_token(wish: Wish) -> bool:
    """Whether a piped secret is a key of chatterm's server or what a login shows: no password."""
    key = (wish.key or "").strip()
    return wish.provider is None and key.startswith(("ck-", "ca-", '{"'))


async def _with_token(http: Http, shown: str, provider: str) -> Credentials:
    found = tokens_of(shown)
    user = await checked(http, found)
    return Credentials(http.address.origin, found.access, found.refresh, user, provider)


def _usable(key: str) -> str:
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigError("this is no key", hint="copy the whole key and nothing else")
    return key
