"""Jobs: fair, bounded, followed by many, and never left open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

import pytest

from chatterm.errors import ChattermError, EngineError, NotFound, StoreError
from chatterm.events import Done, Event, Queued, Replaced, TextDelta
from chatterm.messages import Embedded, Message, Request, Role, Stop, Usage
from chatterm.server.jobs import Jobs
from chatterm.server.problems import QueueFull, TimedOut, TooMany
from chatterm.server.work import Job, JobState, Rules, Texts, Work, Written
from tests.clocks import Clock


class Desk:
    """A worker whose answers are written by the test, event by event."""

    def __init__(self, slots: int = 1) -> None:
        self.slots = slots
        self.scripts: dict[str, asyncio.Queue[Event | BaseException]] = {}
        self.begun: list[str] = []
        self.closed: list[str] = []

    def lane(self, model: str) -> tuple[str, int]:
        return model, self.slots

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        name = request.path[-1].text
        self.begun.append(name)
        try:
            while True:
                event = await self.of(name).get()
                if isinstance(event, BaseException):
                    raise event
                yield event
                if isinstance(event, Done):
                    return
        finally:
            self.closed.append(name)

    async def embed(self, texts: Texts) -> Embedded:
        name = texts.texts[0]
        self.begun.append(name)
        try:
            event = await self.of(name).get()
            if isinstance(event, BaseException):
                raise event
            return Embedded(((1.0, 0.0),), tokens=3)
        finally:
            self.closed.append(name)

    def of(self, name: str) -> asyncio.Queue[Event | BaseException]:
        return self.scripts.setdefault(name, asyncio.Queue())

    def say(self, name: str, *events: Event | BaseException) -> None:
        for event in events:
            self.of(name).put_nowait(event)

    def finish(self, name: str) -> None:
        self.say(name, TextDelta(name), Done(Stop.END))


class Memory:
    """A keeper that only remembers."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[Job, Written]] = {}
        self.checkpoints: list[str] = []
        self.breaks = False

    def accepted(self, job: Job) -> None:
        self.rows[job.id] = (job, Written())

    def began(self, job: Job) -> None:
        self.rows[job.id] = (job, Written())

    def checkpoint(self, written: Sequence[tuple[Job, Written]]) -> None:
        self.checkpoints += [what.text for _, what in written]

    def finished(self, job: Job, written: Written) -> None:
        if self.breaks:
            raise StoreError("the disk is full")
        self.rows[job.id] = (job, written)

    def recall(self, job_id: str) -> tuple[Job, Written] | None:
        return self.rows.get(job_id)


class Room:
    """Jobs over a desk, and ways to use them."""

    def __init__(self, slots: int = 1, **rules: Any) -> None:
        self.desk = Desk(slots)
        self.memory = Memory()
        ids = iter(range(10_000))
        self.jobs = Jobs(
            self.desk,
            self.memory,
            clock=Clock(),
            new_id=lambda: f"job{next(ids)}",
            rules=Rules(**rules),
        )

    async def ask(self, name: str, user: str = "ada", *, kept: bool = False) -> str:
        prompt = Message("p", None, Role.USER, name, 0.0)
        request = Request("m", (prompt,), answer_id="a")
        return await self.jobs.submit(Work(user, request, kept, f"row-{name}" if kept else ""))

    def embed(self, name: str, user: str = "ada") -> asyncio.Task[Embedded]:
        return asyncio.create_task(self.jobs.embed(user, Texts("m", (name,))))

    async def heard(self, job_id: str, after: int = 0) -> list[Event]:
        async with aclosing(self.jobs.follow(job_id, after)) as events:
            return [numbered.event async for numbered in events]

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not true():
                await asyncio.sleep(0)

    async def state(self, job_id: str, state: JobState) -> None:
        await self.until(lambda: self.jobs.job(job_id).state is state)


async def test_a_job_is_heard_from_its_first_event_to_done() -> None:
    room = Room()
    job_id = await room.ask("hi")
    room.desk.say("hi", TextDelta("a"), TextDelta("b"), Done(Stop.END, Usage(completion_tokens=2)))
    heard = await room.heard(job_id)
    assert [e.text for e in heard if isinstance(e, TextDelta)] == ["a", "b"]
    assert isinstance(heard[-1], Done)
    await room.jobs.aclose()


async def test_every_follower_hears_everything_and_one_that_comes_back_the_rest() -> None:
    room = Room()
    job_id = await room.ask("hi", kept=True)
    first = asyncio.create_task(room.heard(job_id))
    room.desk.say("hi", TextDelta("a"), TextDelta("b"))
    stays = room.jobs.follow(job_id)
    numbered = [await anext(stays), await anext(stays)]
    while isinstance(numbered[-1].event, Queued):
        numbered.append(await anext(stays))
    seen = numbered[-1].id
    await stays.aclose()
    room.desk.say("hi", TextDelta("c"), Done(Stop.END))
    texts = [e.text for e in await first if isinstance(e, TextDelta)]
    assert texts == ["a", "b", "c"]
    rest = await room.heard(job_id, after=seen)
    assert [e.text for e in rest if isinstance(e, TextDelta)] == texts[seen:]
    assert await room.heard(job_id, after=999) == []
    await room.jobs.aclose()


async def test_users_take_turns_whoever_asked_first() -> None:
    room = Room()
    for name in ("a1", "a2", "a3"):
        await room.ask(name, "ada", kept=True)
    await room.ask("b1", "bob", kept=True)
    for name in ("a1", "a2", "b1", "a3"):
        await room.until(lambda name=name: name in room.desk.begun)  # type: ignore[misc]
        room.desk.finish(name)
    assert room.desk.begun == ["a1", "a2", "b1", "a3"]
    await room.jobs.aclose()


async def test_texts_to_embed_take_turns_with_answers_and_are_accounted_for() -> None:
    room = Room()
    over: list[Job] = []
    room.jobs.listeners.append(lambda job: over.append(job) if job.state.is_over else None)
    for name in ("a1", "a2", "a3"):
        await room.ask(name, "ada", kept=True)
    coming = room.embed("b1", "bob")
    await room.until(lambda: room.jobs.waiting == 3)
    for name in ("a1", "a2", "b1", "a3"):
        await room.until(lambda name=name: name in room.desk.begun)  # type: ignore[misc]
        room.desk.finish(name)
    assert (await coming).tokens == 3
    await room.until(lambda: len(over) == 4)
    assert [job.user_id for job in over] == ["ada", "ada", "bob", "ada"]
    assert over[2].usage == Usage(prompt_tokens=3, evaluated_tokens=3)
    assert not room.jobs.of_user("bob")
    await room.jobs.aclose()


async def test_texts_that_nobody_waits_for_leave_the_engine_and_the_queue() -> None:
    room = Room()
    begun, waits = room.embed("begun"), room.embed("waits")
    await room.until(lambda: room.desk.begun == ["begun"] and room.jobs.waiting == 1)
    waits.cancel()
    await room.until(lambda: not room.jobs.waiting)
    begun.cancel()
    await room.until(lambda: room.desk.closed == ["begun"] and not room.jobs.running)
    refused = room.embed("refused")
    room.desk.say("refused", EngineError("no memory"))
    with pytest.raises(EngineError, match="no memory"):
        await refused
    await room.jobs.aclose()


async def test_texts_are_refused_where_an_answer_would_be() -> None:
    room = Room(open_jobs=1)
    waits = room.embed("one")
    await room.until(lambda: bool(room.desk.begun))
    with pytest.raises(TooMany):
        await room.embed("two")
    (job,) = room.jobs.of_user("ada")
    await room.jobs.cancel(job.id)
    with pytest.raises(EngineError, match="stopped"):
        await waits
    await room.jobs.aclose()


async def test_places_in_the_queue_are_told_as_they_change() -> None:
    room = Room()
    await room.ask("first", kept=True)
    second = await room.ask("second", kept=True)
    third = await room.ask("third", kept=True)
    assert (room.jobs.job(third).position, room.jobs.job(third).size) == (1, 2)
    following = room.jobs.follow(third)
    assert (await anext(following)).event == Queued(1, 2)
    await room.jobs.cancel(second)
    told = await anext(following)
    assert (told.id, told.event) == (0, Queued(0, 1))
    room.desk.finish("first")
    room.desk.finish("third")
    assert (await anext(following)).event == TextDelta("third")
    await following.aclose()
    await room.jobs.aclose()


async def test_a_full_queue_says_when_to_come_back() -> None:
    room = Room(queue_size=2)
    for name in ("runs", "waits", "waits too"):
        await room.ask(name, name)
    with pytest.raises(QueueFull) as full:
        await room.ask("no room", "dora")
    assert full.value.retry_after >= 1
    await room.jobs.aclose()


async def test_one_user_cannot_have_more_than_so_many_jobs() -> None:
    room = Room(open_jobs=2)
    await room.ask("one")
    await room.ask("two")
    with pytest.raises(TooMany):
        await room.ask("three")
    await room.ask("of somebody else", "bob")
    await room.jobs.aclose()


async def test_a_job_nobody_follows_any_more_frees_the_engine() -> None:
    room = Room()
    job_id = await room.ask("hi")
    room.desk.say("hi", TextDelta("a"))
    following = room.jobs.follow(job_id)
    while not isinstance((await anext(following)).event, TextDelta):
        pass
    await following.aclose()
    await room.until(lambda: room.desk.closed == ["hi"])
    assert room.jobs.running == 0
    await room.jobs.aclose()


async def test_a_kept_job_goes_on_without_followers_and_is_remembered() -> None:
    room = Room(keep_seconds=0)
    job_id = await room.ask("hi", kept=True)
    room.desk.finish("hi")
    await room.until(lambda: room.memory.rows[job_id][0].state is JobState.COMPLETE)
    await asyncio.sleep(0.01)
    assert room.memory.rows[job_id][1].text == "hi"
    assert [type(e) for e in await room.heard(job_id)] == [TextDelta, Done]
    again = await room.heard(job_id, after=1)
    assert again[0] == Replaced("hi"), "what it has seen is not known any more"
    await room.jobs.aclose()


@pytest.mark.parametrize("begun", [False, True])
async def test_a_job_cancelled_before_it_could_begin_leaves_its_place_free(begun: bool) -> None:
    room = Room()
    job_id = await room.ask("hi")
    if begun:
        await room.until(lambda: room.desk.begun == ["hi"])
    await room.jobs.cancel(job_id)
    await room.state(job_id, JobState.STOPPED)
    assert (await room.heard(job_id))[-1] == Done(Stop.CANCELLED)
    following = await room.ask("next")
    room.desk.finish("next")
    assert isinstance((await room.heard(following))[-1], Done)
    await room.jobs.aclose()


async def test_a_job_that_waits_too_long_times_out() -> None:
    room = Room(wait_seconds=0.01)
    await room.ask("runs", kept=True)
    job_id = await room.ask("waits", kept=True)
    with pytest.raises(TimedOut):
        await room.heard(job_id)
    assert room.jobs.job(job_id).state is JobState.TIMEOUT
    assert room.memory.rows[job_id][0].state is JobState.TIMEOUT
    await room.jobs.aclose()


async def test_an_answer_that_takes_too_long_keeps_what_came() -> None:
    room = Room(answer_seconds=0.05)
    job_id = await room.ask("slow", kept=True)
    room.desk.say("slow", TextDelta("so far"))
    with pytest.raises(TimedOut):
        await room.heard(job_id)
    assert room.memory.rows[job_id][1].text == "so far"
    assert room.desk.closed == ["slow"]
    await room.jobs.aclose()


@pytest.mark.parametrize(
    "failure", [EngineError("out of memory"), ValueError("a bug")], ids=["told", "a bug"]
)
async def test_a_failure_reaches_every_follower_and_keeps_the_text(
    failure: Exception,
) -> None:
    room = Room()
    job_id = await room.ask("hi", kept=True)
    room.desk.say("hi", TextDelta("part"), failure)
    for _ in range(2):
        with pytest.raises(EngineError):
            await room.heard(job_id)
    job, written = room.memory.rows[job_id]
    assert (job.state, written.text) == (JobState.FAILED, "part")
    assert job.error
    await room.ask("next")
    await room.until(lambda: "next" in room.desk.begun)
    await room.jobs.aclose()


async def test_an_answer_that_cannot_be_stored_has_failed() -> None:
    room = Room()
    room.memory.breaks = True
    job_id = await room.ask("hi", kept=True)
    room.desk.finish("hi")
    with pytest.raises(StoreError):
        await room.heard(job_id)
    await room.jobs.aclose()


async def test_what_came_is_written_down_while_it_comes() -> None:
    room = Room()
    await room.ask("hi", kept=True)
    room.desk.say("hi", TextDelta("a"))
    async with asyncio.timeout(5):
        while not room.memory.checkpoints:
            await asyncio.sleep(0.05)
    assert room.memory.checkpoints == ["a"]
    await room.jobs.aclose()


async def test_closing_ends_everything_and_takes_nothing_new() -> None:
    room = Room()
    running = await room.ask("runs", kept=True)
    waiting = await room.ask("waits", kept=True)
    await room.until(lambda: room.desk.begun == ["runs"])
    await room.jobs.aclose()
    for job_id in (running, waiting):
        assert room.memory.rows[job_id][0].state is JobState.FAILED
        with pytest.raises(ChattermError):
            await room.heard(job_id)
    with pytest.raises(QueueFull):
        await room.ask("late")


async def test_closing_lets_answers_end_within_the_grace() -> None:
    room = Room()
    job_id = await room.ask("hi", kept=True)
    await room.until(lambda: room.desk.begun == ["hi"])
    asyncio.get_running_loop().call_later(0.02, room.desk.finish, "hi")
    await room.jobs.aclose(grace=5)
    assert room.memory.rows[job_id][0].state is JobState.COMPLETE


async def test_a_job_that_never_was_is_not_found() -> None:
    room = Room()
    with pytest.raises(NotFound):
        room.jobs.job("nobody's")
    with pytest.raises(NotFound):
        await room.heard("nobody's")
    await room.jobs.aclose()


async def test_listeners_hear_of_every_state() -> None:
    room = Room()
    heard: list[JobState] = []
    room.jobs.listeners.append(lambda job: heard.append(job.state))
    job_id = await room.ask("hi")
    room.desk.finish("hi")
    await room.heard(job_id)
    assert heard == [JobState.PENDING, JobState.IN_PROGRESS, JobState.COMPLETE]
    await room.jobs.aclose()
