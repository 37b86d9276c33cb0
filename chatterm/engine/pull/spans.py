"""Sets of byte ranges: what of a file is here, and what is not."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]
"""From the first byte to the one after the last."""


class Spans:
    """Ranges that neither overlap nor touch, in order."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        for start, stop in spans:
            self.add(start, stop)

    def __iter__(self) -> Iterator[Span]:
        return zip(self._starts, self._stops, strict=True)

    @property
    def total(self) -> int:
        """How many bytes that is."""
        return sum(self._stops) - sum(self._starts)

    def add(self, start: int, stop: int) -> None:
        if start >= stop:
            return
        low = bisect_left(self._stops, start)
        high = bisect_right(self._starts, stop)
        if low < high:
            start = min(start, self._starts[low])
            stop = max(stop, self._stops[high - 1])
        self._starts[low:high] = [start]
        self._stops[low:high] = [stop]

    def remove(self, start: int, stop: int) -> None:
        low = bisect_right(self._stops, start)
        high = bisect_left(self._starts, stop)
        if start >= stop or low >= high:
            return
        left = self._starts[low], start
        right = stop, self._stops[high - 1]
        kept = [span for span in (left, right) if span[0] < span[1]]
        self._starts[low:high] = [first for first, _ in kept]
        self._stops[low:high] = [last for _, last in kept]

    def overlaps(self, start: int, stop: int) -> bool:
        low = bisect_right(self._stops, start)
        return start < stop and low < len(self._starts) and self._starts[low] < stop

    def gaps(self, start: int, stop: int) -> Iterator[Span]:
        """What of ``start`` to ``stop`` is missing, in order."""
        for first, last in self:
            if last <= start:
                continue
            if first >= stop:
                break
            if first > start:
                yield start, first
            start = last
        if start < stop:
            yield start, stop
