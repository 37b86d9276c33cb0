"""Lets what comes quickly gather for a moment, so that a token does not cost a turn of the loop.

Waking for one packet costs many times what its token costs to understand. A stream that brings
them faster than a screen is drawn is read once a moment; a slower one is read as it comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

MOMENT = 0.02
"""Seconds; what comes within it is seen at once."""
QUICK = 0.008
"""Seconds between chunks from which on gathering them is worth a timer."""


async def gathered(
    chunks: AsyncIterator[bytes], moment: float = MOMENT, quick: float = QUICK
) -> AsyncGenerator[bytes, None]:
    """The same chunks. After one that was waited for, but not for long, more are let come."""
    loop = asyncio.get_running_loop()
    turn = _Turn(loop)
    while True:
        turn.watch()
        began = loop.time()
        try:
            chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        came_quickly = turn.is_over and loop.time() - began < quick
        yield chunk
        if came_quickly:
            await asyncio.sleep(moment)


class _Turn:
    """Tells whether the loop has gone round, which it does when something has to be waited for."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.is_over = True

    def watch(self) -> None:
        if self.is_over:
            self.is_over = False
            self._loop.call_soon(self._end)

    def _end(self) -> None:
        self.is_over = True
