"""Tables: columns side by side where they fit, else one field a row.

The widths come from the head and the first rows alone, so that a table which grows is not laid out
again with every row; what is wider later wraps inside its cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rich.cells import cell_len
from rich.segment import Segment

from chatterm.render.theme import Theme
from chatterm.render.wrap import Row, Span, spans_width, wrap

Cell: TypeAlias = Sequence[Span]

SAMPLE = 20
"""How many rows decide the widths."""

_BETWEEN = " │ "
_WIDE = 2
"""The width of the widest character, which every column must hold."""
_NARROWEST = 4
_LONG_WORD = 10
_TALLEST = 6


@dataclass(frozen=True, slots=True)
class Columns:
    """How a table is laid out."""

    widths: tuple[int, ...]
    """Empty where columns do not fit side by side."""
    ruled: bool
    """Draw a rule between rows, since cells are wrapped."""


def columns(sample: Sequence[Sequence[Cell]], width: int) -> Columns:
    """The widths for a head and its first rows."""
    count = len(sample[0])
    natural = [max(_WIDE, *(spans_width(row[at]) for row in sample)) for at in range(count)]
    room = width - len(_BETWEEN) * (count - 1)
    if sum(natural) <= room:
        return Columns(tuple(natural), ruled=False)
    words = [max(_longest_word(row[at]) for row in sample) for at in range(count)]
    least = [
        max(min(word, _LONG_WORD), min(_NARROWEST, all_))
        for word, all_ in zip(words, natural, strict=True)
    ]
    if sum(least) > room:
        return Columns((), ruled=True)
    widths = _shared(natural, least, room)
    tallest = max(-(-need // has) for need, has in zip(natural, widths, strict=True))
    if tallest > _TALLEST and width < 60:
        return Columns((), ruled=True)
    return Columns(tuple(widths), ruled=True)


def _longest_word(cell: Cell) -> int:
    text = "".join([part for part, _ in cell])
    if not text.isascii():
        # Wide characters break anywhere; two of them must fit.
        return max((min(cell_len(word), _NARROWEST) for word in text.split()), default=1)
    return max((len(word) for word in text.split()), default=1)


def _shared(natural: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Give narrow columns what they need, and share the rest among the wide ones."""
    widths = list(least)
    spare = room - sum(widths)
    while spare > 0:
        wanting = [at for at in range(len(widths)) if widths[at] < natural[at]]
        if not wanting:
            break
        part = max(1, spare // len(wanting))
        for at in wanting:
            more = min(part, natural[at] - widths[at], spare)
            widths[at] += more
            spare -= more
    return widths


class Table:
    """Draws the rows of one table as lists of segments."""

    def __init__(
        self, head: Sequence[Cell], layout: Columns, aligns: Sequence[str], width: int, theme: Theme
    ) -> None:
        self._head = head
        self._layout = layout
        self._aligns = aligns
        self._width = width
        self._theme = theme

    def top(self) -> list[list[Segment]]:
        """The head and the rule below it; nothing where fields stand on rows of their own."""
        if not self._layout.widths:
            return []
        return [*self._across(self._head), self._rule("─", "─┼─")]

    def row(self, cells: Sequence[Cell], *, first: bool) -> list[list[Segment]]:
        """The rows of the screen for a row of the table, with the rule before it."""
        if not self._layout.widths:
            rule = [] if first else [self._plain_rule()]
            return rule + self._fields(cells)
        rule = [self._rule("╌", "╌┼╌")] if self._layout.ruled and not first else []
        return rule + self._across(cells)

    def names(self) -> list[list[Segment]]:
        """The head of a table that has no rows and does not fit side by side."""
        names = [span for name in self._head for span in (*name, (_BETWEEN, self._theme.frame))]
        return [list(row.spans) for row in wrap(names[:-1], self._width)]

    def _across(self, cells: Sequence[Cell]) -> list[list[Segment]]:
        columns = [
            wrap(cell, width) for cell, width in zip(cells, self._layout.widths, strict=True)
        ]
        return [self._side_by_side(columns, at) for at in range(max(1, *map(len, columns)))]

    def _side_by_side(self, columns: Sequence[Sequence[Row]], at: int) -> list[Segment]:
        segments: list[Segment] = []
        last = len(columns) - 1
        for number, (rows, width) in enumerate(zip(columns, self._layout.widths, strict=True)):
            row = rows[at] if at < len(rows) else None
            spare = width - (row.width if row else 0)
            before = {"right": spare, "center": spare // 2}.get(self._aligns[number], 0)
            after = spare - before if number < last else 0
            if before:
                segments.append(Segment(" " * before))
            segments += row.spans if row else ()
            if after:
                segments.append(Segment(" " * after))
            if number < last:
                segments.append(Segment(_BETWEEN, self._theme.frame))
        return segments

    def _rule(self, line: str, crossing: str) -> list[Segment]:
        text = crossing.join(line * width for width in self._layout.widths)
        return [Segment(text, self._theme.frame)]

    def _plain_rule(self) -> list[Segment]:
        return [Segment("─" * min(self._width, 20), self._theme.frame)]

    def _fields(self, cells: Sequence[Cell]) -> list[list[Segment]]:
        rows: list[list[Segment]] = []
        for name, value in zip(self._head, cells, strict=True):
            field = [*name, (": ", self._theme.table_head), *value] if name else list(value)
            for number, row in enumerate(wrap(field, self._width - 2)):
                rows.append([Segment("  "), *row.spans] if number else list(row.spans))
        return rows or [[]]
