"""Breaks styled text into rows of a width in cells.

Text is a list of spans. Rows break at blanks, between wide characters as Chinese and Japanese do,
and inside a word only if it is longer than a row. A blank that a break swallows is remembered, so
that copying gives the text back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rich.cells import cell_len, split_graphemes
from rich.segment import Segment
from rich.style import Style

Span: TypeAlias = tuple[str, Style]

_WIDE = "ᄀ-ᅟ⺀-〾ぁ-㏿㐀-䶿一-鿿ꀀ-꓏가-힣豈-﫿︰-﹏＀-｠￠-￦\U0001f000-\U0003fffd"
_NOT_FIRST = r"、。，．！？：；）」』】〉》］｝ー々ゝゞ.,;:!?)\]}"
_PIECE = re.compile(
    rf"(?P<blank>[ \n]+)"
    rf"|[{_WIDE}][{_NOT_FIRST}\ufe0f\u200d]*(?:(?<=\u200d).\ufe0f?)*"
    rf"|[^ \n{_WIDE}]+"
)


@dataclass(frozen=True, slots=True)
class Row:
    """A piece of the wrapped text: its spans, its width, and what followed it."""

    spans: tuple[Segment, ...]
    width: int
    join: str


def wrap(spans: Sequence[Span], width: int) -> list[Row]:
    """The rows of a text; ``\\n`` in it is a break that stays."""
    text = "".join([part for part, _ in spans])
    if not text:
        return []
    cuts = _ascii_cuts(text, width) if text.isascii() else _cuts(text, width)
    return _rows(spans, text, cuts)


def _ascii_cuts(text: str, width: int) -> list[tuple[int, int]]:
    """Where each row begins and ends, where a character is a cell."""
    cuts: list[tuple[int, int]] = []
    offset = 0
    for part in text.split("\n"):
        end = offset + len(part)
        start = offset
        while end - start > width:
            cut = text.rfind(" ", start, start + width + 1)
            if cut <= start:
                cuts.append((start, start + width))
                start += width
            else:
                cuts.append((start, _without_blanks(text, start, cut)))
                start = cut
            while start < end and text[start] == " ":
                start += 1
        if start < end or start == offset:
            cuts.append((start, end))
        offset = end + 1
    return cuts


def _without_blanks(text: str, start: int, end: int) -> int:
    while end > start and text[end - 1] == " ":
        end -= 1
    return end


def _cuts(text: str, width: int) -> list[tuple[int, int]]:
    """The same for any characters."""
    cuts: list[tuple[int, int]] = []
    offset = 0
    for part in text.split("\n"):
        cuts += [(offset + start, offset + end) for start, end in _part_cuts(part, width)]
        offset += len(part) + 1
    return cuts


def _part_cuts(part: str, width: int) -> list[tuple[int, int]]:
    cuts: list[tuple[int, int]] = []
    start = end = used = blanks = 0
    for found in _PIECE.finditer(part):
        piece = found.group()
        if found["blank"]:
            blanks += len(piece)
            continue
        size = cell_len(piece)
        if used + blanks + size <= width:
            used, end, blanks = used + blanks + size, found.end(), 0
            continue
        if used:
            cuts.append((start, end))
        start, used, blanks = found.start(), 0, 0
        if size > width:
            *full, (start, end) = _chopped(piece, found.start(), width)
            cuts += full
            used = cell_len(part[start:end])
        else:
            used, end = size, found.end()
    if used or not cuts:
        cuts.append((start, end))
    return cuts


def _chopped(text: str, base: int, width: int) -> list[tuple[int, int]]:
    """Text cut at any place between characters that belong together; ``base`` is added."""
    if text.isascii():
        length = len(text)
        return [(base + at, base + min(at + width, length)) for at in range(0, length, width)]
    cuts: list[tuple[int, int]] = []
    begin = used = 0
    for at, _, size in split_graphemes(text)[0]:
        if used + size > width and at > begin:
            cuts.append((base + begin, base + at))
            begin, used = at, 0
        used += size
    cuts.append((base + begin, base + len(text)))
    return cuts


def chop(spans: Sequence[Span], width: int) -> list[Row]:
    """The rows of one line of code: every blank stays, and any place may be cut."""
    text = "".join([part for part, _ in spans])
    return _rows(spans, text, _chopped(text, 0, width)) if text else []


def _rows(spans: Sequence[Span], text: str, cuts: Sequence[tuple[int, int]]) -> list[Row]:
    rows = []
    index = at = 0  # the span that holds the position `at`
    for number, (start, end) in enumerate(cuts):
        segments: list[Segment] = []
        while index < len(spans) and at + len(spans[index][0]) <= start:
            at += len(spans[index][0])
            index += 1
        place, span_start = index, at
        while place < len(spans) and span_start < end:
            part, style = spans[place]
            piece = part[max(0, start - span_start) : end - span_start]
            if piece:
                if segments and segments[-1].style == style:
                    segments[-1] = Segment(segments[-1].text + piece, style)
                else:
                    segments.append(Segment(piece, style))
            span_start += len(part)
            place += 1
        join = text[end : cuts[number + 1][0]] if number + 1 < len(cuts) else "\n"
        rows.append(Row(tuple(segments), cell_len(text[start:end]), join))
    return rows


def spans_width(spans: Sequence[Span]) -> int:
    """The width of the widest line of a text that is not wrapped."""
    text = "".join([part for part, _ in spans])
    return max(cell_len(part) for part in text.split("\n")) if text else 0
