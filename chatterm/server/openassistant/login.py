"""Who somebody is: logins by password or by name, refreshed and ended; clients that vouch."""

from __future__ import annotations

import asyncio
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Header, Request
from starlette.responses import RedirectResponse, Response

from chatterm.server.access import Public, UseCaller
from chatterm.server.core import Server
from chatterm.server.guessing import Guesses
from chatterm.server.hashing import password_matches
from chatterm.server.logins import Tokens
from chatterm.server.openassistant.wire import JsonObject, Password, user_json
from chatterm.server.problems import Problem, QueueFull
from chatterm.server.users import User

_NAME_LENGTH = 200
_AT_ONCE = 2
"""Checking a password takes memory on purpose."""
_MOST_WAITING = 20


class Doorkeeper:
    """Checks passwords, not too many at once and not too many in a row."""

    def __init__(self, server: Server) -> None:
        self._users = server.people.users
        self._guesses = Guesses(server.clock)
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def by_password(self, name: str, password: str, address: str) -> User:
        if self._waiting >= _MOST_WAITING:
            raise QueueFull(1)
        self._guesses.begin(name, address)
        hashed = self._users.password_hash(name)
        self._waiting += 1
        try:
            async with self._turn:
                matches = await asyncio.to_thread(password_matches, hashed, password)
        finally:
            self._waiting -= 1
        user = self._users.named(name)
        if not matches or user is None:
            raise Problem(401, "Wrong name or password", kind="login")
        self._guesses.right(name, address)
        return user


def routes(server: Server) -> APIRouter:
    router = APIRouter(tags=["auth"])
    _by_name(router, server)
    _by_password(router, server)
    _tokens(router, server)
    return router


def _named(server: Server, name: str) -> User:
    """Whoever says who they are, where that is enough."""
    if not name:
        raise Problem(400, "Username is required", param="code")
    if server.settings.options.by_name:
        return server.people.users.vouched("debug", name[:_NAME_LENGTH], name[:_NAME_LENGTH])
    if server.access.local is not None:
        return server.access.local
    raise Problem(403, "Debug auth is not allowed", kind="forbidden")


def _by_name(router: APIRouter, server: Server) -> None:
    @router.get("/auth/callback/debug")
    async def callback_debug(_: Public, request: Request, code: str) -> JsonObject:
        return _pair(server.people.logins.begin(_named(server, code)))

    @router.get("/auth/login/debug", response_model=None)
    async def login_debug(
        _: Public, request: Request, username: str, state: str | None = None
    ) -> JsonObject | Response:
        """With a state a browser is on its way; without one it is an old text client."""
        user = _named(server, username)
        if state is not None:
            place = f"/auth/callback/debug?code={quote(username, safe='')}"
            return RedirectResponse(f"{place}&state={quote(state, safe='')}", 302)
        return _flat(server.people.logins.begin(user).access, "bearer")

    @router.get("/auth/login/{provider}")
    async def login_elsewhere(_: Public, provider: str) -> None:
        raise Problem(404, f"There is no login by {provider} here", kind="not_found")

    @router.get("/auth/callback/{provider}")
    async def callback_elsewhere(_: Public, provider: str) -> None:
        raise Problem(404, f"There is no login by {provider} here", kind="not_found")


def _by_password(router: APIRouter, server: Server) -> None:
    door = Doorkeeper(server)

    @router.get("/auth/providers")
    async def providers(_: Public) -> list[str]:
        if server.settings.options.by_name:
            return ["debug", "password"] if server.people.users.all() else ["debug"]
        return ["local", "debug"] if server.access.local is not None else ["password"]

    @router.post("/auth/login")
    async def log_in(_: Public, request: Request, body: Password) -> JsonObject:
        address = request.client.host if request.client else ""
        user = await door.by_password(body.username, body.password, address)
        return _pair(server.people.logins.begin(user))

    @router.post("/auth/trusted")
    async def trusted(
        _: Public, header: Annotated[str | None, Header(alias="TrustedClient")] = None
    ) -> JsonObject:
        """Register a user of a trusted client."""
        if not header:
            raise Problem(401, "Missing token", kind="login")
        return user_json(server.access.trusted(header, must_exist=False))


def _tokens(router: APIRouter, server: Server) -> None:
    @router.get("/auth/check")
    async def check(caller: UseCaller) -> str:
        return caller.id

    @router.get("/auth/refresh")
    async def refresh(
        _: Public, token: Annotated[str | None, Header(alias="Refresh")] = None
    ) -> JsonObject:
        """A refresh token works once; the reply has the next one."""
        if not token:
            raise Problem(401, "Not authenticated", kind="login")
        tokens = server.people.logins.refresh(token)
        return {**_flat(tokens.access, "bearer"), "refresh_token": tokens.refresh}

    @router.post("/auth/logout")
    async def log_out(caller: UseCaller, request: Request) -> None:
        """End the login that this request is made with."""
        text = request.headers.get("Authorization", "").partition(" ")[2].strip()
        if caller.by == "login":
            server.people.logins.end(text)


def _flat(token: str, kind: str) -> JsonObject:
    return {"access_token": token, "token_type": kind}


def _pair(tokens: Tokens) -> JsonObject:
    return {
        "access_token": _flat(tokens.access, "bearer"),
        "refresh_token": _flat(tokens.refresh, "refresh"),
    }
