"""Writes an answer down while it comes, and finishes it whatever ends it.

What has come is in the store at least once a second, so a crash costs at most the last second.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import assert_never

from chatterm.errors import ChattermError
from chatterm.events import (
    Done,
    Event,
    Linked,
    Notice,
    Progress,
    Queued,
    ReasoningDelta,
    Replaced,
    TextDelta,
    ToolCalled,
)
from chatterm.messages import Message, State, Stop, Timings, ToolCall, Usage
from chatterm.store import Store

CHECKPOINT_SECONDS = 0.5
"""Half of what may be lost, so that a slow disk still keeps the promise."""


class Record:
    """One answer on its way into the store."""

    def __init__(
        self, store: Store, remote: str, row: Message, monotonic: Callable[[], float]
    ) -> None:
        self._store = store
        self._remote = remote
        self._id = row.id
        self._prefill = [row.text] if row.text else []
        self._text = list(self._prefill)
        self._reasoning: list[str] = []
        self._tool_calls: list[ToolCall] = []
        self._unwritten = False
        self._monotonic = monotonic
        self._started = monotonic()
        self._first_token: float | None = None

    async def written(self, events: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
        """Pass the events on. ``Done`` is passed on only once the answer is finished."""
        state, error = State.FAILED, "the answer ended unexpectedly"
        done: Done | None = None
        keeper = asyncio.create_task(self._keep())
        try:
            async with aclosing(events):
                async for event in events:
                    self._take(event)
                    if keeper.done():
                        keeper.result()
                    if isinstance(event, Done):
                        done = event
                        break
                    yield event
            if done is not None:
                state, error = State.COMPLETE, ""
        except (asyncio.CancelledError, GeneratorExit):
            state, error = State.STOPPED, ""
            raise
        except ChattermError as failure:
            error = failure.message
            raise
        finally:
            keeper.cancel()
            done = self._finish(state, error, done)
        if state is State.FAILED:
            raise ChattermError(error, hint="this is a bug of the backend; please report it")
        yield done

    def _take(self, event: Event) -> None:
        match event:
            case TextDelta(text=text):
                self._mark_token()
                self._text.append(text)
            case Replaced(text=text):
                self._mark_token()
                self._text = [*self._prefill, text]
            case ReasoningDelta(text=text):
                self._mark_token()
                self._reasoning.append(text)
            case ToolCalled(call=call):
                self._mark_token()
                self._tool_calls.append(call)
            case Linked(local_id=local_id, remote_id=remote_id):
                self._store.link(local_id, self._remote, remote_id)
            case Queued() | Progress() | Notice() | Done():
                pass
            case _:
                assert_never(event)

    def _mark_token(self) -> None:
        self._unwritten = True
        if self._first_token is None:
            self._first_token = self._monotonic()

    async def _keep(self) -> None:
        """Write down what came, whether or not more is coming."""
        while True:
            await asyncio.sleep(CHECKPOINT_SECONDS)
            if self._unwritten:
                self._unwritten = False
                self._store.checkpoint(
                    self._id, text="".join(self._text), reasoning="".join(self._reasoning)
                )

    def _finish(self, state: State, error: str, done: Done | None) -> Done:
        timings = self._timings(done.timings if done else Timings())
        stop = done.stop if done else Stop.CANCELLED
        usage = done.usage if done else Usage()
        self._store.finish(
            self._id,
            state=state,
            text="".join(self._text),
            reasoning="".join(self._reasoning),
            error=error,
            tool_calls=tuple(self._tool_calls),
            stop=stop if state is not State.FAILED else None,
            usage=usage,
            timings=timings,
        )
        return Done(stop, usage, timings)

    def _timings(self, known: Timings) -> Timings:
        """Fill in what can be seen from here where the backend did not say."""
        if self._first_token is None:
            return known
        now = self._monotonic()
        first = known.first_token_ms
        generation = known.generation_ms
        return Timings(
            queue_ms=known.queue_ms,
            load_ms=known.load_ms,
            prompt_ms=known.prompt_ms,
            first_token_ms=(self._first_token - self._started) * 1000 if first is None else first,
            generation_ms=(now - self._first_token) * 1000 if generation is None else generation,
        )
