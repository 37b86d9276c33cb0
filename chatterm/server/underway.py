"""A job while it can be followed: what it has said, who follows it, and where it stands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace

from chatterm.errors import ChattermError, EngineError
from chatterm.events import Done, Event, Queued, ReasoningDelta, Replaced, TextDelta, ToolCalled
from chatterm.messages import Embedded, Stop, ToolCall
from chatterm.server.queue import Lane
from chatterm.server.work import Job, JobState, Numbered, Texts, Work, Written


class UnderWay:
    """A job that is under way, or over and not yet forgotten."""

    def __init__(self, value: Job, work: Work, lane: Lane[UnderWay]) -> None:
        self.value = value
        self.work = work
        self.lane = lane
        self.log: list[Numbered] = []
        self.task: asyncio.Task[None] | None = None
        self.deadline: asyncio.TimerHandle | None = None
        self.end: tuple[JobState, ChattermError | None] | None = None
        self.error: ChattermError | None = None
        self.followers = 0
        self.has_begun = False
        self.unwritten = False
        self.place = (0, 0)
        self.bell = asyncio.Event()
        self.embedded: Embedded | None = None
        """What came of texts."""
        self._prefill = "" if isinstance(work.request, Texts) else work.request.prefill
        self._text: list[str] = [self._prefill] if self._prefill else []
        self._reasoning: list[str] = []
        self._calls: list[ToolCall] = []

    @property
    def user_id(self) -> str:
        return self.value.user_id

    @property
    def is_over(self) -> bool:
        return self.value.state.is_over

    def seen(self) -> Job:
        if self.value.state is not JobState.PENDING:
            return self.value
        return replace(self.value, position=self.place[0], size=self.place[1])

    def written(self) -> Written:
        return Written("".join(self._text), "".join(self._reasoning), tuple(self._calls))

    def add(self, event: Event) -> None:
        match event:
            case TextDelta(text=text):
                self._text.append(text)
            case Replaced(text=text):
                self._text = [self._prefill, text] if self._prefill else [text]
            case ReasoningDelta(text=text):
                self._reasoning.append(text)
            case ToolCalled(call=call):
                self._calls.append(call)
            case _:
                pass
        self.unwritten = True
        self.log.append(Numbered(len(self.log) + 1, event))
        self.ring()

    def move(self, position: int, size: int) -> None:
        if self.place != (position, size):
            self.place = (position, size)
            self.ring()

    def ring(self) -> None:
        """Wake whoever follows."""
        self.bell.set()
        self.bell = asyncio.Event()


async def followed(job: UnderWay, after: int) -> AsyncGenerator[Numbered, None]:
    seen = max(0, min(after, len(job.log)))
    place: tuple[int, int] | None = None
    while True:
        bell = job.bell
        if job.value.state is JobState.PENDING and job.place != place:
            place = job.place
            yield Numbered(seen, Queued(*place))
            continue
        while seen < len(job.log):
            seen += 1
            yield job.log[seen - 1]
        if job.is_over:
            if job.error is not None:
                raise job.error
            return
        if bell is job.bell:
            await bell.wait()


def recalled(job: Job, written: Written, after: int) -> Iterator[Numbered]:
    """The events of a kept job as its row tells them."""
    events: list[Event] = []
    if written.reasoning and not after:
        events.append(ReasoningDelta(written.reasoning))
    if after or written.text:
        events.append(Replaced(written.text) if after else TextDelta(written.text))
    events += [ToolCalled(call) for call in written.tool_calls]
    if not job.error:
        events.append(Done(job.stop or Stop.CANCELLED, job.usage, job.timings))
    for number, event in enumerate(events, after + 1):
        yield Numbered(number, event)
    if job.error:
        raise EngineError(job.error)
