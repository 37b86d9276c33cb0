"""Continuous batching: one loop that evaluates every answer's next token and prompts in between.

Plain synchronous code over a runtime. ``step`` does one evaluation: a token for each answer that
is being written, and as much of the waiting prompts as fits the chunk. Whoever is cancelled is gone
before the next step.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from chatterm.engine.batch import Abandoned, BatchItem, NoRoom, Picture
from chatterm.engine.kvcache import Memory, PrefixCache, Slot
from chatterm.engine.pace import Pace
from chatterm.errors import ChattermError, EngineError
from chatterm.events import TokenLogprob
from chatterm.messages import Stop, Timings, Usage
from chatterm.params import Params


class Runtime(Memory, Protocol):
    """What the scheduler needs of llama.cpp."""

    @property
    def context(self) -> int: ...

    @property
    def chunk(self) -> int: ...

    def decode(self, items: Sequence[BatchItem], is_abandoned: Callable[[], bool]) -> None: ...

    def look(self, picture: Picture, position: int, sequence: int) -> None: ...

    def ends(self, token: int) -> bool: ...

    def set_threads(self, generation: int, prompt: int) -> None: ...


class Chooser(Protocol):
    """Samples one answer's tokens."""

    def accept_prompt(self, tokens: list[int]) -> None: ...

    def sample(self, index: int) -> int: ...

    def logprob(self, index: int, token: int) -> TokenLogprob: ...

    def close(self) -> None: ...


class Listener(Protocol):
    """Whoever waits for an answer."""

    def is_gone(self) -> bool:
        """Whether nobody waits any more; asked in the middle of a batch, so it changes nothing."""

    def queued(self, position: int, size: int) -> None: ...

    def prompt(self, done: int, total: int) -> None: ...

    def token(self, token: int, logprob: TokenLogprob | None) -> Stop | None:
        """Take a token; a Stop ends the answer."""

    def finished(self, stop: Stop, usage: Usage, timings: Timings) -> None: ...

    def failed(self, error: ChattermError) -> None: ...


@dataclass(slots=True, eq=False)
class Job:
    """One answer, from its prompt's tokens to its last."""

    tokens: list[int]
    params: Params
    listener: Listener
    chooser: Chooser
    submitted_at: float
    pictures: Mapping[int, Picture] = field(default_factory=dict)
    """What is to be looked at, by its place among the tokens."""
    prompt_length: int = 0
    known: int = 0
    """Positions the sequence holds."""
    cached: int = 0
    slot: Slot | None = None
    started_at: float = 0.0
    prompt_done_at: float = 0.0
    last_token_at: float = 0.0
    row: int = -1
    """Where in the last batch the logits of this job are, or -1."""
    generated: int = 0

    @property
    def missing(self) -> int:
        return len(self.tokens) - self.known

    @property
    def is_writing(self) -> bool:
        """Past its prompt: one token a step is all it needs."""
        return self.generated > 0 and self.missing == 1

    @property
    def readable(self) -> int:
        """How many of the missing tokens come before the next picture."""
        ahead = (at - self.known for at in self.pictures if at >= self.known)
        return min(self.missing, min(ahead, default=self.missing))


class Scheduler:
    """All answers of one host."""

    def __init__(
        self, runtime: Runtime, cache: PrefixCache, pace: Pace, monotonic: Callable[[], float]
    ) -> None:
        self._runtime = runtime
        self._cache = cache
        self._pace = pace
        self._monotonic = monotonic
        self._waiting: deque[Job] = deque()
        self._running: list[Job] = []

    @property
    def busy(self) -> bool:
        return bool(self._waiting or self._running)

    @property
    def is_reading(self) -> bool:
        """Whether the next step evaluates part of a prompt, and so takes longer."""
        return bool(self._waiting) or not all(job.is_writing for job in self._running)

    @property
    def counts(self) -> tuple[int, int]:
        """Answers being written, and waiting."""
        return len(self._running), len(self._waiting)

    def submit(
        self,
        tokens: list[int],
        params: Params,
        listener: Listener,
        chooser: Chooser,
        *,
        pictures: Mapping[int, Picture] | None = None,
    ) -> Job:
        """Queue an answer to a prompt that fits the context."""
        job = Job(list(tokens), params, listener, chooser, self._monotonic(), pictures or {})
        job.prompt_length = len(tokens)
        self._waiting.append(job)
        return job

    def cancel(self, job: Job) -> None:
        """Stop now; what was evaluated stays warm."""
        if job in self._running:
            self._leave(job)
        elif job in self._waiting:
            self._waiting.remove(job)
            job.chooser.close()

    def fail_all(self, error: ChattermError) -> None:
        for job in [*self._running, *self._waiting]:
            self.cancel(job)
            job.listener.failed(error)

    def step(self) -> None:
        """Evaluate once, and hand out what was chosen."""
        self._admit()
        self._look_once()
        while self._running:
            items, jobs = self._next_batch()
            if not items:
                return
            try:
                self._evaluate(items, jobs)
            except NoRoom:
                if not self._make_room():
                    return
                continue
            except Abandoned:
                # Whoever waits in vain would have the same batch begun and broken off for ever.
                for job, _ in jobs:
                    if job.listener.is_gone():
                        self.cancel(job)
                return
            except EngineError as error:
                self._give_up(jobs, error)
                return
            self._choose(jobs)
            return

    # -- who runs ----------------------------------------------------------------------------

    def _admit(self) -> None:
        while self._waiting and self._cache.has_free_slot:
            job = self._waiting.popleft()
            job.slot, job.known = self._cache.take(job.tokens)
            if not job.started_at:
                job.started_at = self._monotonic()
                job.cached = job.known
                job.chooser.accept_prompt([token for token in job.tokens if token >= 0])
            self._report_prompt(job)
            self._running.append(job)
        for position, job in enumerate(self._waiting):
            # Whoever was sent back for want of room has begun already, and is not told.
            if not job.generated:
                job.listener.queued(position, len(self._waiting))

    def _make_room(self) -> bool:
        """Free cells: idle sequences first, then the answer that came last waits again."""
        if self._cache.evict_one():
            return True
        if len(self._running) > 1:
            last = self._running.pop()
            assert last.slot is not None
            self._cache.drop(last.slot)
            last.slot, last.known = None, 0
            self._waiting.appendleft(last)
            return True
        job = self._running[0]
        self._end(job, Stop.LENGTH)
        return False

    # -- one evaluation ----------------------------------------------------------------------

    def _next_batch(self) -> tuple[list[BatchItem], list[tuple[Job, int]]]:
        """The batch, and how many tokens of it belong to each job."""
        items: list[BatchItem] = []
        parts: list[tuple[Job, int]] = []
        writing = [job for job in self._running if job.is_writing]
        reading = [job for job in self._running if not job.is_writing]
        room = self._pace.chunk(others_write=bool(writing), limit=self._runtime.chunk)
        room = max(room - len(writing), 1)
        for job in writing:
            self._add(items, parts, job, 1)
        for job in reading:
            if room <= 0:
                break
            count = min(job.readable, room)
            if count:
                self._add(items, parts, job, count)
                room -= count
        return items, parts

    def _look_once(self) -> None:
        """Evaluate one picture, so that others go on between any two of a prompt."""
        for job in self._running:
            picture = job.pictures.get(job.known)
            if picture is None or job.is_writing:
                continue
            assert job.slot is not None
            try:
                self._runtime.look(picture, job.known, job.slot.number)
            except NoRoom:
                self._make_room()
            except ChattermError as error:
                self._give_up([(job, 0)], error)
            else:
                job.slot.tokens += picture.stand_ins
                job.known += len(picture.stand_ins)
                self._report_prompt(job)
            return

    def _add(
        self, items: list[BatchItem], parts: list[tuple[Job, int]], job: Job, count: int
    ) -> None:
        assert job.slot is not None
        number, last = job.slot.number, len(job.tokens) - 1
        job.row = -1
        for position in range(job.known, job.known + count):
            wants = position == last
            if wants:
                job.row = len(items)
            items.append(BatchItem(job.tokens[position], position, number, wants))
        parts.append((job, count))

    def _evaluate(self, items: list[BatchItem], parts: list[tuple[Job, int]]) -> None:
        reading = len(items) - sum(1 for job, _ in parts if job.is_writing)
        self._runtime.set_threads(*self._pace.threads)
        started = self._monotonic()
        self._runtime.decode(items, lambda: all(job.listener.is_gone() for job, _ in parts))
        self._pace.learn(self._monotonic() - started, len(items), reading)
        for job, count in parts:
            assert job.slot is not None
            job.slot.tokens += job.tokens[job.known : job.known + count]
            job.known += count

    def _choose(self, parts: list[tuple[Job, int]]) -> None:
        for job, _ in parts:
            self._report_prompt(job)
            if job.row < 0:
                continue
            if not job.prompt_done_at:
                job.prompt_done_at = self._monotonic()
            self._take_token(job)

    def _report_prompt(self, job: Job) -> None:
        if not job.generated:
            job.listener.prompt(job.known, job.prompt_length)

    def _take_token(self, job: Job) -> None:
        try:
            token = job.chooser.sample(job.row)
            logprob = None
            if job.params.logprobs is not None:
                logprob = job.chooser.logprob(job.row, token)
        except ChattermError as error:
            self._give_up([(job, 0)], error)
            return
        job.last_token_at = self._monotonic()
        if self._runtime.ends(token):
            self._end(job, Stop.END)
            return
        job.generated += 1
        job.tokens.append(token)
        stop = job.listener.token(token, logprob)
        limit = job.params.max_tokens
        if stop is None and limit is not None and job.generated >= limit:
            stop = Stop.LENGTH
        if stop is None and len(job.tokens) >= self._runtime.context:
            stop = Stop.LENGTH
        if stop is not None:
            self._end(job, stop)

    # -- endings -----------------------------------------------------------------------------

    def _end(self, job: Job, stop: Stop) -> None:
        self._leave(job)
        usage = Usage(
            prompt_tokens=job.prompt_length,
            cached_tokens=job.cached,
            evaluated_tokens=job.prompt_length - job.cached,
            completion_tokens=job.generated,
        )
        job.listener.finished(stop, usage, _timings(job))

    def _give_up(self, parts: list[tuple[Job, int]], error: ChattermError) -> None:
        for job, _ in parts:
            assert job.slot is not None
            slot = job.slot
            self._leave(job)
            self._cache.drop(slot)
            job.listener.failed(error)

    def _leave(self, job: Job) -> None:
        self._running.remove(job)
        job.chooser.close()
        if job.slot is not None:
            if job.generated:
                written = job.tokens[job.prompt_length :]
                job.slot.answers.append((job.prompt_length, written))
            self._cache.release(job.slot)


def _timings(job: Job) -> Timings:
    done = job.prompt_done_at or job.started_at
    return Timings(
        queue_ms=(job.started_at - job.submitted_at) * 1000,
        prompt_ms=(done - job.started_at) * 1000,
        first_token_ms=(done - job.submitted_at) * 1000,
        generation_ms=max(0.0, job.last_token_at - done) * 1000,
    )
