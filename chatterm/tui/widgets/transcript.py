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
  ``find_step(step)`` goes on, and around; ``jump()`` puts letters before what is in sight, and the
  next key chooses, as a digit does after ``choose_code()``; ``select_rows(step)`` selects by keys;
  ``selected_text()`` and ``links()`` are what can be copied and opened.

Messages: ``Followed(following)``; ``Copied(text, what)`` text for the clipboard;
``LinkChosen(address)``; ``CardChosen(turn_id)`` an error card was clicked, so try again;
``CounterChosen()`` the counter of the current turn's siblings was clicked, so show the next one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.message import Message

from chatterm.render.codes import code_blocks
from chatterm.render.line import Line
from chatterm.render.sanitise import sanitise
from chatterm.tui.widgets.finding import FindableTurns
from chatterm.tui.widgets.jumping import Target, labels, numbers, targets
from chatterm.tui.widgets.marking import occurrences, restyled
from chatterm.tui.widgets.turn_rows import Loader
from chatterm.tui.widgets.turn_view import GUTTER, SHIFT, Place
from chatterm.tui.widgets.turns import CARD, HEADER, REASONING, STEP, Look, Turn


class Transcript(FindableTurns, can_focus=True, inherit_bindings=False):
    """Turns of a chat. Its keys are whose it is shown by; a scroll view's own would come first."""

    class CardChosen(Message):
        def __init__(self, turn_id: str) -> None:
            super().__init__()
            self.turn_id = turn_id

    class Copied(Message):
        def __init__(self, text: str, what: str) -> None:
            super().__init__()
            self.text = text
            self.what = what

    class CounterChosen(Message):
        pass

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
        super().__init__(look, clock, widget_id=widget_id)
        self._labels: dict[str, Target] = {}

    # What is shown

    def show(self, turns: Sequence[Turn], load: Loader, *, keep: bool = True) -> None:
        """Show a chat; ``keep`` leaves the reader where they are, if that turn is still there."""
        top_id = self._turns[self._top[0]].id if self._turns else None
        current = self.current
        self._stop_live()
        self.take_turns(turns, load)
        self._stop_finding()
        places = {turn.id: number for number, turn in enumerate(turns)}
        self._at = places.get(current.id, len(turns) - 1) if current else len(turns) - 1
        if keep and not self._following and top_id in places:
            self._top = (places[top_id], self._top[1])
        else:
            self._set_following(True)
            self._top = (max(0, len(turns) - 1), 0)
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

    # Jumping

    def jump(self) -> None:
        """Put a letter before everything in sight that can be gone to, copied or opened."""
        self._put_labels(labels(targets(self._view, self.drawn)))

    def choose_code(self) -> int:
        """Put its number before each code block of the current turn, and let a digit copy one.

        How many there are; where there is only one, it is copied at once.
        """
        found = numbers(self._at, self.drawn(self._at)) if self.current is not None else {}
        if len(found) == 1:
            self._go(found["1"])
        else:
            self._put_labels(found)
        return len(found)

    def _put_labels(self, labels: dict[str, Target]) -> None:
        self._labels = labels
        self.refresh_rows(0, self.size.height)

    async def on_key(self, event: events.Key) -> None:
        if not self._labels:
            return
        event.stop()
        event.prevent_default()
        target = self._labels.get(event.character or "")
        self._put_labels({})
        if target is not None:
            self._go(target)

    def _go(self, target: Target) -> None:
        number, row = target.place
        self._move_cursor(number)
        match target.kind:
            case "turn":
                return
            case "code":
                code = self._code(number, self.drawn(number).code_number(row))
                if code is not None:
                    self.post_message(self.Copied(code, "code block"))
            case "link":
                self.post_message(self.LinkChosen(target.address))
            case "fold":
                self._toggle(number, self.drawn(number).line(row).mark)

    # Copying

    def _code(self, turn: int, number: int) -> str | None:
        body = self._bodies.get(self._turns[turn].id)
        live = self._live is not None and turn == len(self._turns) - 1
        text = "".join(self._streamed) if live else body.text if body else ""
        codes = code_blocks(sanitise(text))
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
        x = event.x - self.gutter.left - GUTTER
        if address := _link_at(line, x):
            self.post_message(self.LinkChosen(address))
        elif line.mark == HEADER:
            if _is_counter(line, x, self._turns[number]):
                self.post_message(self.CounterChosen())
        elif line.mark == REASONING or line.mark.startswith(STEP):
            self._toggle(number, line.mark)
        elif line.mark == "code":
            code = self._code(number, self.drawn(number).code_number(row))
            if code is not None:
                self.post_message(self.Copied(code, "code block"))
        elif line.mark == CARD:
            self.post_message(self.CardChosen(self._turns[number].id))

    def marked(self, line: Line, place: Place) -> list[Segment] | None:
        """A row with what was found, what is selected, and the letters of the jump mode."""
        selection = self.text_selection
        span = selection.get_span(place[0] << SHIFT | place[1]) if selection is not None else None
        if span is None and not self._query and not self._labels:
            return None
        segments = self._with_gutter(line, place[0] == self._at)
        mark = self.look.hit if place == self._hit else self.look.mark
        for start, end in occurrences(line, self._query):
            segments = restyled(segments, start + GUTTER, end + GUTTER, mark)
        if span is not None:
            end = span[1] if span[1] >= 0 else len(line.text) + GUTTER
            segments = restyled(segments, max(GUTTER, span[0]), end, self.look.selection)
        for letter, target in self._labels.items():
            if target.place == place:
                at = target.x + GUTTER if target.x else 0
                segments = restyled(segments, at, at + 1, self.look.label, letter)
        return segments


def _is_counter(line: Line, x: int, turn: Turn) -> bool:
    """Whether a column of a header is inside of the counter of siblings."""
    start = line.text.rfind(turn.counter) if turn.counter else -1
    return start >= 0 and 0 <= x - cell_len(line.text[:start]) < len(turn.counter)


def _link_at(line: Line, x: int) -> str:
    """The address under a column of a row."""
    at = 0
    for segment in line.segments:
        at += segment.cell_length
        if x < at:
            return (segment.style.link or "") if segment.style and x >= 0 else ""
    return ""
