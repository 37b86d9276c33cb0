"""How wide a text is drawn, and what stands before its rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment

from chatterm.render.line import ALL, Line, line_of
from chatterm.render.table import SAMPLE
from chatterm.render.wrap import Row

NARROWEST = 8
"""Fewer columns than this are treated as this many."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What the way of drawing depends on, beside the theme."""

    width: int
    piece: int = 4_000
    """Characters of a paragraph that are drawn at a time."""
    sample: int = SAMPLE
    """Rows of a table that decide its widths."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """What stands before the rows of a block: once before the first, and before all others."""

    first: tuple[Segment, ...] = ()
    rest: tuple[Segment, ...] = ()
    width: int = 0

    @property
    def is_quoted(self) -> bool:
        return any("│" in segment.text for segment in self.rest)

    def next(self) -> Prefix:
        """For the block that follows the first one."""
        return self if self.first is self.rest else Prefix(self.rest, self.rest, self.width)

    def inside(self, first: Segment, rest: Segment, limit: int) -> Prefix:
        """One container deeper; where room is short, the outer ones are not shown."""
        added = cell_len(first.text)
        if self.width + added > limit:
            return Prefix((first,), (rest,), added)
        return Prefix((*self.first, first), (*self.rest, rest), self.width + added)


def wrapped(rows: Iterable[Row], prefix: Prefix, mark: str = "") -> list[Line]:
    """Rows of a wrapped text behind a prefix."""
    lines = []
    before = prefix.first
    for row in rows:
        lines.append(
            Line(
                (*before, *row.spans),
                prefix.width + row.width,
                sum([len(segment.text) for segment in before]),
                row.join,
                mark,
            )
        )
        before, mark = prefix.rest, ""
    return lines


def decorated(
    rows: Iterable[Sequence[Segment]], prefix: Prefix, *, whole: bool = False
) -> list[Line]:
    """Rows of segments behind a prefix; ``whole`` rows are nothing but decoration."""
    lines = []
    before = prefix.first
    for row in rows:
        length = ALL if whole else sum([len(segment.text) for segment in before])
        lines.append(line_of((*before, *row), length))
        before = prefix.rest
    return lines
