"""Runs work in the foreground, until it is done or a signal ends it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from chatterm.engine.courtesy import let_the_engine_go_first

_ENDING_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Foreground:
    """An event loop whose work a signal stops; what was begun is put away first."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()

    def __enter__(self) -> Foreground:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.close()

    def run(self, work: Coroutine[Any, Any, None]) -> int:
        """Run to the end, or until a signal; the exit code says which."""
        let_the_engine_go_first()
        ended_by: list[int] = []
        try:
            self._runner.run(_until_told_to_end(work, ended_by))
        except asyncio.CancelledError:
            if not ended_by:
                raise
            return 128 + ended_by[0]
        return 0


async def _until_told_to_end(work: Coroutine[Any, Any, None], ended_by: list[int]) -> None:
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()

    def end(number: int) -> None:
        ended_by.append(number)
        task.cancel()

    for number in _ENDING_SIGNALS:
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, end, number)
    try:
        await work
    finally:
        for number in _ENDING_SIGNALS:
            with suppress(NotImplementedError):
                loop.remove_signal_handler(number)
