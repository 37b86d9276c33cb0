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

The truth of the reader's place is (turn, row in it), never a scroll offset: heights of turns that
were not drawn are estimates, which are corrected without moving the reader.
"""

from __future__ import annotations

import inspect
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from rich.segment import Segment
from textual import events
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from chatterm.render.codes import code_blocks
from chatterm.render.line import Line
from chatterm.tui.widgets.heights import Heights
from chatterm.tui.widgets.jumping import Target, labels, targets
from chatterm.tui.widgets.marking import occurrences, restyled
from chatterm.tui.widgets.rendering import look_of
from chatterm.tui.widgets.turns import (
    CARD,
    HEADER,
    REASONING,
    STEP,
    Body,
    Drawn,
    Look,
    Step,
    Turn,
    estimate,
)

Bodies: TypeAlias = Sequence[Body]
Loader: TypeAlias = Callable[[Sequence[str]], Bodies | Awaitable[Bodies]]
Place: TypeAlias = tuple[int, int]
"""A turn and a row in it."""

GUTTER = 2
"""The columns before every row, where the cursor's bar stands."""
_PAINT = 0.05
_SHARE = 4
"""Between two paints pass at least so many times what the last one cost."""
_AHEAD = 6
"""Rows that a followed answer moves up at once when it reaches the end of the screen."""
_KEPT = 200
_BATCH = 12
_SHIFT = 20
"""The bits of a selection's row; the turn stands above them."""


class Transcript(ScrollView, can_focus=True):
    """Turns of a chat."""

    DEFAULT_CSS = """
    Transcript {
        overflow-y: scroll;
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
    }
    """
    ALLOW_SELECT = True

    class Moved(Message):
        def __init__(self, turn_id: str) -> None:
            super().__init__()
            self.turn_id = turn_id

    class Chosen(Moved): ...

    class CardChosen(Moved): ...

    class Followed(Message):
        def __init__(self, following: bool) -> None:
            super().__init__()
            self.following = following

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
        super().__init__(id=widget_id)
        self.look = look or look_of({})
        self._own_look = look is not None
        self._clock = clock
        self._turns: list[Turn] = []
        self._load: Loader = lambda ids: [Body("") for _ in ids]
        self._bodies: OrderedDict[str, Body] = OrderedDict()
        self._asked: set[str] = set()
        self._drawn: OrderedDict[str, Drawn] = OrderedDict()
        self._unfolded: dict[str, set[str]] = {}
        self._heights = Heights()
        self._scale = 1.0
        self._top: Place = (0, 0)
        self._following = True
        self._view: list[Place | None] = []
        self._at = -1
        self._live: Drawn | None = None
        self._streamed: list[str] = []
        self._head_changed = False
        self._timer: Timer | None = None
        self._query = ""
        self._hits: list[int] = []
        self._hit: Place | None = None
        self._labels: dict[str, Target] = {}
        self._pressed: tuple[Place, int] | None = None
        self._strips: dict[int, tuple[Line, Strip]] = {}
        self._painting = False
        self._quiet = False
        self._width = 0
        self.painted = 0
        """How many times a growing answer was drawn."""

    # What is shown

    def show(self, turns: Sequence[Turn], load: Loader, *, keep: bool = True) -> None:
        """Show a chat; ``keep`` leaves the reader where they are, if that turn is still there."""
        top_id = self._turns[self._top[0]].id if self._turns else None
        current = self.current
        self._stop_live()
        self._turns = list(turns)
        self._load = load
        self._bodies.clear()
        self._asked.clear()
        self._drawn.clear()
        self._query, self._hits, self._hit = "", [], None
        self._estimate()
        places = {turn.id: number for number, turn in enumerate(turns)}
        self._at = places.get(current.id, len(turns) - 1) if current else len(turns) - 1
        if keep and not self._following and top_id in places:
            self._top = (places[top_id], self._top[1])
        else:
            self._set_following(True)
            self._top = (max(0, len(turns) - 1), 0)
        self._lay_out()

    @property
    def turns(self) -> Sequence[Turn]:
        return self._turns

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
        self._live.document.append(text)
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
            self.refresh(Region(0, 0, self.size.width, self.size.height))
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
                self.refresh(Region(0, y, self.size.width, len(self._view) - y))
                return

    def _stop_live(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._live = None
        self._head_changed = False

    # Drawing

    def _new_drawn(self, turn: Turn, body: Body) -> Drawn:
        return Drawn(turn, body, max(self._width, 1), self.look, self._unfolded.get(turn.id, ()))

    def drawn(self, number: int) -> Drawn:
        """A turn's rows; its height is exact from now on."""
        turn = self._turns[number]
        found = self._drawn.get(turn.id)
        if found is None:
            body = self._body(number)
            found = self._new_drawn(turn, body or Body("…"))
            if self._live is not None and number == len(self._turns) - 1:
                self._reopen(found)
            else:
                found.draw_text()
            found.draw_foot()
            if body is not None:
                self._learn(turn, len(found))
                self._drawn[turn.id] = found
                while len(self._drawn) > _KEPT:
                    self._forget_oldest()
        else:
            self._drawn.move_to_end(turn.id)
        self._heights.set(number, len(found))
        return found

    def _reopen(self, drawn: Drawn) -> None:
        """Draw the growing turn again, at another width or in other colours."""
        assert self._live is not None
        drawn.body = replace(self._live.body, text="".join(self._streamed))
        drawn.draw_head()
        self._live = drawn.open()

    def _forget_oldest(self) -> None:
        oldest = next(iter(self._drawn))
        if self._live is not None and self._drawn[oldest] is self._live:
            self._drawn.move_to_end(oldest)
            return
        del self._drawn[oldest]

    def _learn(self, turn: Turn, height: int) -> None:
        """Let estimates follow what was seen."""
        guess = estimate(turn, self._width, 1.0) - 2
        if turn.size > 200 and guess > 0:
            self._scale += 0.05 * (min(3.0, max(0.3, (height - 2) / guess)) - self._scale)

    def _body(self, number: int) -> Body | None:
        turn = self._turns[number]
        found = self._bodies.get(turn.id)
        if found is not None:
            self._bodies.move_to_end(turn.id)
            return found
        first = max(0, number - _BATCH)
        wanted = [
            near.id
            for near in self._turns[first : number + _BATCH]
            if near.id not in self._bodies and near.id not in self._asked
        ]
        if wanted:
            self._ask(wanted)
        return self._bodies.get(turn.id)

    def _ask(self, ids: list[str]) -> None:
        answer = self._load(ids)
        if inspect.isawaitable(answer):
            self._asked.update(ids)
            self.run_worker(self._wait_for(ids, answer), group="bodies")
        else:
            self._keep_bodies(ids, answer)

    async def _wait_for(self, ids: list[str], bodies: Awaitable[Bodies]) -> None:
        self._keep_bodies(ids, await bodies)
        self._asked.difference_update(ids)
        self._lay_out()

    def _keep_bodies(self, ids: Sequence[str], bodies: Bodies) -> None:
        for id_, body in zip(ids, bodies, strict=True):
            self._bodies[id_] = body
        live = self._turns[-1].id if self._live is not None else None
        while len(self._bodies) > 2 * _KEPT:
            oldest = next(iter(self._bodies))
            if oldest == live:
                self._bodies.move_to_end(oldest)
            else:
                del self._bodies[oldest]

    def _estimate(self) -> None:
        self._heights = Heights(
            len(self._drawn[turn.id])
            if turn.id in self._drawn
            else estimate(turn, self._width, self._scale)
            for turn in self._turns
        )

    # The reader's place

    @property
    def following(self) -> bool:
        return self._following

    def _set_following(self, following: bool) -> None:
        if following != self._following:
            self._following = following
            self.post_message(self.Followed(following))

    def _lay_out(self, *, step: int = 0) -> None:
        """Find out what is in sight, and draw all of it."""
        if not self._width:
            return
        self._settle_top(step)
        self._see()
        self.refresh(Region(0, 0, self.size.width, self.size.height))

    def _settle_top(self, step: int) -> None:
        """Put the top where it belongs: a real row, and the end at the end when followed."""
        if not self._turns:
            self._top = (0, 0)
            return
        self._top = self._walked(self._top, 0)
        end = self._bottom()
        if self._following and step:
            if self._rows_from(self._top, self.size.height) > self.size.height:
                self._top = self._walked(end, min(step, self.size.height // 3))
        elif self._following or self._top > end:
            self._top = end

    def _bottom(self) -> Place:
        """The top row when the last row is at the end of the screen."""
        rows = self.size.height
        for number in range(len(self._turns) - 1, -1, -1):
            height = len(self.drawn(number))
            if height >= rows:
                return number, height - rows
            rows -= height
        return 0, 0

    def _walked(self, place: Place, rows: int) -> Place:
        """The place so many rows further; every turn on the way is drawn, so it is exact."""
        turn, row = place
        turn = min(max(0, turn), len(self._turns) - 1)
        row += rows
        while row < 0 and turn > 0:
            turn -= 1
            row += len(self.drawn(turn))
        row = max(0, row)
        while row >= (height := len(self.drawn(turn))):
            if turn == len(self._turns) - 1:
                return turn, max(0, height - 1)
            row -= height
            turn += 1
        return turn, row

    def _rows_from(self, place: Place, limit: int) -> int:
        """How many rows there are from a place to the end, counted up to a limit."""
        turn, row = place
        rows = -row
        while turn < len(self._turns) and rows <= limit:
            rows += len(self.drawn(turn))
            turn += 1
        return rows

    def _see(self) -> None:
        """Which row of which turn stands on each row of the screen."""
        view: list[Place | None] = []
        height = self.size.height
        turn, row = self._top
        while len(view) < height and turn < len(self._turns):
            rows = min(len(self.drawn(turn)), row + height - len(view))
            view += [(turn, at) for at in range(row, rows)]
            turn, row = turn + 1, 0
        self._view = view + [None] * (height - len(view))
        self._sync_bar()

    def _sync_bar(self) -> None:
        """Tell the scroll bar, without the layout that a changed virtual size would cost."""
        total = max(self._heights.total, self.size.height)
        position = self._heights.before(self._top[0]) + self._top[1] if self._turns else 0
        self._quiet = True
        try:
            self.set_reactive(Widget.virtual_size, Size(self.size.width, total))
            self.set_reactive(Widget.scroll_y, float(position))
            self.set_reactive(Widget.scroll_target_y, float(position))
            bar = self.vertical_scrollbar
            bar.window_virtual_size = total
            bar.window_size = self.size.height
            bar.position = position
        finally:
            self._quiet = False

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The scroll bar was dragged, or something else scrolled: a jump by the estimates."""
        if self._quiet or not self._turns or round(old_value) == round(new_value):
            return
        at_end = new_value >= self.max_scroll_y
        self._top = self._heights.at(round(new_value))
        self._set_following(at_end)
        self._lay_out()

    def scroll_rows(self, rows: int) -> None:
        """Move by rows, exactly."""
        if not self._turns or not self._width:
            return
        before = self._top
        self._top = self._walked(self._top, rows)
        end = self._bottom()
        if rows > 0 and self._top >= end:
            self._top = max(before, end)
            self._set_following(True)
        elif rows < 0:
            self._set_following(False)
        self._see()
        if self._top != before:
            self.refresh(Region(0, 0, self.size.width, self.size.height))

    def page(self, direction: int) -> None:
        self.scroll_rows(direction * max(1, self.size.height - 2))

    def go_home(self) -> None:
        self._top = (0, 0)
        self._set_following(False)
        self._lay_out()

    def follow(self) -> None:
        """Go to the end, and stay there while it grows."""
        self._set_following(True)
        self._lay_out()

    def action_scroll_up(self) -> None:
        self.scroll_rows(-1)

    def action_scroll_down(self) -> None:
        self.scroll_rows(1)

    def action_page_up(self) -> None:
        self.page(-1)

    def action_page_down(self) -> None:
        self.page(1)

    def action_scroll_home(self) -> None:
        self.go_home()

    def action_scroll_end(self) -> None:
        self.follow()

    def _on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        event.prevent_default()
        self.scroll_rows(3)

    def _on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        event.prevent_default()
        self.scroll_rows(-3)

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

    def _refresh_turns(self, *numbers: int) -> None:
        rows = [y for y, seen in enumerate(self._view) if seen is not None and seen[0] in numbers]
        if rows:
            self.refresh(Region(0, rows[0], self.size.width, rows[-1] - rows[0] + 1))

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
            for first in range(0, len(self._turns), _KEPT):
                self._hits += self._found(first, folded)
            if self._hits:
                before = [hit for hit in self._hits if hit <= self._at]
                self._hit = ((before or self._hits)[-1] + 1, -1)
                self.find_step(-1)
        self.refresh(Region(0, 0, self.size.width, self.size.height))
        return len(self._hits)

    def _found(self, first: int, folded: str) -> list[int]:
        part = self._turns[first : first + _KEPT]
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
        self.refresh(Region(0, 0, self.size.width, self.size.height))

    async def on_key(self, event: events.Key) -> None:
        if not self._labels:
            return
        event.stop()
        event.prevent_default()
        target = self._labels.get(event.character or "")
        self._labels = {}
        self.refresh(Region(0, 0, self.size.width, self.size.height))
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

    @property
    def allow_select(self) -> bool:
        return True

    def selected_text(self) -> str:
        """What is selected, without the breaks and signs that only the screen has."""
        selection = self.text_selection
        found = self.get_selection(selection) if selection is not None else None
        return found[0] if found else ""

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        if not self._turns:
            return None
        last = len(self._turns) - 1
        first_turn, first_row = _place_of(selection.start) if selection.start else (0, 0)
        last_turn, last_row = _place_of(selection.end) if selection.end else (last, 1 << _SHIFT)
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
        self.refresh(Region(0, 0, self.size.width, self.size.height))

    def text_select_all(self) -> None:
        """A double click selects the turn that was clicked; the whole chat would be drawn."""
        if self._pressed is not None:
            self._select((self._pressed[0][0], 0), (self._pressed[0][0], 1 << _SHIFT >> 1))

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

    def _select(self, first: Place, last: Place) -> None:
        start = Offset(0, first[0] << _SHIFT | first[1])
        end = Offset(1 << _SHIFT, last[0] << _SHIFT | last[1])
        self.screen.selections = {self: Selection(start, end)}

    # The mouse

    def _place_at(self, y: int) -> Place | None:
        return self._view[y] if 0 <= y < len(self._view) else None

    def on_mouse_down(self, event: events.MouseDown) -> None:
        place = self._place_at(event.y)
        self._pressed = (place, event.x) if place is not None else None

    def on_click(self, event: events.Click) -> None:
        place = self._place_at(event.y)
        if place is None or self._pressed != (place, event.x) or event.chain > 1:
            return
        number, row = place
        line = self.drawn(number).line(row)
        self._move_cursor(number)
        if address := _link_at(line, event.x - GUTTER):
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

    # Painting

    def on_resize(self) -> None:
        width = self.scrollable_content_region.width - GUTTER
        if width == self._width:
            self._lay_out()
            return
        before, self._width = self._width, width
        self._forget()
        if before and not self._following and self._turns:
            self._top = (self._top[0], self._top[1] * before // max(1, width))
            height = len(self.drawn(self._top[0]))
            self._top = (self._top[0], min(self._top[1], height - 1))
        if self.is_mounted and self.screen.selections:
            self.screen.clear_selection()
        self._lay_out()

    def _forget(self) -> None:
        """Everything drawn is out of date."""
        self._drawn.clear()
        self._strips.clear()
        self._estimate()

    def on_mount(self) -> None:
        self._follow_theme()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()
        if self.is_attached and self.is_running:
            self._follow_theme()

    def _follow_theme(self) -> None:
        if self._own_look:
            return
        look = look_of(_variables(self))
        if look != self.look:
            self.look = look
            self._forget()
            self._lay_out()

    def render_lines(self, crop: Region) -> list[Strip]:
        # Offsets are for finding out what is under the mouse; painting does without them.
        self._painting = True
        try:
            return super().render_lines(crop)
        finally:
            self._painting = False

    def render_line(self, y: int) -> Strip:
        place = self._place_at(y)
        width = self.size.width
        if place is None:
            return Strip.blank(width, self.rich_style)
        number, row = place
        line = self.drawn(number).line(row)
        key = number << _SHIFT | row
        selection = self.text_selection
        span = selection.get_span(key) if selection is not None else None
        if span is None and not self._query and not self._labels:
            strip = self._strip(line, width, is_current=number == self._at)
        else:
            strip = self._marked_strip(line, width, place, span)
        return strip if self._painting else strip.apply_offsets(0, key)

    def _strip(self, line: Line, width: int, *, is_current: bool) -> Strip:
        key = id(line) << 1 | is_current
        known = self._strips.get(key)
        if known is not None and known[0] is line and known[1].cell_length == width:
            return known[1]
        strip = self._made(self._with_gutter(line, is_current), line, width)
        if len(self._strips) > 4_000:
            self._strips.clear()
        self._strips[key] = (line, strip)
        return strip

    def _with_gutter(self, line: Line, is_current: bool) -> list[Segment]:
        bar = Segment("▌ ", self.look.cursor) if is_current else Segment("  ")
        return [bar, *line.segments]

    def _made(self, segments: list[Segment], line: Line, width: int) -> Strip:
        filled = line.width + GUTTER
        if filled < width:
            ground = line.ground if line.ground.bgcolor else None
            segments = [*segments, Segment(" " * (width - filled), ground)]
        strip = Strip(segments, max(filled, width))
        return strip.crop(0, width).apply_style(self.rich_style)

    def _marked_strip(
        self, line: Line, width: int, place: Place, span: tuple[int, int] | None
    ) -> Strip:
        """A row with what was found, what is selected, and the letters of the jump mode."""
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
        return self._made(segments, line, width)


def _variables(widget: Widget) -> Mapping[str, str]:
    return widget.app.theme_variables


def _grown(old: list[Place | None], new: list[Place | None]) -> bool:
    """Whether rows were only added in the empty part of the screen, or taken from its end."""
    return len(old) == len(new) and all(
        before == after or before is None or after is None
        for before, after in zip(old, new, strict=True)
    )


def _place_of(offset: Offset) -> Place:
    return offset.y >> _SHIFT, offset.y & ((1 << _SHIFT) - 1)


def _link_at(line: Line, x: int) -> str:
    """The address under a column of a row."""
    at = 0
    for segment in line.segments:
        at += segment.cell_length
        if x < at:
            return (segment.style.link or "") if segment.style and x >= 0 else ""
    return ""
