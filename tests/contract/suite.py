"""The contract of a backend, as checks that any backend can be put through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from chatterm.backend import Backend
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
from chatterm.messages import Message, Request, Role, State, Stop
from chatterm.params import Params

_DELTAS = (TextDelta, Replaced, ReasoningDelta, ToolCalled)
_BEFORE_DELTAS = (Queued, Progress)


def request(model: str, *texts: str, params: Params | None = None) -> Request:
    """A request whose path is a chat of those texts, user first."""
    roles = (Role.USER, Role.ASSISTANT)
    path = tuple(
        Message(
            id=f"m{at}",
            parent_id=f"m{at - 1}" if at else None,
            role=roles[at % 2],
            text=text,
            created_at=float(at),
            state=State.COMPLETE,
        )
        for at, text in enumerate(texts)
    )
    return Request(model=model, path=path, answer_id="a1", params=params or Params())


async def collect(backend: Backend, asked: Request) -> list[Event]:
    async with aclosing(backend.stream(asked)) as events:
        return [event async for event in events]


def text_of(events: list[Event]) -> str:
    text = ""
    for event in events:
        match event:
            case TextDelta(text=more):
                text += more
            case Replaced(text=text):
                pass
    return text


def check_order(events: list[Event]) -> None:
    """Waiting, then deltas, then exactly one Done, last; notices and links anywhere before it."""
    assert [event for event in events if isinstance(event, Done)] == events[-1:]
    seen_delta = False
    for event in events[:-1]:
        assert isinstance(event, (*_DELTAS, *_BEFORE_DELTAS, Notice, Linked)), event
        seen_delta = seen_delta or isinstance(event, _DELTAS)
        assert not (seen_delta and isinstance(event, _BEFORE_DELTAS)), event


def check_text(events: list[Event]) -> None:
    """No empty delta, and none that is half a character."""
    for event in events:
        if isinstance(event, TextDelta | ReasoningDelta):
            assert event.text
            event.text.encode()


def check_usage(events: list[Event]) -> None:
    done = events[-1]
    assert isinstance(done, Done)
    usage = done.usage
    assert usage.prompt_tokens == usage.cached_tokens + usage.evaluated_tokens
    assert usage.prompt_tokens > 0
    assert usage.completion_tokens > 0


async def first_delta(events: AsyncGenerator[Event, None]) -> Event:
    async for event in events:
        if isinstance(event, _DELTAS):
            return event
    raise AssertionError("the answer ended before its first delta")


async def check_aclose_ends_it(backend: Backend, asked: Request) -> None:
    """Closing the stream in the middle returns soon, and the next answer is whole."""
    events = backend.stream(asked)
    await first_delta(events)
    async with asyncio.timeout(5):
        await events.aclose()
    check_order(await collect(backend, asked))


async def check_cancel_ends_it(backend: Backend, asked: Request) -> None:
    """Cancelling whoever reads it ends the answer, and the next one is whole."""
    began = asyncio.Event()

    async def read() -> None:
        async with aclosing(backend.stream(asked)) as events:
            await first_delta(events)
            began.set()
            async for _ in events:
                pass

    task = asyncio.create_task(read())
    async with asyncio.timeout(30):
        await began.wait()
    task.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait([task])
    assert task.cancelled() or task.exception() is None
    check_order(await collect(backend, asked))


async def check_limit(backend: Backend, asked: Request) -> None:
    """``asked`` has max_tokens=3 and would go on."""
    events = await collect(backend, asked)
    done = events[-1]
    assert isinstance(done, Done)
    assert done.stop is Stop.LENGTH
    assert done.usage.completion_tokens == 3
