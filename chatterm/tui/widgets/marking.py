"""Marks on rows: finding a text or a word in one, and giving characters of it another style."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.cells import cell_len, split_graphemes
from rich.segment import Segment
from rich.style import Style

from chatterm.render.line import Line


def occurrences(line: Line, query: str) -> list[tuple[int, int]]:
    """Where a text stands in a row, in characters; neither case nor decoration counts."""
    if not query:
        return []
    text, sought = line.text.lower(), query.lower()
    if len(text) != len(line.text):
        text, sought = line.text, query  # a few letters become two in lower case
    found = []
    at = text.find(sought, min(line.prefix, len(text)))
    while at >= 0:
        found.append((at, at + len(sought)))
        at = text.find(sought, at + len(sought))
    return found


_WORD = re.compile(r"[\w./:@%+~#?&=\u2019'-]*\w/?")


def word_at(line: Line, x: int) -> tuple[int, int] | None:
    """The characters of the word, path or address that stands at a column of a row."""
    column = 0
    for start, _, cells in split_graphemes(line.text)[0]:
        column += cells
        if x < column:
            words = _WORD.finditer(line.text, min(line.prefix, start))
            return next((w.span() for w in words if w.start() <= start < w.end()), None)
    return None


def restyled(
    segments: Sequence[Segment], start: int, end: int, style: Style, text: str = ""
) -> list[Segment]:
    """The segments with another style from one character to another, or another text there."""
    result: list[Segment] = []
    at = 0
    for segment in segments:
        length = len(segment.text)
        first, last = max(0, start - at), min(length, end - at)
        if first >= last:
            result.append(segment)
        else:
            own = segment.style or Style.null()
            inside = segment.text[first:last]
            if text:
                inside = text + " " * (cell_len(inside) - cell_len(text))
            parts = [
                Segment(segment.text[:first], segment.style),
                Segment(inside, own + style),
                Segment(segment.text[last:], segment.style),
            ]
            result += [part for part in parts if part.text]
        at += length
    return result
