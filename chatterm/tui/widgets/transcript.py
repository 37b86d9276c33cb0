"""The transcript: one widget that draws the turns of a chat, row by row, without any child.

Values go in, messages come out; it knows neither store nor session.

- ``show(turns, load)`` sets the chat. ``turns`` holds a ``Turn`` for every message (id, role, name,
  lengths); ``load(ids)`` returns the ``Body`` of each id, or an awaitable of them, and is asked for
  a screenful at a time. The reader's place is kept where the turn at the top is still there.
- ``begin(turn, body)``, ``grow(text)``, ``think(reasoning)``, ``step(step)``, ``put(text)`` and
  ``end(turn, body)`` show an answer while it is written; it is drawn at most 20 times a second.
- ``update_turn(turn, body)`` draws one turn again. ``look`` follows the app's theme unless given.
- The cursor: ``current``, ``move(steps)``, ``move_to(index)``, ``reveal(id, query)``. Scrolling:
  ``page(direction)``, ``scroll_rows(rows)``, ``go_home()``, ``follow()``; ``following`` says
  whether the end is in sight and stays there.
- ``fold()`` opens or closes what is folded in the current turn; ``find(query)`` marks and counts,
  ``find_step(step)`` goes on; ``jump()`` puts letters before what is in sight, and the next key
  chooses; ``select_rows(step)`` selects by keys; ``selected_text()``, ``code_blocks()``,
  ``code_block(number)`` and ``links()`` are what can be copied and opened.

Messages: ``Moved(turn_id)`` the cursor is on another turn; ``Followed(following)``;
``Copied(text, what)`` text for the clipboard; ``LinkChosen(address)``; ``Chosen(turn_id)`` a header
was clicked or jumped to; ``CardChosen(turn_id)`` an error card was clicked, so try again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.timer import Timer

from chatterm.render.codes import code_blocks
from chatterm.render.line import Line
from chatterm.tui.widgets.jumping import Target, labels, targets
from chatterm.tui.widgets.marking import occurrences, restyled
from chatterm.tui.widgets.selecting import SelectableTurns
from chatterm.tui.widgets.turn_view import GUTTER, KEPT, SHIFT, Loader, Place
from chatterm.tui.widgets.turns import CARD, HEADER, REASONING, STEP, Body, Drawn, Look, Step, Turn

_PAINT = 0.05
_SHARE = 4
"""Between two paints pass at least so many times what the last one cost."""
_AHEAD = 6
"""Rows that a followed answer moves up at once when it reaches the end of the screen."""


class Transcript(SelectableTurns, can_focus=True):
    """Turns of a chat."""

    class Moved(Message):
        def __init__(self, turn_id: str) -> None:
            super().__init__()
            self.turn_id = turn_id

    class Chosen(Moved): ...

    class CardChosen(Moved): ...

    class Copied(Message):
        def __init__(self, text: str, what: str) -> None:
            super().__init__()
            self.text = text
            self.what = what

    class LinkChosen(Message):
        def __init__(self, address: str) -> None:
            super().__init__()
            self.address = address

    def __init__(
        self,
        *,
        look: Look | None = None,
        clock: Callable[[], float] = time.perf_counter,
        widget_id: str | None = None,
    ) -> None:
        super().__init__(look, widget_id)
        self._clock = clock
        self._live: Drawn | None = None
        self._streamed: list[str] = []
        self._head_changed = False
        self._timer: Timer | None = None
        self._query = ""
        self._hits: list[int] = []
        self._hit: Place | None = None
        self._labels: dict[str, Target] = {}
        self.painted = 0
        """How many times a growing answer was drawn."""

    # What is shown

    def show(self, turns: Sequence[Turn], load: Loader, *, keep: bool = True) -> None:
        """Show a chat; ``keep`` leaves the reader where they are, if that turn is still there."""
        top_id = self._turns[self._top[0]].id if self._turns else None
        current = self.current
        self._stop_live()
        self.take_turns(turns, load)
        self._query, self._hits, self._hit = "", [], None
        places = {turn.id: number for number, turn in enumerate(turns)}
        self._at = places.get(current.id, len(turns) - 1) if current else len(turns) - 1
        if keep and not self._following and top_id in places:
            self._top = (places[top_id], self._top[1])
        else:
            self._set_following(True)
            self._top = (max(0, len(turns) - 1), 0)
        self._lay_out()

    def update_turn(self, turn: Turn, body: Body) -> None:
        """Draw a turn again whose state or text has changed."""
        for number, known in enumerate(self._turns):
            if known.id == turn.id:
                self._turns[number] = turn
                self._bodies[turn.id] = body
                self._drawn.pop(turn.id, None)
                self._lay_out()
                return

    # An answer that grows

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
        first = len(live.head) + dirty
        if self._head_changed:
            self._head_changed = False
            live.body = replace(live.body, text="".join(self._streamed))
            live.draw_head()
            first = 0
        number = len(self._turns) - 1
        self._heights.set(number, len(live))
        old = self._view
        self._settle_top(_AHEAD)
        self._see()
        if self._view != old and not _grown(old, self._view):
            self.refresh_rows(0, self.size.height)
        else:
            self._refresh_from((number, first))
        cost = self._clock() - began
        if _SHARE * cost > _PAINT:
            self._timer = self.set_timer(_SHARE * cost, self._after_pause)

    def _after_pause(self) -> None:
        self._timer = None
        self.paint()

    def _refresh_from(self, place: Place) -> None:
        """Mark the rows from a place to the end of the view as dirty."""
        for y, seen in enumerate(self._view):
            if seen is not None and seen >= place:
                self.refresh_rows(y, len(self._view) - y)
                return

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

    # The cursor

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

    def _move_cursor(self, number: int) -> None:
        before, self._at = self._at, number
        if before != number and self._turns:
            self.post_message(self.Moved(self._turns[number].id))
            self._refresh_turns(before, number)

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

    # Folds

    def fold(self) -> None:
        """Open what is folded in the current turn, or close it all."""
        turn = self.current
        if turn is None:
            return
        drawn = self.drawn(self._at)
        marks = [REASONING] if drawn.body.reasoning.strip() else []
        marks += [f"{STEP}{number}" for number in range(len(drawn.body.steps))]
        unfolded = self._unfolded.setdefault(turn.id, set())
        fresh = set(marks) - unfolded
        self._unfolded[turn.id] = set(marks) if fresh else set()
        self._redraw(self._at)

    def _toggle(self, number: int, mark: str) -> None:
        self._unfolded.setdefault(self._turns[number].id, set()).symmetric_difference_update({mark})
        self._redraw(number)

    def _redraw(self, number: int) -> None:
        """Draw a turn again; while it fills the top of the screen, its rows stay where they are."""
        before = self._drawn.pop(self._turns[number].id, None)
        drawn = self.drawn(number)
        if before is not None and self._top[0] == number and self._top[1] >= len(before.head):
            self._top = (number, self._top[1] + len(drawn.head) - len(before.head))
        self._lay_out()

    # Search

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

    def find_step(self, step: int) -> None:
        """To the next place, or the one before."""
        if not self._hits:
            return
        turn, row = self._hit or (self._at, -1)
        order = self._hits if step > 0 else self._hits[::-1]
        for number in order:
            if number * step < turn * step:
                continue
            rows = self._hit_rows(number)[::step]
            further = [at for at in rows if number != turn or (at > row if step > 0 else at < row)]
            if further:
                self._hit = (number, further[0])
                break
        else:
            return
        number, row = self._hit
        self._move_cursor(number)
        if self._hit not in self._view:
            self._top = self._walked((number, row), -(self.size.height // 3))
            self._set_following(False)
        self._lay_out()

    def _hit_rows(self, number: int) -> list[int]:
        """The rows of a turn where the text stands; the first one, if it stands on none."""
        lines = self.drawn(number).lines()
        rows = [at for at, line in enumerate(lines) if occurrences(line, self._query)]
        return rows or [0]

    # Jumping

    def jump(self) -> None:
        """Put a letter before everything in sight that can be gone to, copied or opened."""
        self._labels = labels(targets(self._view, self.drawn))
        self.refresh_rows(0, self.size.height)

    async def on_key(self, event: events.Key) -> None:
        if not self._labels:
            return
        event.stop()
        event.prevent_default()
        target = self._labels.get(event.character or "")
        self._labels = {}
        self.refresh_rows(0, self.size.height)
        if target is not None:
            self._go(target)

    def _go(self, target: Target) -> None:
        number, row = target.place
        self._move_cursor(number)
        match target.kind:
            case "turn":
                self.post_message(self.Chosen(self._turns[number].id))
            case "code":
                code = self._code(number, self.drawn(number).code_number(row))
                if code is not None:
                    self.post_message(self.Copied(code, "code block"))
            case "link":
                self.post_message(self.LinkChosen(target.address))
            case "fold":
                self._toggle(number, self.drawn(number).line(row).mark)

    # Copying

    def code_blocks(self) -> int:
        """How many code blocks the current turn has."""
        if self.current is None:
            return 0
        return sum(line.mark == "code" for line in self.drawn(self._at).text)

    def code_block(self, number: int) -> str | None:
        """One of them, from 1, as it was written."""
        return self._code(self._at, number) if self.current is not None else None

    def _code(self, turn: int, number: int) -> str | None:
        body = self._bodies.get(self._turns[turn].id)
        live = self._live is not None and turn == len(self._turns) - 1
        text = "".join(self._streamed) if live else body.text if body else ""
        codes = code_blocks(text)
        return codes[number - 1] if 0 < number <= len(codes) else None

    def links(self) -> list[str]:
        """The addresses in the current turn, in their order."""
        if self.current is None:
            return []
        found: dict[str, None] = {}
        for line in self.drawn(self._at).text:
            for segment in line.segments:
                if segment.style and segment.style.link:
                    found[segment.style.link] = None
        return list(found)

    # The mouse

    def on_click(self, event: events.Click) -> None:
        place = self.place_at(event.y - self.gutter.top)
        if place is None or self._pressed != (place, event.x) or event.chain > 1:
            return
        number, row = place
        line = self.drawn(number).line(row)
        self._move_cursor(number)
        if address := _link_at(line, event.x - self.gutter.left - GUTTER):
            self.post_message(self.LinkChosen(address))
        elif line.mark == REASONING or line.mark.startswith(STEP):
            self._toggle(number, line.mark)
        elif line.mark == "code":
            code = self._code(number, self.drawn(number).code_number(row))
            if code is not None:
                self.post_message(self.Copied(code, "code block"))
        elif line.mark == CARD:
            self.post_message(self.CardChosen(self._turns[number].id))
        elif line.mark == HEADER:
            self.post_message(self.Chosen(self._turns[number].id))

    def marked(self, line: Line, place: Place) -> list[Segment] | None:
        """A row with what was found, what is selected, and the letters of the jump mode."""
        selection = self.text_selection
        span = selection.get_span(place[0] << SHIFT | place[1]) if selection is not None else None
        if span is None and not self._query and not self._labels:
            return None
        segments = self._with_gutter(line, place[0] == self._at)
        for start, end in occurrences(line, self._query):
            segments = restyled(segments, start + GUTTER, end + GUTTER, self.look.mark)
        if span is not None:
            end = span[1] if span[1] >= 0 else len(line.text) + GUTTER
            segments = restyled(segments, max(GUTTER, span[0]), end, self.look.selection)
        for letter, target in self._labels.items():
            if target.place == place:
                at = target.x + GUTTER if target.x else 0
                segments = restyled(segments, at, at + 1, self.look.label, letter)
        return segments


def _grown(old: list[Place | None], new: list[Place | None]) -> bool:
    """Whether rows were only added in the empty part of the screen, or taken from its end."""
    return len(old) == len(new) and all(
        before == after or before is None or after is None
        for before, after in zip(old, new, strict=True)
    )


def _link_at(line: Line, x: int) -> str:
    """The address under a column of a row."""
    at = 0
    for segment in line.segments:
        at += segment.cell_length
        if x < at:
            return (segment.style.link or "") if segment.style and x >= 0 else ""
    return ""
