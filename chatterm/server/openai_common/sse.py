"""Server-sent events for clients that break on anything but data and comments.

The answer begins when there is something to say, so that a request that fails early fails with a
status. After that a failure is an event. While nothing happens a comment keeps the line open, and
a client that goes away ends its source at once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Any, TypeAlias

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from chatterm.server.leaving import ClientLeft, ended, while_there

KEEP_ALIVE_SECONDS = 10.0
"""Between two signs of life."""
START_SECONDS = 5.0
"""So long an answer may take to begin before its status is sent anyway."""

Source: TypeAlias = AsyncGenerator[str, None]
"""Blocks of an event stream."""


def block(value: Any, event: str = "") -> str:
    """One event."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"event: {event}\ndata: {text}\n\n" if event else f"data: {text}\n\n"


def comment(text: str) -> str:
    """A line that clients skip."""
    return f": {' '.join(text.split())}\n\n"


class EventStream(Response):
    """Sends what a source says. ``failed`` writes an error down as a block."""

    media_type = "text/event-stream"

    def __init__(
        self,
        source: Source,
        *,
        failed: Callable[[Exception], str],
        refused: Callable[[Exception], Response],
        keep_alive: float = KEEP_ALIVE_SECONDS,
        start: float = START_SECONDS,
    ) -> None:
        super().__init__()
        self._source = source
        self._failed = failed
        self._refused = refused
        self._keep_alive = keep_alive
        self._start = start
        del self.headers["content-length"]
        self.headers["cache-control"] = "no-cache"
        self.headers["x-accel-buffering"] = "no"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(ClientLeft):
            await while_there(receive, self._tell(scope, receive, send))

    async def _tell(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what the source says, in this task: a task more for each block costs as much."""
        line = _Line(send, self.raw_headers)
        filling = asyncio.create_task(self._fill(line))
        error: Exception | None = None
        try:
            async with aclosing(self._source) as source:
                async for text in source:
                    await line.say(text)
        except Exception as found:  # noqa: BLE001  (told to the client, in the dialect's words)
            error = found
        finally:
            await ended(filling)
        if error is not None and not line.has_begun.is_set():
            await self._refused(error)(scope, receive, send)
            return
        await line.end("" if error is None else self._failed(error))

    async def _fill(self, line: _Line) -> None:
        """Begin without data when it takes too long, and never be silent for long after that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._start):
                await line.has_begun.wait()
        await line.begin()
        loop = asyncio.get_running_loop()
        while True:
            quiet = self._keep_alive - (loop.time() - line.said_at)
            if quiet > 0:
                await asyncio.sleep(quiet)
            else:
                await line.say(comment("keep-alive"))


class _Line:
    """The client's end: nothing is sent before there is data, or it begins without."""

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._headers = headers
        self._held = ""
        self._time = asyncio.get_running_loop().time
        self.has_begun = asyncio.Event()
        self.said_at = 0.0

    async def begin(self) -> None:
        if self.has_begun.is_set():
            return
        self.has_begun.set()
        head = {"type": "http.response.start", "status": 200, "headers": self._headers}
        await self._send(head)
        if self._held:
            await self.say(self._held)

    async def say(self, text: str) -> None:
        """Send a block; of comments before the beginning the last one counts."""
        if not self.has_begun.is_set():
            if text.startswith(":"):
                self._held = text
                return
            self._held = ""
            await self.begin()
        self.said_at = self._time()
        await self._send({"type": "http.response.body", "body": text.encode(), "more_body": True})

    async def end(self, text: str) -> None:
        """Send the last block, if there is one, and no more."""
        if not self.has_begun.is_set():
            self._held = ""
            await self.begin()
        await self._send({"type": "http.response.body", "body": text.encode(), "more_body": False})
