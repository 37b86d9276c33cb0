"""One answer on its way out: tokens in, events out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from chatterm.engine import wire
from chatterm.engine.prompts import AnswerMemory
from chatterm.errors import ChattermError
from chatterm.events import (
    Done,
    Event,
    Progress,
    Queued,
    Replaced,
    TextDelta,
    TokenLogprob,
    ToolCalled,
)
from chatterm.messages import Stop, Timings, Usage
from chatterm.parsing import AnswerParser, StopStrings, TextDecoder


class AnswerStream:
    """Listens to the scheduler and speaks to one client."""

    def __init__(
        self,
        parser: AnswerParser,
        stops: StopStrings,
        piece: Callable[[int], bytes],
        memory: AnswerMemory,
        *,
        send: Callable[[dict[str, Any]], None],
        end: Callable[[], None],
        is_gone: Callable[[], bool],
    ) -> None:
        self.is_gone = is_gone
        self._parser = parser
        self._stops = stops
        self._decoder = TextDecoder()
        self._piece = piece
        self._memory = memory
        self._send = send
        self._end = end
        self._tokens: list[int] = []
        self._logprobs: list[TokenLogprob] = []
        self._called = False
        self._thoughts = 0
        """Tokens that were thought, with the markers around them."""
        self._place: tuple[int, int] | None = None

    def queued(self, position: int, size: int) -> None:
        if self._place != (position, size):
            self._place = position, size
            self._say(Queued(position, size))

    def prompt(self, done: int, total: int) -> None:
        self._say(Progress("prompt", done, total))

    def token(self, token: int, logprob: TokenLogprob | None) -> Stop | None:
        self._tokens.append(token)
        if logprob is not None:
            self._logprobs.append(logprob)
        thinks = self._parser.is_reasoning
        text = self._decoder.feed(self._piece(token))
        shown, hit = self._stops.feed(text) if text else ("", None)
        if shown:
            self._pass_on(self._parser.feed(shown))
        self._thoughts += thinks or self._parser.is_reasoning
        return Stop.STOP if hit is not None else None

    def finished(self, stop: Stop, usage: Usage, timings: Timings) -> None:
        if stop is not Stop.STOP:
            shown, hit = self._stops.feed(self._decoder.finish())
            if hit is None:
                shown += self._stops.finish()
            self._pass_on(self._parser.feed(shown))
        self._pass_on(self._parser.finish())
        self._memory.remember(self._tokens)
        if self._called and stop is Stop.END:
            stop = Stop.TOOL
        self._say(Done(stop, replace(usage, reasoning_tokens=self._thoughts), timings))
        self._end()

    def failed(self, error: ChattermError) -> None:
        self._send(wire.error_to_json(error))
        self._end()

    def _pass_on(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, TextDelta) and self._logprobs:
                event = TextDelta(event.text, tuple(self._logprobs))
                self._logprobs.clear()
            self._called = self._called or isinstance(event, ToolCalled)
            if isinstance(event, Replaced):
                # A closing tag that nothing opened: all before it was thought, and it is as well.
                self._thoughts = len(self._tokens)
            self._say(event)

    def _say(self, event: Event) -> None:
        self._send(wire.event_to_json(event))
