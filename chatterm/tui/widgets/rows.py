"""A list of rows to choose from, drawn line by line: ten thousand cost no more than ten.

Every list of the program is one of these. Texts may come from models and files, so they are made
harmless here, where they are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from chatterm.render.sanitise import sanitise

Slice: TypeAlias = tuple[int, int]

_TITLE = 12
"""Cells that a title has at least; what stands at the right is cut before it."""
_BOLD = Style(bold=True)
_PLAIN = Style.null()


@dataclass(frozen=True, slots=True)
class Row:
    """One entry: a title, something at the right edge, and perhaps a line below."""

    key: str
    """What choosing it means; empty for a heading, which cannot be chosen."""
    title: str
    right: str = ""
    detail: str = ""
    marks: tuple[tuple[int, int], ...] = ()
    """Slices of ``detail``, or of the title where there is none, that a search found."""
    sign: str = ""
    """One cell in front of the title."""
    dim: bool = False

    @property
    def height(self) -> int:
        return 2 if self.detail else 1


class Rows(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows with a cursor, which a scroll view's own keys would leave behind."""

    DEFAULT_CSS = """
    Rows {
        height: 1fr; background: transparent; scrollbar-size-vertical: 1; overflow-x: hidden;
        & > .rows--cursor { background: $block-cursor-blurred-background; }
        & > .rows--dim { color: $muted; }
        & > .rows--mark { color: $text-accent; text-style: bold; }
        & > .rows--heading { color: $muted; text-style: bold; }
        & > .rows--empty { color: $muted; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "rows--cursor",
        "rows--dim",
        "rows--mark",
        "rows--heading",
        "rows--empty",
    }

    class Chosen(Message):
        """Enter or a click on a row."""

        def __init__(self, rows: Rows, row: Row) -> None:
            super().__init__()
            self.rows = rows
            self.row = row

    class Moved(Message):
        """The cursor stands on another row."""

        def __init__(self, rows: Rows, row: Row | None) -> None:
            super().__init__()
            self.rows = rows
            self.row = row

    class NearEnd(Message):
        """The cursor comes to the last rows: more may be wanted."""

        def __init__(self, rows: Rows) -> None:
            super().__init__()
            self.rows = rows

    def __init__(self, *, empty: str = "", id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._rows: Sequence[Row] = ()
        self._at: list[tuple[int, int]] = []
        self._first_line: list[int] = []
        self._cursor = -1
        self.empty = empty

    @property
    def rows(self) -> Sequence[Row]:
        return self._rows

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self._rows[self._cursor] if 0 <= self._cursor < len(self._rows) else None

    def show(self, rows: Sequence[Row], *, keep: bool = False) -> None:
        """Draw these; with ``keep`` the cursor stays on the row of the same key."""
        before = self.row
        self._rows = rows
        self._at, self._first_line = [], []
        for number, row in enumerate(rows):
            self._first_line.append(len(self._at))
            self._at += [(number, line) for line in range(row.height)]
        self._cursor = self._kept(before) if keep and before is not None else self._next(-1, 1)
        self.virtual_size = Size(0, len(self._at))
        if not keep:
            self.scroll_to(0, 0, animate=False)
        self._see_cursor()
        self.refresh()
        self.post_message(self.Moved(self, self.row))

    def _kept(self, before: Row) -> int:
        for number, row in enumerate(self._rows):
            if row.key == before.key:
                return number
        return self._next(min(self._cursor, len(self._rows)) - 1, 1)

    def move_to(self, key: str) -> None:
        """Put the cursor on the row of that key."""
        for number, row in enumerate(self._rows):
            if row.key == key:
                self._move(number)

    def move(self, steps: int) -> None:
        """Up or down by rows that can be chosen; over the end it goes on at the other."""
        step = 1 if steps > 0 else -1
        found = self._cursor
        for _ in range(abs(steps)):
            further = self._next(found, step)
            if further < 0:
                break
            found = further
        if found == self._cursor and abs(steps) == 1:
            found = self._next(-1, 1) if step > 0 else self._next(len(self._rows), -1)
        self._move(found)

    def page(self, direction: int) -> None:
        self.move(direction * max(1, self.size.height // 2))

    def choose(self) -> None:
        if self.row is not None:
            self.post_message(self.Chosen(self, self.row))

    def _next(self, start: int, step: int) -> int:
        number = start + step
        while 0 <= number < len(self._rows):
            if self._rows[number].key:
                return number
            number += step
        return -1

    def _move(self, number: int) -> None:
        if number < 0 or number == self._cursor:
            return
        self._cursor = number
        self._see_cursor()
        self.refresh()
        self.post_message(self.Moved(self, self.row))
        if number >= len(self._rows) - 10:
            self.post_message(self.NearEnd(self))

    def _see_cursor(self) -> None:
        if self.row is not None and self.size.height:
            # The heading above the first row belongs to it.
            top = self._first_line[self._cursor] if self._next(-1, 1) != self._cursor else 0
            height = self._first_line[self._cursor] + self.row.height - top
            self.scroll_to_region(Region(0, top, 1, height), animate=False, force=True)

    def on_resize(self) -> None:
        self._see_cursor()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        base = self.rich_style
        if not self._rows and y == 0 and self.empty:
            text = set_cell_size(f" {self.empty}", width)
            return Strip([Segment(text, base + self._style("rows--empty"))])
        line = y + round(self.scroll_y)
        if not 0 <= line < len(self._at):
            return Strip([Segment(" " * width, base)])
        number, part = self._at[line]
        row = self._rows[number]
        if number == self._cursor:
            base += self._style("rows--cursor")
        segments = self._title(row, base, width) if part == 0 else self._detail(row, base, width)
        return Strip(segments).adjust_cell_length(width, base)

    def _title(self, row: Row, base: Style, width: int) -> list[Segment]:
        if not row.key:
            return [Segment(f" {sanitise(row.title)}", base + self._style("rows--heading"))]
        style = base + self._style("rows--dim") if row.dim else base
        style += _BOLD if row is self.row else _PLAIN
        right = sanitise(row.right)
        room = width - 4 - (cell_len(right) + 2 if right else 0)
        if right and room < _TITLE:
            right = fit(right, max(width - 6 - _TITLE, 0))
            room = width - 4 - (cell_len(right) + 2 if right else 0)
        marks = () if row.detail else row.marks
        shown = self._marked(one_line(row.title), marks, style, room)
        used = sum(segment.cell_length for segment in shown)
        gap = width - 3 - used - cell_len(right) - 1
        sign = set_cell_size(row.sign, 1)
        dim = base + self._style("rows--dim")
        return [
            Segment(f" {sign} ", base + self._style("rows--mark")),
            *shown,
            Segment(" " * max(gap, 0), base),
            Segment(f"{right} ", dim),
        ]

    def _detail(self, row: Row, base: Style, width: int) -> list[Segment]:
        dim = base + self._style("rows--dim")
        text, marks = _in_sight(one_line(row.detail), row.marks, width - 5)
        shown = self._marked(text, marks, dim, width - 5)
        return [Segment("    ", base), *shown]

    def _marked(
        self, text: str, marks: Sequence[tuple[int, int]], style: Style, room: int
    ) -> list[Segment]:
        cut = fit(text, room)
        whole = len(cut) if cut == text else len(cut) - 1
        found = style + self._style("rows--mark")
        segments, done = [], 0
        for start, end in marks:
            start, end = min(start, whole), min(end, whole)
            if done <= start < end:
                segments += [Segment(cut[done:start], style), Segment(cut[start:end], found)]
                done = end
        return [*segments, Segment(cut[done:], style)]

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True)

    async def on_click(self, event: events.Click) -> None:
        line = event.y + round(self.scroll_y)
        if 0 <= line < len(self._at):
            number = self._at[line][0]
            if self._rows[number].key:
                self._move(number)
                self.choose()


def _in_sight(text: str, marks: Sequence[Slice], room: int) -> tuple[str, Sequence[Slice]]:
    """The text from where its first mark can be seen."""
    if not marks or cell_len(text[: marks[0][1]]) < room:
        return text, marks
    start = max(0, marks[0][0] - room // 3)
    return "…" + text[start:], [(first + 1 - start, last + 1 - start) for first, last in marks]


def one_line(text: str) -> str:
    """Harmless, and of the same length, so that slices still fit."""
    return sanitise(text.replace("\r", " ")).replace("\n", " ").replace("\t", " ")


def fit(text: str, width: int) -> str:
    """Cut what is too wide, with an ellipsis."""
    if cell_len(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    return set_cell_size(text, width - 1).rstrip() + "…"
