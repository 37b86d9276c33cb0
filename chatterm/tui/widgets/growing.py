"""An answer that grows at the end of the transcript, drawn at most 20 times a second.

Only its open end is drawn again, and only changed rows are sent to the terminal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from textual.timer import Timer

from chatterm.render.line import Line
from chatterm.tui.widgets.turn_cursor import CursorTurns
from chatterm.tui.widgets.turn_view import Place
from chatterm.tui.widgets.turns import Body, Drawn, Look, Step, Turn

_PAINT = 0.05
_SHARE = 4
"""Between two paints pass at least so many times what the last one cost."""
_AHEAD = 6
"""Rows that a followed answer moves up at once when it reaches the end of the screen."""


class GrowingTurns(CursorTurns):
    """Turns of which the last may still be written."""

    def __init__(
        self,
        look: Look | None,
        clock: Callable[[], float] = time.perf_counter,
        *,
        widget_id: str | None,
    ) -> None:
        super().__init__(look, widget_id)
        self._clock = clock
        self._live: Drawn | None = None
        self._streamed: list[str] = []
        self._head_changed = False
        self._timer: Timer | None = None
        self.painted = 0
        """How many times a growing answer was drawn."""

    def update_turn(self, turn: Turn, body: Body) -> None:
        """Draw a turn again whose state or text has changed."""
        for number, known in enumerate(self._turns):
            if known.id == turn.id:
                self._turns[number] = turn
                self._bodies[turn.id] = body
                self._drawn.pop(turn.id, None)
                self._lay_out()
                return

    def begin(self, turn: Turn, body: Body | None = None) -> None:
        """A new turn at the end, whose text grows from now on."""
        self._stop_live()
        body = body or Body("")
        self._turns.append(turn)
        self._streamed = [body.text]
        self._bodies[turn.id] = body
        self._live = self._new_drawn(turn, body).open()
        self._drawn[turn.id] = self._live
        self._heights.append(len(self._live))
        if self._following:
            # Who reads further up keeps the message that keys are about.
            self._move_cursor(len(self._turns) - 1)
        self._lay_out()

    def grow(self, text: str) -> None:
        """More of the text."""
        if self._live is None or self._live.document is None:
            return
        was_empty = not any(self._streamed)
        self._streamed.append(text)
        self._live.add(text)
        self._head_changed = self._head_changed or (was_empty and bool(self._live.body.reasoning))
        self._due()

    def think(self, reasoning: str) -> None:
        """More of what the model thinks."""
        if self._live is not None:
            body = self._live.body
            self._live.body = replace(body, reasoning=body.reasoning + reasoning)
            self._head_changed = True
            self._due()

    def step(self, step: Step) -> None:
        """Something was done on the way."""
        if self._live is not None:
            self._live.body = replace(self._live.body, steps=(*self._live.body.steps, step))
            self._head_changed = True
            self._due()

    def put(self, text: str) -> None:
        """The text so far, in place of all that was streamed."""
        if self._live is None:
            return
        self._streamed = [text]
        self._live.body = replace(self._live.body, text=text)
        self._live.open()
        self._lay_out()

    def end(self, turn: Turn, body: Body) -> None:
        """The answer has ended; its rows stay as they are where the text is what was streamed."""
        live = self._live
        number = len(self._turns) - 1
        if live is None or live.document is None or number < 0:
            self.update_turn(turn, body)
            return
        self._turns[number] = turn
        self._bodies[turn.id] = body
        is_same = "".join(self._streamed) == body.text
        self._stop_live()
        drawn = self._new_drawn(turn, body)
        if is_same:
            live.document.finish()
            drawn.text = live.document.lines
            drawn.draw_foot()
        else:
            drawn.draw_text()
        self._drawn[turn.id] = drawn
        self._heights.set(number, len(drawn))
        self._lay_out(step=_AHEAD)

    def _due(self) -> None:
        if self._timer is None:
            self._timer = self.set_timer(_PAINT, self.paint)

    def paint(self) -> None:
        """Draw what came since the last time."""
        self._timer = None
        live = self._live
        if live is None or live.document is None or not self._width:
            return
        began = self._clock()
        self.painted += 1
        dirty, _ = live.document.render()
        head, changed = live.head, set[int]()
        if self._head_changed:
            self._head_changed = False
            live.body = replace(live.body, text="".join(self._streamed))
            live.draw_head()
            changed = _changed(head, live.head)
        first = len(live.head) + (dirty if len(head) == len(live.head) else 0)
        number = len(self._turns) - 1
        self._heights.set(number, len(live))
        old = self._view
        self._settle_top(_AHEAD)
        self._see()
        if self._view != old and not _grown(old, self._view):
            self.refresh_rows(0, self.size.height)
        else:
            self._refresh_grown(number, first, changed)
        cost = self._clock() - began
        if _SHARE * cost > _PAINT:
            self._timer = self.set_timer(_SHARE * cost, self._after_pause)

    def _after_pause(self) -> None:
        self._timer = None
        self.paint()

    def _refresh_grown(self, number: int, first: int, changed: set[int]) -> None:
        """Mark rows of a turn as dirty: those from ``first``, and some of those before."""
        for y, seen in enumerate(self._view):
            if seen is None or seen[0] != number:
                continue
            if seen[1] >= first:
                self.refresh_rows(y, len(self._view) - y)
                return
            if seen[1] in changed:
                self.refresh_rows(y, 1)

    def _stop_live(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._live = None
        self._head_changed = False

    def draw_body(self, drawn: Drawn, number: int) -> None:
        if self._live is None or number < len(self._turns) - 1:
            super().draw_body(drawn, number)
            return
        # The growing turn at another width, or in other colours.
        drawn.body = replace(self._live.body, text="".join(self._streamed))
        drawn.draw_head()
        self._live = drawn.open()

    def is_open(self, turn_id: str) -> bool:
        return self._live is not None and self._live.turn.id == turn_id


def _changed(before: Sequence[Line], after: Sequence[Line]) -> set[int]:
    """The rows that are new, or look otherwise."""
    same = min(len(before), len(after))
    return {
        row
        for row, line in enumerate(after)
        if row >= same or (line is not before[row] and line != before[row])
    }


def _grown(old: list[Place | None], new: list[Place | None]) -> bool:
    """Whether rows were only added in the empty part of the screen, or taken from its end."""
    return len(old) == len(new) and all(
        before == after or before is None or after is None
        for before, after in zip(old, new, strict=True)
    )
