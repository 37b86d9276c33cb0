"""A clock that moves when it is read, so that everything has its own moment."""

from __future__ import annotations


class Clock:
    def __init__(self, now: float = 1_800_000_000.0, step: float = 0.001) -> None:
        self.now = now
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now
