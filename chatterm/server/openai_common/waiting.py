"""Waiting for an answer on behalf of a client that may go away meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from fastapi import Request

from chatterm.server.openai_common.errors import Refusal
from chatterm.server.openai_common.sse import left

_T = TypeVar("_T")
_CLIENT_LEFT = 499
"""As nginx writes it down; nobody reads it."""


async def unless_left(request: Request, work: Coroutine[Any, Any, _T]) -> _T:
    """The result of some work, which is cancelled when the client goes away."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(left(request.receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Refusal(_CLIENT_LEFT, "the client left")
        return await _only(working)
    finally:
        for task in (leaving, working):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def _only(task: asyncio.Task[_T]) -> _T:
    """A result, or the one error of a group of tasks."""
    try:
        return await task
    except ExceptionGroup as group:
        first = group.exceptions[0]
        raise first from first.__cause__
