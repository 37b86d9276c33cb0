"""Asking and generating, decoupled: a job is accepted, waits, runs, and is followed by anybody.

This is the seam behind which work could go to another machine: a ``Worker`` answers, a ``Keeper``
remembers what has to outlive this process. Every event of a job has a number and
is kept until the job is forgotten, so a follower may come late, come back, or be one of several.
A kept job does not need a follower; any other is stopped when its last one goes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import replace

from chatterm.errors import ChattermError, EngineError, NotFound
from chatterm.events import Done
from chatterm.ids import Clock, NewId
from chatterm.messages import Embedded, Stop, Timings, Usage
from chatterm.server.problems import QueueFull, TimedOut, TooMany
from chatterm.server.queue import Lane
from chatterm.server.underway import UnderWay, followed, recalled
from chatterm.server.work import (
    Job,
    JobState,
    Keeper,
    Numbered,
    Rules,
    Texts,
    Work,
    Worker,
    Written,
)

CHECKPOINT_SECONDS = 0.5
STOPPED_SERVER = "the server was stopped before this answer was finished"
_MOST_FORGETTABLE = 512
"""Finished jobs that are kept for latecomers."""
_LONGEST_WAIT = 120
_log = logging.getLogger("chatterm.server.jobs")


class Jobs:
    """All jobs of this process."""

    def __init__(
        self, worker: Worker, keeper: Keeper, *, clock: Clock, new_id: NewId, rules: Rules
    ) -> None:
        self._worker = worker
        self._keeper = keeper
        self._clock = clock
        self._new_id = new_id
        self._rules = rules
        self._open: dict[str, UnderWay] = {}
        """Every job that can still be followed, the oldest first."""
        self._lanes: dict[str, Lane[UnderWay]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._writing: asyncio.Task[None] | None = None
        self._closing = False
        self._seconds = 5.0
        """What a job took lately, to say when to come back."""
        self.admit: list[Callable[[str], None]] = []
        """Called with the user of each new job; raises where there may be none."""
        self.listeners: list[Callable[[Job], None]] = []
        """Called at every change of a job's state: accepted, begun, over."""

    @property
    def is_closing(self) -> bool:
        """No more jobs are taken: the server is about to stop."""
        return self._closing

    @property
    def waiting(self) -> int:
        return sum(len(lane) for lane in self._lanes.values())

    @property
    def running(self) -> int:
        return sum(lane.running for lane in self._lanes.values())

    def check(self, user_id: str, model: str) -> None:
        """Raise what :meth:`submit` would raise for another job.

        Call it before anything is stored for the job, and await nothing in between.
        """
        if self._closing:
            raise QueueFull(self._patience(), "The server is stopping.")
        for may_begin in self.admit:
            may_begin(user_id)
        mine = sum(1 for job in self._open.values() if not job.is_over and job.user_id == user_id)
        if mine >= self._rules.open_jobs:
            raise TooMany(f"you have {mine} answers under way, which is all you may have at once")
        lane = self._lane(model)
        if not lane.is_free and self.waiting >= self._rules.queue_size:
            raise QueueFull(self._patience())

    async def submit(self, work: Work) -> str:
        """Accept a job and return its id; it runs whether or not it is followed."""
        self.check(work.user_id, work.request.model)
        job = UnderWay(
            Job(
                id=self._new_id(),
                user_id=work.user_id,
                model=work.request.model,
                state=JobState.PENDING,
                created_at=self._clock(),
                kept=work.kept,
                message_id=work.message_id,
            ),
            work,
            self._lane(work.request.model),
        )
        if work.kept:
            self._keeper.accepted(job.value)
        self._open[job.value.id] = job
        job.lane.add(work.user_id, job)
        job.deadline = asyncio.get_running_loop().call_later(
            self._rules.wait_seconds, self._give_up_waiting, job
        )
        self._tell(job)
        self._start_what_can(job.lane)
        return job.value.id

    async def follow(self, job_id: str, after: int = 0) -> AsyncGenerator[Numbered, None]:
        """Every event after that one, then those that come; ends after ``Done``.

        ``Queued`` comes whenever the place changes and has the number of the event before it, so
        it is not replayed. An error of the job is raised.
        """
        job = self._open.get(job_id)
        if job is None:
            kept = self._keeper.recall(job_id)
            if kept is None:
                raise NotFound(f"there is no job {job_id!r}")
            for numbered in recalled(*kept, max(0, after)):
                yield numbered
            return
        job.followers += 1
        try:
            async with aclosing(followed(job, after)) as events:
                async for numbered in events:
                    yield numbered
        finally:
            job.followers -= 1
            self._left(job)

    async def embed(self, user_id: str, texts: Texts) -> Embedded:
        """The vectors of texts, in its turn as any job; whoever stops waiting stops the work."""
        job_id = await self.submit(Work(user_id, texts))
        job = self._open[job_id]
        async with aclosing(self.follow(job_id)) as events:
            async for _ in events:
                continue
        if job.embedded is None:
            raise EngineError("this was stopped before it was finished", hint="send it again")
        return job.embedded

    async def cancel(self, job_id: str) -> None:
        """Stop a job; the engine hears of it at once. One that is over stays as it is."""
        job = self._open.get(job_id)
        if job is not None:
            self._end(job, JobState.STOPPED)

    def job(self, job_id: str) -> Job:
        job = self._open.get(job_id)
        if job is not None:
            return job.seen()
        kept = self._keeper.recall(job_id)
        if kept is None:
            raise NotFound(f"there is no job {job_id!r}")
        return kept[0]

    def written(self, job_id: str) -> Written:
        """The text so far."""
        job = self._open.get(job_id)
        if job is not None:
            return job.written()
        kept = self._keeper.recall(job_id)
        return kept[1] if kept is not None else Written()

    def of_user(self, user_id: str) -> list[Job]:
        """The jobs of a user that are not over."""
        mine = (job for job in self._open.values() if job.user_id == user_id)
        return [job.seen() for job in mine if not job.is_over]

    async def aclose(self, grace: float = 0.0) -> None:
        """Take no more jobs, let those that run go on for a while, then end all of them."""
        self._closing = True
        for job in list(self._open.values()):
            if job.value.state is JobState.PENDING:
                self._end(job, JobState.FAILED, EngineError(STOPPED_SERVER))
        if self._tasks and grace > 0:
            await asyncio.wait(self._tasks, timeout=grace)
        for job in list(self._open.values()):
            self._end(job, JobState.FAILED, EngineError(STOPPED_SERVER))
        while self._tasks:
            await asyncio.wait(self._tasks)
        if self._writing is not None:
            self._writing.cancel()
            with suppress(asyncio.CancelledError):
                await self._writing
        for job in list(self._open.values()):
            self._forget(job)

    # Waiting

    def _lane(self, model: str) -> Lane[UnderWay]:
        name, slots = self._worker.lane(model)
        lane = self._lanes.setdefault(name, Lane(slots))
        lane.slots = slots
        return lane

    def _start_what_can(self, lane: Lane[UnderWay]) -> None:
        while lane.is_free and len(lane):
            job = lane.take()
            lane.running += 1
            self._stop_clock(job)
            job.value = replace(
                job.value, state=JobState.IN_PROGRESS, started_at=self._clock(), position=0, size=0
            )
            job.task = asyncio.create_task(self._run(job))
            self._tasks.add(job.task)
            job.task.add_done_callback(self._tasks.discard)
            self._tell(job)
            job.ring()
        size = len(lane)
        for position, waiting in enumerate(lane.order()):
            waiting.move(position, size)

    def _give_up_waiting(self, job: UnderWay) -> None:
        if job.value.state is JobState.PENDING:
            self._end(job, JobState.TIMEOUT, TimedOut("Timeout"))

    def _patience(self) -> int:
        slots = max(1, sum(lane.slots for lane in self._lanes.values()))
        return max(1, min(_LONGEST_WAIT, round(self._seconds * (self.waiting + 1) / slots)))

    # Running

    async def _run(self, job: UnderWay) -> None:
        """Generate, whatever happens; the lane is free again afterwards."""
        job.has_begun = True
        done: Done | None = None
        state = JobState.FAILED
        error: ChattermError | None = None
        try:
            if job.end is not None:
                raise asyncio.CancelledError
            if job.value.kept:
                self._keeper.began(job.value)
                self._write_down_regularly()
            async with asyncio.timeout(self._rules.answer_seconds):
                done = await self._generate(job)
            state = JobState.COMPLETE
        except TimeoutError:
            state = JobState.TIMEOUT
            error = TimedOut("the answer took longer than this server allows")
        except asyncio.CancelledError:
            state, error = job.end or (JobState.FAILED, EngineError(STOPPED_SERVER))
        except ChattermError as failure:
            error = failure
        except Exception:  # noqa: BLE001  (a job never ends without an end)
            _log.exception("job %s met a bug", job.value.id)
            error = EngineError("the server made a mistake", hint="its log says more")
        finally:
            job.lane.running -= 1
            started = job.value.started_at
            if started is not None:
                self._seconds += ((self._clock() - started) - self._seconds) / 8
        self._finish(job, state, error, done)
        self._start_what_can(job.lane)

    async def _generate(self, job: UnderWay) -> Done:
        request = job.work.request
        if isinstance(request, Texts):
            job.embedded = await self._worker.embed(request)
            count = job.embedded.tokens
            return Done(Stop.END, Usage(prompt_tokens=count, evaluated_tokens=count))
        async with aclosing(self._worker.stream(request)) as events:
            async for event in events:
                if isinstance(event, Done):
                    return event
                job.add(event)
        raise EngineError("the answer ended without an end")

    def _end(self, job: UnderWay, state: JobState, error: ChattermError | None = None) -> None:
        """Bring a job to an end from outside, wherever it stands."""
        if job.is_over or job.end is not None:
            return
        job.end = (state, error)
        if job.task is not None:
            # A task that is cancelled before its first step never runs at all.
            if job.has_begun:
                job.task.cancel()
            return
        job.lane.remove(job.user_id, job)
        self._finish(job, state, error, None)
        self._start_what_can(job.lane)

    def _finish(
        self, job: UnderWay, state: JobState, error: ChattermError | None, done: Done | None
    ) -> None:
        """Make it final: first on the disk, then for whoever follows."""
        self._stop_clock(job)
        if state is JobState.STOPPED:
            done = Done(Stop.CANCELLED)
        over = replace(
            job.value,
            state=state,
            error=error.message if error else "",
            error_kind=error.kind if error else "",
            finished_at=self._clock(),
            stop=done.stop if done else None,
            usage=done.usage if done else Usage(),
            timings=done.timings if done else Timings(),
        )
        if over.kept:
            try:
                self._keeper.finished(over, job.written())
            except ChattermError as failure:
                # The row stays open on the disk; the next start finds and fails it.
                _log.error("job %s could not be stored: %s", over.id, failure.message)
                over = replace(over, state=JobState.FAILED, error=failure.message, stop=None)
                done, error = None, failure
        job.error = error
        job.value = over
        if done is not None and error is None:
            job.add(done)
        job.ring()
        self._tell(job)
        self._retire(job)

    # Afterwards

    def _retire(self, job: UnderWay) -> None:
        loop = asyncio.get_running_loop()
        job.deadline = loop.call_later(self._rules.keep_seconds, self._forget, job)
        idle = [old for old in self._open.values() if old.is_over and not old.followers]
        for old in idle[: max(0, len(idle) - _MOST_FORGETTABLE)]:
            self._forget(old)

    def _left(self, job: UnderWay) -> None:
        """A follower went."""
        if job.followers or job.value.kept:
            return
        if job.is_over:
            self._forget(job)
        else:
            self._end(job, JobState.STOPPED)

    def _forget(self, job: UnderWay) -> None:
        self._stop_clock(job)
        self._open.pop(job.value.id, None)

    def _stop_clock(self, job: UnderWay) -> None:
        if job.deadline is not None:
            job.deadline.cancel()
            job.deadline = None

    def _tell(self, job: UnderWay) -> None:
        for listener in self.listeners:
            try:
                listener(job.seen())
            except ChattermError as failure:
                # Whoever only looks on must not keep others waiting.
                _log.warning("job %s could not be noted: %s", job.value.id, failure.message)

    # On the disk

    def _write_down_regularly(self) -> None:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_down())

    async def _write_down(self) -> None:
        """Keep what came of all kept jobs, in one transaction, while there are any."""
        while True:
            await asyncio.sleep(CHECKPOINT_SECONDS)
            kept = [job for job in self._open.values() if job.value.kept and not job.is_over]
            if not kept:
                return
            fresh = [job for job in kept if job.unwritten]
            if not fresh:
                continue
            try:
                self._keeper.checkpoint([(job.value, job.written()) for job in fresh])
            except ChattermError as failure:
                _log.warning("answers could not be written down: %s", failure.message)
                continue
            for job in fresh:
                job.unwritten = False
