"""A backend that says what it is told, for what no real one can be made to do on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from chatterm.events import Done, Event, TextDelta
from chatterm.messages import ModelInfo, Request, Stop

Step = Event | float | BaseException | asyncio.Event
"""An event to yield, seconds or something else to wait for, or an error to raise."""


class ScriptedBackend:
    """Plays one script an answer, and remembers what it was asked."""

    name = "scripted"

    def __init__(self, *scripts: Sequence[Step]) -> None:
        self._scripts = [list(script) for script in scripts]
        self.requests: list[Request] = []
        self.closed_streams = 0

    def enqueue(self, *script: Step) -> None:
        self._scripts.append(list(script))

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        self.requests.append(request)
        script = self._scripts.pop(0)
        try:
            for step in script:
                if isinstance(step, BaseException):
                    raise step
                if isinstance(step, asyncio.Event):
                    await step.wait()
                elif isinstance(step, int | float):
                    await asyncio.sleep(step)
                else:
                    yield step
        finally:
            self.closed_streams += 1

    async def models(self) -> Sequence[ModelInfo]:
        return [ModelInfo("scripted", self.name)]

    async def aclose(self) -> None:
        return


def says(*words: str) -> list[Step]:
    """A script of text that ends well."""
    return [*(TextDelta(word) for word in words), Done(Stop.END)]


async def drained(events: AsyncGenerator[Event, None]) -> list[Event]:
    """All events of an answer, to its end."""
    async with aclosing(events) as stream:
        return [event async for event in stream]
