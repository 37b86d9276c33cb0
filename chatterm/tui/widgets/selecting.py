"""Selecting in the transcript, by mouse and by keys, and what is copied of it.

A selection's row is opaque to Textual, so the turn stands in its upper bits: the selection stays
on its words while turns above it change their height. What is copied has neither the breaks of the
screen nor its bars.
"""

from __future__ import annotations

from textual import events
from textual.geometry import Offset
from textual.selection import Selection

from chatterm.tui.widgets.marking import word_at
from chatterm.tui.widgets.turn_view import GUTTER, SHIFT, Place, TurnView


class SelectableTurns(TurnView):
    """Turns of which parts can be selected."""

    ALLOW_SELECT = True
    _pressed: tuple[Place, int] | None = None
    """Where the mouse went down."""

    @property
    def allow_select(self) -> bool:
        return True

    def selected_text(self) -> str:
        """What is selected, without the breaks and signs that only the screen has."""
        selection = self.text_selection
        found = self.get_selection(selection) if selection is not None else None
        return found[0] if found else ""

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        seen = [place for place in self._view if place is not None]
        if not seen:
            return None
        last = len(self._turns) - 1
        # What begins or ends beside the transcript goes as far as can be seen.
        first_turn, first_row = _place_of(selection.start) if selection.start else seen[0]
        last_turn, last_row = _place_of(selection.end) if selection.end else seen[-1]
        first_x = selection.start.x - GUTTER if selection.start else 0
        last_x = selection.end.x - GUTTER if selection.end else None
        parts: list[str] = []
        for number in range(max(0, first_turn), min(last_turn, last) + 1):
            for row, line in enumerate(self.drawn(number).lines()):
                if (number, row) < (first_turn, first_row):
                    continue
                if (number, row) > (last_turn, last_row):
                    break
                start = first_x if (number, row) == (first_turn, first_row) else 0
                is_last = (number, row) == (last_turn, last_row)
                if line.prefix < len(line.text) or not line.text:
                    parts += [line.copied(max(0, start), last_x if is_last else None), line.join]
        return "".join(parts).strip("\n"), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh_rows(0, self.size.height)

    async def _on_click(self, event: events.Click) -> None:
        """A double click selects a word, a triple one the turn; Textual would draw the chat."""
        event.prevent_default()
        if self._pressed is None:
            return
        (number, row), x = self._pressed
        if event.chain == 2:
            line = self.drawn(number).line(row)
            if word := word_at(line, x - self.gutter.left - GUTTER):
                self._select((number, row), (number, row), word)
        elif event.chain == 3:
            self._select((number, 0), (number, 1 << SHIFT >> 1))

    def select_rows(self, step: int) -> None:
        """Select by keys: begin with the cursor's turn in sight, then row by row."""
        selection = self.text_selection
        if selection is None or selection.start is None or selection.end is None:
            first = next((seen for seen in self._view if seen and seen[0] == self._at), None)
            if first is not None:
                self._select(first, first)
            return
        end = self._walked(_place_of(selection.end), step)
        self._select(_place_of(selection.start), max(end, _place_of(selection.start)))
        if end not in self._view:
            self.scroll_rows(step)

    def _select(self, first: Place, last: Place, span: tuple[int, int] = (0, 1 << SHIFT)) -> None:
        """Select from one row to another; ``span`` has the first and the last character."""
        start = Offset(span[0] + GUTTER, first[0] << SHIFT | first[1])
        end = Offset(span[1] + GUTTER, last[0] << SHIFT | last[1])
        self.screen.selections = {self: Selection(start, end)}

    def on_mouse_down(self, event: events.MouseDown) -> None:
        place = self.place_at(event.y - self.gutter.top)
        self._pressed = (place, event.x) if place is not None else None

    def width_changed(self) -> None:
        if self.screen.selections:
            self.screen.clear_selection()


def _place_of(offset: Offset) -> Place:
    return offset.y >> SHIFT, offset.y & ((1 << SHIFT) - 1)
