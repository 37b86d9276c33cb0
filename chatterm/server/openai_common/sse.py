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
from starlette.types import Message, Receive, Scope, Send

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
        sending = asyncio.create_task(self._send(scope, receive, send))
        leaving = asyncio.create_task(left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _ended(leaving)
            if not sending.done():
                await _ended(sending)
        if sending.done() and not sending.cancelled():
            sending.result()

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._source) as source:
            coming: asyncio.Future[str | None] = asyncio.ensure_future(anext(source, None))
            try:
                coming, held = await self._start_of(source, coming)
                error = coming.exception() if coming.done() else None
                if isinstance(error, Exception):
                    await self._refused(error)(scope, receive, send)
                    return
                await self._begin(send)
                text, ended = held.encode(), False
                while not ended:
                    if text:
                        await send(_part(text, more=True))
                    text, ended = await self._next(coming)
                    if coming.done() and not ended:
                        coming = asyncio.ensure_future(anext(source, None))
                await send(_part(text, more=False))
            finally:
                await _ended(coming)

    async def _start_of(
        self, source: Source, coming: asyncio.Future[str | None]
    ) -> tuple[asyncio.Future[str | None], str]:
        """Wait for the first data, or long enough; comments before it say nothing by then."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._start
        held = ""
        while (left := deadline - loop.time()) > 0:
            done, _ = await asyncio.wait({coming}, timeout=left)
            if not done or coming.exception() is not None:
                break
            text = coming.result()
            if text is None or not text.startswith(":"):
                return coming, ""
            held = text
            coming = asyncio.ensure_future(anext(source, None))
        return coming, held

    async def _begin(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

    async def _next(self, coming: asyncio.Future[str | None]) -> tuple[bytes, bool]:
        """What to send now, and whether it is the last."""
        done, _ = await asyncio.wait({coming}, timeout=self._keep_alive)
        if not done:
            return b": keep-alive\n\n", False
        error = coming.exception()
        if isinstance(error, Exception):
            return self._failed(error).encode(), True
        text = coming.result()
        return (b"", True) if text is None else (text.encode(), False)


def _part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def left(receive: Receive) -> None:
    """Return once the client is gone."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return


async def _ended(task: asyncio.Future[Any]) -> None:
    """Cancel a task and let it clean up; what it says no longer matters to anybody."""
    task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await task
