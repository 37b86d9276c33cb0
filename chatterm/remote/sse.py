"""Server-sent events out of bytes, however the network cut them.

httpx-sse takes lines apart; this adds what a client must not do without: characters that were cut
in half, a byte order mark, and an end to lines that have none. Events without data are none, so
keep-alives of every form vanish here. An event that the end of the stream cut off is dropped.
"""

from __future__ import annotations

import codecs
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, cast

from httpx_sse import EventSource, ServerSentEvent

from chatterm.errors import BadReply

EVENT_LIMIT = 10_000_000
"""Characters of one event; a server that sends more is not sending an answer."""


async def sse_events(
    chunks: AsyncIterator[bytes], *, limit: int = EVENT_LIMIT
) -> AsyncGenerator[ServerSentEvent, None]:
    """The events in a stream of bytes."""
    text = _Text(chunks, limit)
    # EventSource needs no more of a response than its content type and its text.
    source = EventSource(cast(Any, text))
    async with aclosing(source.aiter_sse()) as events:
        async for event in events:
            text.waiting = 0
            if event.data:
                yield event


class _Text:
    """Bytes as text, as an ``httpx.Response`` gives it."""

    headers = {"content-type": "text/event-stream"}

    def __init__(self, chunks: AsyncIterator[bytes], limit: int) -> None:
        self._chunks = chunks
        self._limit = limit
        self.waiting = 0
        """Characters that came since the last event."""

    async def aiter_text(self) -> AsyncGenerator[str, None]:
        decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        last = ""
        async for chunk in self._chunks:
            text = decoder.decode(chunk)
            if not text:
                continue
            self.waiting += len(text)
            if self.waiting > self._limit:
                raise BadReply(
                    f"the server sent an event of more than {self._limit // 1_000_000} MB",
                    hint="this is a fault of the server",
                )
            last = text[-1]
            yield text
        if last in ("\r", "\n"):
            # Some servers leave out the empty line that ends the last event.
            yield "\n" if last == "\n" else "\r\n\n"
