"""Says when a model is unsure of its answer: how likely its first tokens were tells.

A small model gives the answer to another question in sentences that are just as good. But it
chooses at the beginning, and where two answers were close, one of the first tokens was unlikely.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from chatterm.events import Done, Event, Notice, TextDelta
from chatterm.messages import Request, Role

FIRST_TOKENS = 14


@dataclass(frozen=True, slots=True)
class Doubt:
    """When to say that an answer may be wrong, and where else to look."""

    below: float = 0.0
    """An answer is in doubt when one of its first tokens was less likely; 0 never doubts."""
    suggest: Callable[[str], Sequence[str]] | None = None
    """Names what may help with a prompt."""

    def asking(self, request: Request) -> Request:
        """The request with what must be known to doubt its answer."""
        if not self.below or request.params.logprobs is not None:
            return request
        return replace(request, params=replace(request.params, logprobs=0))

    async def noticed(
        self, request: Request, events: AsyncGenerator[Event, None]
    ) -> AsyncGenerator[Event, None]:
        """The answer to a request, and before its end a notice if it is in doubt."""
        logprobs: list[float] = []
        async with aclosing(events):
            async for event in events:
                if isinstance(event, TextDelta) and self.below:
                    logprobs += [token.logprob for token in event.logprobs]
                    if request.params.logprobs is None:
                        event = TextDelta(event.text)
                if isinstance(event, Done) and least_chance(logprobs) < self.below:
                    yield Notice("doubt", await self._said(request))
                yield event

    async def _said(self, request: Request) -> str:
        said = f"{request.model} is not sure of this answer"
        asked = [message.text for message in request.path if message.role is Role.USER]
        if self.suggest is None or not asked:
            return said
        # What it takes to look things up must not hold up a screen that is being drawn.
        near = await asyncio.to_thread(self.suggest, asked[-1])
        return f"{said}; the nearest commands: {', '.join(near)}" if near else said


NO_DOUBT = Doubt()


def least_chance(logprobs: Sequence[float]) -> float:
    """Probability of the least likely of the first tokens."""
    return math.exp(min(logprobs[:FIRST_TOKENS], default=0.0))
