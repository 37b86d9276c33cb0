"""How fast something goes of late."""

from __future__ import annotations

from collections import deque

_WINDOW_SECONDS = 8.0
_LEAST_SECONDS = 0.5


class Speed:
    """A rate over the last seconds, out of a count that grows."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, now: float, count: int) -> None:
        self._samples.append((now, count))
        while len(self._samples) > 2 and self._samples[1][0] <= now - _WINDOW_SECONDS:
            self._samples.popleft()

    @property
    def per_second(self) -> float | None:
        """None until it can be told."""
        if not self._samples:
            return None
        (first, before), (last, after) = self._samples[0], self._samples[-1]
        return (after - before) / (last - first) if last - first >= _LEAST_SECONDS else None
