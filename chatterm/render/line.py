"""One row of rendered text, with what is needed to copy it.

A row on the screen is not a line of the text: paragraphs are wrapped and decorated. ``prefix`` and
``join`` say how to get the text back, so that a copied paragraph has neither bars nor breaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

NULL_STYLE = Style.null()
ALL = 1 << 30
"""The prefix of a row that is decoration from end to end."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row. Its segments hold no line break and no control character."""

    segments: tuple[Segment, ...]
    width: int
    """In cells."""
    prefix: int = 0
    """How many characters at the start are decoration: bullets, bars, indentation."""
    join: str = "\n"
    """What the text has between this row and the next: the blanks dropped at a wrap, or a break."""
    mark: str = ""
    """``code`` on the row that begins a fenced block, ``heading`` on the first row of a heading."""
    ground: Style = NULL_STYLE
    """What the rest of the row is filled with."""

    @property
    def text(self) -> str:
        return "".join([segment.text for segment in self.segments])

    def copied(self, start: int = 0, end: int | None = None) -> str:
        """The characters from ``start`` to ``end`` of the row, without decoration."""
        return self.text[max(start, self.prefix) : end]


def line_of(segments: Sequence[Segment], prefix: int = 0, join: str = "\n", mark: str = "") -> Line:
    """A row of those segments; its width is measured."""
    width = sum([cell_len(segment.text) for segment in segments])
    return Line(tuple(segments), width, prefix, join, mark)


EMPTY = Line((), 0)
