"""Requests with a token that may expire: refreshed once, else the login is repeated, else told.

A genuine refresh token is refused by every released server, so a refusal there means nothing and
the login decides. Each request is repeated once at most.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from chatterm.errors import BadReply, ChattermError, ConfigError, Refused
from chatterm.remote._http import Http, Reply, Stream
from chatterm.remote.auth import Credentials, CredentialStore
from chatterm.remote.failures import failure
from chatterm.remote.openassistant.generation import Generation, negotiate


class Access:
    """A server, for one user."""

    def __init__(self, http: Http, store: CredentialStore) -> None:
        self.http = http
        self._store = store
        self._credentials = store.get(http.name, http.address.origin)
        self._generation: Generation | None = None
        self._renewing = asyncio.Lock()

    @property
    def name(self) -> str:
        return self.http.name

    async def generation(self) -> Generation:
        if self._generation is None:
            self._generation = await negotiate(self.http)
        return self._generation

    def learn(self, generation: Generation) -> None:
        """Remember what a request has shown."""
        self._generation = generation

    async def request(self, method: str, path: str, *, body: Any = None) -> Reply:
        """A reply of any status but one that a new token may mend."""
        token = self._token()
        reply = await self.http.request(method, path, body=body)
        if _wants_login(reply):
            await self._renew(token, reply)
            reply = await self.http.request(method, path, body=body)
            if _wants_login(reply):
                raise self._locked_out(reply)
        return reply

    @asynccontextmanager
    async def stream(self, path: str, seen: str = "") -> AsyncIterator[Stream | Reply]:
        """A stream, or the whole reply where it is none; ``seen`` is the id of the last event."""
        token = self._token()
        headers = {"Accept": "text/event-stream"}
        if seen:
            headers["Last-Event-ID"] = seen
        within = self.http.limits.reply
        for is_last in (False, True):
            async with self.http.stream("GET", path, headers=headers, first=within) as stream:
                if stream.status == 200:
                    yield stream
                    return
                reply = await stream.reply()
            if not _wants_login(reply):
                yield reply
                return
            if is_last:
                raise self._locked_out(reply)
            await self._renew(token, reply)

    def _token(self) -> str:
        if self._credentials is None or not self._credentials.access:
            raise Refused(
                f"you are not logged in to {self.name}", hint=f"chatterm login {self.name}"
            )
        self.http.authorise(_bearer(self._credentials.access))
        return self._credentials.access

    async def _renew(self, used: str, reply: Reply) -> None:
        """Get a token in place of the one that was used, unless that has happened already."""
        async with self._renewing:
            if self._token() != used:
                return
            kept = self._store.get(self.name, self.http.address.origin)
            if kept is not None and kept.access not in ("", used):
                # Another process was faster; a refresh token may work only once.
                self._credentials = kept
                self._token()
                return
            fresh = await self._refreshed() or await self._logged_in_again()
            if fresh is None:
                raise self._locked_out(reply)
            self._credentials = fresh
            self._store.put(self.name, fresh)
            self._token()

    async def _refreshed(self) -> Credentials | None:
        known = self._credentials
        if known is None or not known.refresh:
            return None
        reply = await self.http.request(
            "GET", "/auth/refresh", headers={"Refresh": known.refresh}, anonymous=True
        )
        if not reply.ok:
            return None
        try:
            found = tokens_of(reply.body.decode("utf-8", "replace"))
        except ConfigError:
            return None
        return replace(known, access=found.access, refresh=found.refresh or known.refresh)

    async def _logged_in_again(self) -> Credentials | None:
        known = self._credentials
        if known is None or known.provider != "debug" or not known.user:
            return None
        try:
            return await debug_login(self.http, await self.generation(), known.user)
        except Refused:
            return None

    def _locked_out(self, reply: Reply) -> ChattermError:
        return Refused(
            f"{self.name} does not let you in any more: {reply.words or reply.status}",
            hint=f"your text is kept; log in with chatterm login {self.name}, then regenerate",
        )


async def debug_login(http: Http, generation: Generation, user: str) -> Credentials:
    """Log in by name alone, as servers for development allow."""
    path = "/auth/callback/debug?code=" if generation.code_login else "/auth/login/debug?username="
    reply = await http.request("GET", path + quote(user, safe=""), anonymous=True)
    if not reply.ok:
        raise Refused(
            f"{http.name} does not let {user!r} in: {reply.words or reply.status}",
            hint="see the ways to log in that it offers: chatterm login --provider NAME",
        )
    try:
        found = tokens_of(reply.body.decode("utf-8", "replace"))
    except ConfigError as error:
        raise BadReply(f"{http.name} answered the login with something else") from error
    return replace(found, origin=http.address.origin, user=user, provider="debug")


async def password_login(http: Http, user: str, password: str) -> Credentials:
    """Log in by name and password, as chatterm's own server wants it."""
    body = {"username": user, "password": password}
    reply = await http.request("POST", "/auth/login", body=body, anonymous=True)
    if not reply.ok:
        wait = reply.wait(http.clock())
        raise Refused(
            f"{http.name} does not let {user!r} in: {reply.words or reply.status}",
            hint="check both" if wait is None else f"try again in {wait:.0f} s",
        )
    try:
        found = tokens_of(reply.body.decode("utf-8", "replace"))
    except ConfigError as error:
        raise BadReply(f"{http.name} answered the login with something else") from error
    return replace(found, origin=http.address.origin, user=user, provider="password")


async def end_login(http: Http, token: str) -> None:
    """Have the server forget a token, if it can and is there."""
    http.authorise(_bearer(token))
    with suppress(ChattermError):
        await http.request("POST", "/auth/logout")


async def providers(http: Http) -> list[str]:
    """The ways to log in that a server offers; none is known of one too old to tell."""
    reply = await http.request("GET", "/auth/providers", anonymous=True)
    try:
        value = reply.json() if reply.ok else []
    except BadReply:
        value = []
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


async def checked(http: Http, given: Credentials) -> str:
    """Make sure that a token opens the server; the name of its user, where the server tells."""
    http.authorise(_bearer(given.access))
    reply = await http.request("GET", "/auth/check")
    if _wants_login(reply):
        raise failure(http.name, 401, reply.words)
    try:
        value = reply.json() if reply.ok else ""
    except BadReply:
        value = ""
    return value if isinstance(value, str) else ""


def tokens_of(text: str) -> Credentials:
    """The tokens in what a login shows: a pair, one of them, or the bare token."""
    wrong = ConfigError(
        "this is not what the login shows",
        hint="copy the whole text, from the first { to the last }",
    )
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text.strip()
    access, refresh = _token_in(value), ""
    if isinstance(value, Mapping):
        given = value.get("access_token")
        access = _token_in(given) if isinstance(given, Mapping) else access
        # Some servers give the next refresh token with each refresh.
        refresh = _token_in(value.get("refresh_token"))
    if not access or not access.isascii() or not access.isprintable() or " " in access:
        raise wrong
    return Credentials("", access, refresh)


def _token_in(value: Any) -> str:
    if isinstance(value, Mapping):
        value = value.get("access_token")
    return value if isinstance(value, str) else ""


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _wants_login(reply: Reply) -> bool:
    if reply.status in (401, 403):
        return True
    told = (reply.status, reply.words)
    return told in ((400, "Invalid token type"), (404, "User not found"))
