"""What a job is to whoever asks for one, works on it, or remembers it: values and two seams."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from chatterm.events import Event
from chatterm.messages import Embedded, Request, Stop, Timings, ToolCall, Usage


class JobState(StrEnum):
    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETE = "complete"
    STOPPED = "stopped"
    """Cancelled: by its user, or since nobody follows it any more."""
    FAILED = "failed"
    TIMEOUT = "timeout"

    @property
    def is_over(self) -> bool:
        return self not in (JobState.PENDING, JobState.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts that are to become vectors."""

    model: str
    texts: tuple[str, ...]
    cut: bool = False
    """One that is too long for the model is cut rather than refused."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done, and for whom."""

    user_id: str
    request: Request | Texts
    kept: bool = False
    """The answer's message is in the store; the job outlives its followers and restarts."""
    message_id: str = ""
    """Of a kept job: the answer's row."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event with its place: a follower that has seen ``id`` asks for what comes after."""

    id: int
    event: Event


@dataclass(frozen=True, slots=True)
class Written:
    """What has come of an answer so far."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """How a job stands."""

    id: str
    user_id: str
    model: str
    state: JobState
    created_at: float
    kept: bool = False
    message_id: str = ""
    position: int = 0
    """Of a pending job: how many are before it."""
    size: int = 0
    """Of a pending job: how many wait."""
    error: str = ""
    error_kind: str = ""
    started_at: float | None = None
    finished_at: float | None = None
    stop: Stop | None = None
    usage: Usage = field(default_factory=Usage)
    timings: Timings = field(default_factory=Timings)


@dataclass(frozen=True, slots=True)
class Rules:
    """How much, and for how long."""

    queue_size: int = 64
    """Jobs that may wait, of all users together."""
    open_jobs: int = 16
    """Jobs that one user may have waiting or running."""
    wait_seconds: float = 600.0
    answer_seconds: float = 3600.0
    keep_seconds: float = 600.0
    """How long the events of a finished job are kept."""


class Worker(Protocol):
    """Whoever does the work."""

    def lane(self, model: str) -> tuple[str, int]:
        """The name of what jobs of this model share, and how many of them run at once."""

    def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        """The answer; the contract of a backend."""

    async def embed(self, texts: Texts) -> Embedded:
        """A vector for each text."""


class Keeper(Protocol):
    """Remembers kept jobs. Each call is one transaction, on the disk when it returns."""

    def accepted(self, job: Job) -> None: ...

    def began(self, job: Job) -> None: ...

    def checkpoint(self, written: Sequence[tuple[Job, Written]]) -> None: ...

    def finished(self, job: Job, written: Written) -> None: ...

    def recall(self, job_id: str) -> tuple[Job, Written] | None:
        """A finished job that is no longer in memory."""
