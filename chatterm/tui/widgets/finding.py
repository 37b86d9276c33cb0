"""Finding a text in the transcript: which turns have it, and going from place to place."""

from __future__ import annotations

import time
from collections.abc import Callable

from chatterm.tui.widgets.growing import GrowingTurns
from chatterm.tui.widgets.marking import occurrences
from chatterm.tui.widgets.turn_rows import KEPT
from chatterm.tui.widgets.turn_view import Place
from chatterm.tui.widgets.turns import Look


class FindableTurns(GrowingTurns):
    """Turns in which a text is marked."""

    def __init__(
        self,
        look: Look | None,
        clock: Callable[[], float] = time.perf_counter,
        *,
        widget_id: str | None,
    ) -> None:
        super().__init__(look, clock, widget_id=widget_id)
        self._stop_finding()

    def _stop_finding(self) -> None:
        self._query = ""
        self._hits: list[int] = []
        self._hit: Place | None = None

    def reveal(self, turn_id: str, query: str = "") -> None:
        """Put the cursor on a turn, and mark what was searched for in it."""
        for number, turn in enumerate(self._turns):
            if turn.id == turn_id:
                if query:
                    self._query = query
                    self._hits = [number]
                    self._hit = (number, -1)
                    self._at = number
                    self.find_step(1)
                self.move_to(number) if not query else self._move_cursor(number)
                return

    def find(self, query: str) -> int:
        """Mark a text wherever it stands; the number of turns that have it."""
        self._query = query.strip()
        self._hits, self._hit = [], None
        if self._query:
            folded = self._query.casefold()
            for first in range(0, len(self._turns), KEPT):
                self._hits += self._found(first, folded)
            if self._hits:
                before = [hit for hit in self._hits if hit <= self._at]
                self._hit = ((before or self._hits)[-1] + 1, -1)
                self.find_step(-1)
        self.refresh_rows(0, self.size.height)
        return len(self._hits)

    def _found(self, first: int, folded: str) -> list[int]:
        part = self._turns[first : first + KEPT]
        missing = [turn.id for turn in part if turn.id not in self._bodies]
        if missing:
            self._ask(missing)
        return [
            first + number
            for number, turn in enumerate(part)
            if (body := self._bodies.get(turn.id)) and folded in body.text.casefold()
        ]

    @property
    def finding(self) -> bool:
        return bool(self._query)

    def find_step(self, step: int) -> bool:
        """To the next place, or the one before; whether it began again at the other end."""
        if not self._hits:
            return False
        further = self._further(step)
        number, row = self._hit = further or self._outermost(step)
        self._move_cursor(number)
        if self._hit not in self._view:
            self._top = self._walked((number, row), -(self.size.height // 3))
            self._set_following(False)
        self._lay_out()
        return further is None

    def _further(self, step: int) -> Place | None:
        turn, row = self._hit or (self._at, -1)
        for number in self._hits[::step]:
            if number * step < turn * step:
                continue
            for at in self._hit_rows(number)[::step]:
                if number != turn or at * step > row * step:
                    return number, at
        return None

    def _outermost(self, step: int) -> Place:
        number = self._hits[::step][0]
        return number, self._hit_rows(number)[::step][0]

    def _hit_rows(self, number: int) -> list[int]:
        """The rows of a turn where the text stands; the first one, if it stands on none."""
        lines = self.drawn(number).lines()
        rows = [at for at, line in enumerate(lines) if occurrences(line, self._query)]
        return rows or [0]
