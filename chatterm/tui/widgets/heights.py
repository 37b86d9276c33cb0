"""How many rows each turn takes, summed: which turn stands at a row, and which row a turn is at.

A Fenwick tree: looking up, correcting and summing cost the logarithm of the number of turns, so the
heights of ten thousand turns may be guesses that are corrected one by one.
"""

from __future__ import annotations

from collections.abc import Iterable


class Heights:
    """The heights of a list of turns."""

    def __init__(self, heights: Iterable[int] = ()) -> None:
        self._heights = list(heights)
        self._tree = [0, *self._heights]
        for at in range(1, len(self._tree)):
            above = at + (at & -at)
            if above < len(self._tree):
                self._tree[above] += self._tree[at]

    def __len__(self) -> int:
        return len(self._heights)

    def __getitem__(self, turn: int) -> int:
        return self._heights[turn]

    @property
    def total(self) -> int:
        return self.before(len(self._heights))

    def before(self, turn: int) -> int:
        """The rows of all turns before that one."""
        rows = 0
        while turn > 0:
            rows += self._tree[turn]
            turn -= turn & -turn
        return rows

    def set(self, turn: int, height: int) -> None:
        change = height - self._heights[turn]
        if not change:
            return
        self._heights[turn] = height
        at = turn + 1
        while at < len(self._tree):
            self._tree[at] += change
            at += at & -at

    def append(self, height: int) -> None:
        self._heights.append(height)
        at = len(self._heights)
        first = at - (at & -at)
        self._tree.append(self.before(at - 1) - self.before(first) + height)

    def at(self, row: int) -> tuple[int, int]:
        """The turn that has that row of all, and the row inside the turn."""
        turn = 0
        step = 1 << len(self._heights).bit_length()
        while step:
            ahead = turn + step
            if ahead < len(self._tree) and self._tree[ahead] <= row:
                turn = ahead
                row -= self._tree[ahead]
            step >>= 1
        if turn >= len(self._heights):
            return max(0, len(self._heights) - 1), 0
        return turn, row
