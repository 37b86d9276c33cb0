"""Around everything: who may not ask at all, bodies that are too large or too slow, and bugs.

A body is counted while it comes, so that one that is too large is never held. No bug shows a
traceback.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatterm.server.access import Access
from chatterm.server.problems import Problem

_log = logging.getLogger("chatterm.server")
_FORM = b"application/x-www-form-urlencoded"
_PIECE_SECONDS = 30.0
"""How long a piece of a body may take to come."""
_BODY_SECONDS = 600.0
"""How long all of a body may take."""


class Guard:
    """Refuses in the words of the dialect that owns the path."""

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        refused: Callable[[str, Problem], Response],
        body_limit: int,
    ) -> None:
        self._app = app
        self._access = access
        self._refused = refused
        self._limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        guarded = _Guarded(self._limit, receive, send)
        try:
            problem = self._access.page_problem(Headers(scope=scope))
            if problem is not None:
                raise problem
            if guarded.says_too_much(scope):
                raise _too_large()
            # In place, since what the routes note in the scope is read outside.
            scope["headers"] = _as_json(scope["headers"])
            await self._app(scope, guarded.receive, guarded.send)
        except Problem as error:
            found = error
        except HTTPException as error:
            kind = "timeout" if error.status_code == 408 else "too_large"
            found = Problem(error.status_code, str(error.detail), kind=kind)
        except Exception:  # noqa: BLE001  (the server's last resort)
            _log.exception("a request met a bug")
            found = Problem(500, "Internal Server Error", kind="bug")
        else:
            return
        if not guarded.has_begun:
            await self._refused(scope["path"], found)(scope, receive, send)


def _as_json(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """``curl -d`` calls every body a form, and no route here takes one."""
    return [
        (name, b"application/json" if name == b"content-type" and value == _FORM else value)
        for name, value in headers
    ]


class _Guarded:
    def __init__(self, limit: int, receive: Receive, send: Send) -> None:
        self._left = limit
        self._receive = receive
        self._send = send
        self._is_whole = False
        self._until = asyncio.get_running_loop().time() + _BODY_SECONDS
        self.has_begun = False

    def says_too_much(self, scope: Scope) -> bool:
        length = dict(scope["headers"]).get(b"content-length", b"0")
        return not length.isdigit() or int(length) > self._left

    async def receive(self) -> Message:
        if self._is_whole:
            # What comes now is that the client is gone, which may take as long as an answer.
            return await self._receive()
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(min(_PIECE_SECONDS, max(0.0, self._until - now))):
                message = await self._receive()
        except TimeoutError as error:
            raise HTTPException(408, "The request did not come in time") from error
        self._is_whole = not message.get("more_body", False)
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise _too_large()
        return message

    async def send(self, message: Message) -> None:
        self.has_begun = True
        await self._send(message)


def _too_large() -> HTTPException:
    return HTTPException(413, "The request is too large")
