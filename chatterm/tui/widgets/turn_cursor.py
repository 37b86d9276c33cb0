"""The cursor of the transcript: the turn that keys are about, and how it comes into sight."""

from __future__ import annotations

from chatterm.tui.widgets.selecting import SelectableTurns
from chatterm.tui.widgets.turn_view import Place
from chatterm.tui.widgets.turns import Turn


class CursorTurns(SelectableTurns):
    """Turns of which one is the current one."""

    @property
    def current(self) -> Turn | None:
        """The turn under the cursor."""
        return self._turns[self._at] if 0 <= self._at < len(self._turns) else None

    def move(self, steps: int) -> None:
        self.move_to(self._at + steps)

    def move_to(self, number: int) -> None:
        """Put the cursor on a turn, and the turn in sight."""
        if not self._turns:
            return
        number = min(max(0, number), len(self._turns) - 1)
        self._move_cursor(number)
        self._bring_in((number, 0))

    def _move_cursor(self, number: int) -> None:
        before, self._at = self._at, number
        if before != number and self._turns:
            self._refresh_turns(before, number)

    def _see(self) -> None:
        """Keys are about what can be seen: who scrolls takes the cursor along."""
        super()._see()
        seen = [place[0] for place in self._view if place is not None]
        if not seen or seen[0] <= self._at <= seen[-1]:
            return
        nearest = min(max(self._at, seen[0]), seen[-1])
        self._move_cursor(seen[-1] if self._following else nearest)

    def _bring_in(self, place: Place) -> None:
        """Scroll no further than needed to see a turn from a place on."""
        if not self._width:
            return
        number, row = place
        end = (number, max(row, len(self.drawn(number)) - 2))
        if place in self._view and (end in self._view or self._view[0] == place):
            return
        if number == len(self._turns) - 1 and self._rows_from(place, self.size.height) <= (
            self.size.height
        ):
            self.follow()
            return
        fits = end[1] - row < self.size.height
        if fits and place > self._top:
            self._top = self._walked(end, 1 - self.size.height)
        else:
            self._top = place
        self._set_following(self._top >= self._bottom())
        self._lay_out()
