"""Work for a client, which ends when the client goes: whatever it holds is free at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from starlette.types import Receive

_T = TypeVar("_T")


class ClientLeft(Exception):
    """Nobody is there any more to be told anything."""


async def while_there(receive: Receive, work: Coroutine[Any, Any, _T]) -> _T:
    """The result of some work; ``ClientLeft`` if the client goes before there is one."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_left(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientLeft
        return working.result()
    finally:
        await ended(leaving)
        await ended(working)


async def ended(task: asyncio.Future[Any]) -> None:
    """Cancel a task and let it clean up; what it says no longer matters to anybody."""
    task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await task


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
