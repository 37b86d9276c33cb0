"""Several streams of events as one, in the order in which they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress

from chatterm.events import Event

_ROOM = 64
"""Events that may wait for a slow reader."""


async def merged(
    sources: Sequence[AsyncGenerator[Event, None]],
) -> AsyncGenerator[tuple[int, Event], None]:
    """Each event with the number of its stream. The first failure ends all of them."""
    if len(sources) == 1:
        # Nearly always; a queue and a task more for every token would be for nothing.
        async with aclosing(sources[0]) as events:
            async for event in events:
                yield 0, event
        return
    queue: asyncio.Queue[tuple[int, Event | Exception | None]] = asyncio.Queue(_ROOM)
    pumps = [
        asyncio.create_task(_pump(number, source, queue)) for number, source in enumerate(sources)
    ]
    try:
        left = len(sources)
        while left:
            number, item = await queue.get()
            if item is None:
                left -= 1
            elif isinstance(item, Exception):
                raise item
            else:
                yield number, item
    finally:
        for task in pumps:
            task.cancel()
        for task in pumps:
            with suppress(asyncio.CancelledError):
                await task


async def _pump(
    number: int,
    source: AsyncGenerator[Event, None],
    queue: asyncio.Queue[tuple[int, Event | Exception | None]],
) -> None:
    end: Exception | None = None
    try:
        async with aclosing(source) as events:
            async for event in events:
                await queue.put((number, event))
    except Exception as error:  # noqa: BLE001  (raised again where it is read)
        end = error
    await queue.put((number, end))
