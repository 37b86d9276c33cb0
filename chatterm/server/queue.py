"""Who is next: a bounded queue that is fair between users, and nothing else.

A lane is what shares an engine: so many jobs of it run at once. Its users take turns, each with
their own jobs in order, so somebody with fifty jobs delays somebody with one by one job.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Lane(Generic[T]):
    """The jobs of one engine."""

    slots: int
    """How many may run at once."""
    running: int = 0
    _waiting: dict[str, deque[T]] = field(default_factory=dict)
    """By user; the first user is next."""

    def __len__(self) -> int:
        return sum(len(jobs) for jobs in self._waiting.values())

    @property
    def is_free(self) -> bool:
        return self.running < self.slots

    def add(self, user: str, job: T) -> None:
        self._waiting.setdefault(user, deque()).append(job)

    def remove(self, user: str, job: T) -> None:
        jobs = self._waiting[user]
        jobs.remove(job)
        if not jobs:
            del self._waiting[user]

    def take(self) -> T:
        """The next job; its user goes to the end of the line."""
        user = next(iter(self._waiting))
        jobs = self._waiting.pop(user)
        job = jobs.popleft()
        if jobs:
            self._waiting[user] = jobs
        return job

    def order(self) -> Iterator[T]:
        """Who waits, in the order they will be taken if nobody else comes."""
        lines = [list(jobs) for jobs in self._waiting.values()]
        for turn in range(max(map(len, lines), default=0)):
            for line in lines:
                if turn < len(line):
                    yield line[turn]
