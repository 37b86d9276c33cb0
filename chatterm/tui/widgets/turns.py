"""The turns of a transcript as values, and each one drawn as rows.

A turn is a header, what the model thought and did (folded to a line each), the text, and what went
wrong. Everything is sanitised here; whoever hands values in need not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rich.segment import Segment
from rich.style import Style

from chatterm.messages import Role, State
from chatterm.render.document import StreamDoc, render
from chatterm.render.layout import Layout
from chatterm.render.line import ALL, EMPTY, Line, line_of
from chatterm.render.sanitise import Cleaner, sanitise
from chatterm.render.theme import NULL, Theme
from chatterm.render.wrap import wrap
from chatterm.tui.moments import clock_time

REASONING = "reasoning"
STEP = "step:"
CARD = "card"
LONGEST = 200_000
"""Characters of a text that are shown; drawing more would stop the screen for seconds."""
HEADER = "header"


@dataclass(frozen=True, slots=True)
class Turn:
    """What must be known of every turn, also of one whose text was never read."""

    id: str
    role: Role
    name: str
    """Who speaks: you, or the model."""
    about: str = ""
    """What stands behind the time, as the names of files."""
    at: float = 0.0
    """When it was said, where that is known; a date is written only for what is drawn."""
    state: State = State.COMPLETE
    place: int = 1
    """Among its siblings."""
    places: int = 1
    size: int = 0
    """Characters of the text."""
    breaks: int = 0
    """Line breaks of the text."""

    @property
    def counter(self) -> str:
        """Which of its siblings it is; empty where it has none."""
        return f"{self.place}/{self.places}" if self.places > 1 else ""


@dataclass(frozen=True, slots=True)
class Step:
    """Something done on the way to an answer, as a tool that was called."""

    title: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A failure, or a notice, below a turn."""

    text: str
    hint: str = ""
    is_error: bool = True


@dataclass(frozen=True, slots=True)
class Body:
    """What is read of a turn when it comes into sight."""

    text: str
    reasoning: str = ""
    steps: tuple[Step, ...] = ()
    cards: tuple[Card, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """The styles of everything around the texts."""

    theme: Theme
    user: Style = NULL
    model: Style = NULL
    muted: Style = NULL
    error: Style = NULL
    notice: Style = NULL
    cursor: Style = NULL
    """The bar before the turn under the cursor."""
    mark: Style = NULL
    """What was searched for."""
    hit: Style = NULL
    """The same, in the row that was gone to last."""
    label: Style = NULL
    """The letters of the jump mode."""
    selection: Style = NULL


class Drawn:
    """The rows of one turn: its head, its text (which may still grow), and what stands below."""

    def __init__(
        self, turn: Turn, body: Body, width: int, look: Look, unfolded: Iterable[str]
    ) -> None:
        self.turn = turn
        self.body = body
        self._width = width
        self._look = look
        self._unfolded = frozenset(unfolded)
        self._thoughts: StreamDoc | None = None
        self._thought_rows: list[Line] = []
        self._thought = 0
        """How much of the reasoning stands in these rows."""
        self._words = self._counted = 0
        """Words of the reasoning, and up to where they are counted."""
        self._room = LONGEST
        self.document: StreamDoc | None = None
        self.text: list[Line] = []
        self.head: list[Line] = []
        self.foot: list[Line] = []
        self.draw_head()
        self.draw_foot()

    def draw_text(self) -> Drawn:
        """Draw the whole text."""
        text, look = self.body.text[:LONGEST], self._look
        if self.turn.role is Role.USER:
            self.text = plain_lines(text, self._width, look.theme.text)
        else:
            self.text = render(text, self._width, look.theme)
        return self

    def open(self) -> Drawn:
        """Get ready for a text that grows."""
        self.document = StreamDoc(self._width, self._look.theme, Layout(self._width))
        self._room = LONGEST
        self.text = self.document.lines
        self.add(self.body.text)
        self.document.render()
        return self

    def add(self, text: str) -> None:
        """More of a text that grows, as long as it is shown."""
        if self.document is not None and self._room > 0:
            self.document.append(text[: self._room])
            self._room -= len(text)

    def __len__(self) -> int:
        return len(self.head) + len(self.text) + len(self.foot)

    def line(self, row: int) -> Line:
        if row < len(self.head):
            return self.head[row]
        row -= len(self.head)
        if row < len(self.text):
            return self.text[row]
        row -= len(self.text)
        return self.foot[row] if row < len(self.foot) else EMPTY

    def lines(self) -> list[Line]:
        return [*self.head, *self.text, *self.foot]

    def passed(self, row: int) -> int:
        """What a reader has passed who begins with that row: about as much at any width."""
        return sum(map(_weight, self.lines()[:row]))

    def row_of(self, passed: int) -> int:
        """The row that a reader begins with who has passed that much."""
        lines = self.lines()
        for row, line in enumerate(lines):
            passed -= _weight(line)
            if passed < 0:
                return row
        return max(0, len(lines) - 1)

    def code_number(self, row: int) -> int:
        """The number of the code block whose head stands on that row, from 1."""
        end = row - len(self.head) + 1
        return sum(line.mark == "code" for line in self.text[: max(0, end)])

    def draw_head(self) -> None:
        look, turn = self._look, self.turn
        speaker = look.user if turn.role is Role.USER else look.model
        words = [(sanitise(turn.name), speaker)]
        about = [clock_time(turn.at)] if turn.at else []
        if turn.about:
            about.append(sanitise(turn.about))
        if turn.counter:
            about.append(turn.counter)
        if turn.state is not State.COMPLETE:
            about.append("writing…" if turn.state is State.WRITING else turn.state.value)
        if about:
            words.append(("  " + " · ".join(about), look.muted))
        rows = wrap(words, self._width)[:1]
        segments = list(rows[0].spans) if rows else []
        self.head = [
            line_of(segments, ALL, mark=HEADER),
            *self._thought_lines(),
            *self._step_lines(),
        ]

    def _thought_lines(self) -> list[Line]:
        reasoning = self.body.reasoning
        if not reasoning.strip():
            return []
        is_open = REASONING in self._unfolded
        verb = "Thinking" if self.turn.state is State.WRITING and not self.body.text else "Thought"
        words = f"{verb}: {self._count_words(reasoning):,} words"
        first = self._summary(words, REASONING, is_open=is_open)
        if not is_open:
            return [first]
        if self._thoughts is None:
            self._thoughts = StreamDoc(max(self._width - 2, 8), self._look.theme.muted())
        thoughts = self._thoughts
        thoughts.append(reasoning[self._thought :])
        self._thought = len(reasoning)
        dirty, _ = thoughts.render()
        self._thought_rows[dirty:] = _behind("┊ ", self._look.muted, thoughts.lines[dirty:])
        return [first, *self._thought_rows, EMPTY]

    def _count_words(self, reasoning: str) -> int:
        """How many words there are, without counting again those that were counted."""
        blank = max(reasoning.rfind(" "), reasoning.rfind("\n"))
        if blank > self._counted:
            self._words += len(reasoning[self._counted : blank].split())
            self._counted = blank
        return self._words + len(reasoning[self._counted :].split())

    def _step_lines(self) -> list[Line]:
        lines: list[Line] = []
        for number, step in enumerate(self.body.steps):
            mark = f"{STEP}{number}"
            is_open = mark in self._unfolded
            lines.append(self._summary(sanitise(step.title), mark, is_open=is_open))
            if is_open and step.detail:
                detail = plain_lines(step.detail, max(self._width - 2, 8), self._look.muted)
                lines += _behind("┊ ", self._look.muted, detail)
        return lines

    def _summary(self, words: str, mark: str, *, is_open: bool) -> Line:
        sign = "▾ " if is_open else "▸ "
        rows = wrap([(sign + " ".join(words.split()), self._look.muted)], self._width)
        segments = list(rows[0].spans) if rows else []
        return line_of(segments, ALL, mark=mark)

    def draw_foot(self) -> None:
        lines: list[Line] = []
        cards = self.body.cards
        if (hidden := len(self.body.text) - LONGEST) > 0:
            said = f"{hidden:,} more characters are not shown"
            cards = (Card(said, "copy the message, or open it in the editor", False), *cards)
        for card in cards:
            style = self._look.error if card.is_error else self._look.notice
            lines += _behind("▌ ", style, plain_lines(card.text, self._width - 2, style), CARD)
            if card.hint:
                hint = plain_lines(card.hint, self._width - 2, self._look.muted)
                lines += _behind("▌ ", style, hint, CARD)
        self.foot = [*([EMPTY] if lines and self.text else []), *lines, EMPTY]


def _weight(line: Line) -> int:
    """How much of a turn a row is: the characters of its text, or itself where it has none."""
    return len(line.copied()) + len(line.join) if line.prefix < ALL else 1


def plain_lines(text: str, width: int, style: Style) -> list[Line]:
    """A text as it stands, wrapped: what people type has breaks that mean something."""
    cleaner = Cleaner()
    clean = (cleaner.feed(text) + cleaner.finish()).expandtabs(4).rstrip("\n")
    width = max(width, 8)
    lines = []
    for row in wrap([(clean, style)], width):
        lines.append(Line(row.spans, row.width, 0, row.join))
    return lines


def _behind(sign: str, style: Style, lines: Sequence[Line], mark: str = "") -> list[Line]:
    """Rows with a bar before them."""
    bar = Segment(sign, style)
    return [
        replace(
            line,
            segments=(bar, *line.segments),
            width=line.width + len(sign),
            prefix=min(ALL, line.prefix + len(sign)),
            mark=mark or line.mark,
        )
        for line in lines
    ]


def estimate(turn: Turn, width: int, scale: float) -> int:
    """How many rows a turn will take, as far as its lengths can tell."""
    if not turn.size:
        return 2
    rows = turn.size / max(width, 1) + 0.6 * turn.breaks + 1
    return 2 + max(1, round(rows * scale))
