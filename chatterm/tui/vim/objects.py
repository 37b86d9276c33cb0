"""Vim's text objects: a word, a sentence, a paragraph, what stands in quotes or brackets."""

from __future__ import annotations

import re

from chatterm.tui.vim.motions import (
    Span,
    closing,
    enclosing,
    kind_at,
    line_end,
    line_start,
    numbered,
)

_BRACKETS = {
    **dict.fromkeys("()b", "()"),
    **dict.fromkeys("[]", "[]"),
    **dict.fromkeys("{}B", "{}"),
    **dict.fromkeys("<>", "<>"),
}
_SENTENCE = re.compile(
    r"\S(?:.|\n(?!\s*\n))*?(?:[.!?][)\]\"'\u201d]*(?=\s|\Z)|(?=\n\s*\n)|\Z)",
)
_BLANKS = " \t"


def text_object(letter: str, text: str, at: int, times: int, *, around: bool) -> Span | None:
    """What ``i`` or ``a`` and a letter mean here; None where there is no such thing."""
    if letter in "wW":
        return _word(text, at, times, big=letter == "W", around=around)
    if letter == "s":
        return _sentence(text, at, around=around)
    if letter == "p":
        return _paragraph(text, at, around=around)
    if letter in "\"'`":
        return _quoted(text, at, letter, around=around)
    if letter in _BRACKETS:
        return _bracketed(text, at, _BRACKETS[letter], times, around=around)
    return None


def _word(text: str, at: int, times: int, *, big: bool, around: bool) -> Span | None:
    low, high = line_start(text, at), line_end(text, at)
    if low == high:
        return None
    at = min(at, high - 1)
    start = at
    while start > low and _same(text, start - 1, at, big=big):
        start -= 1
    end = start
    for _ in range(times):
        began_blank = text[end : end + 1].isspace()
        end = _run(text, end, high, big=big)
        if around and (began_blank or text[end : end + 1] in tuple(_BLANKS)):
            end = _run(text, end, high, big=big)
    if around and not text[start].isspace() and not text[end - 1].isspace():
        while start > low and text[start - 1] in _BLANKS:
            start -= 1
    return Span(end, start=start)


def _same(text: str, one: int, other: int, *, big: bool) -> bool:
    return kind_at(text, one, big=big) == kind_at(text, other, big=big)


def _run(text: str, at: int, high: int, *, big: bool) -> int:
    """The end of letters of one kind."""
    end = at
    while end < high and _same(text, end, at, big=big):
        end += 1
    return end


def _sentence(text: str, at: int, *, around: bool) -> Span | None:
    for found in _SENTENCE.finditer(text):
        blanks = len(text) - len(text[found.end() :].lstrip(_BLANKS)) if around else found.end()
        if at < max(found.end(), blanks):
            return Span(blanks, start=found.start())
    return None


def _paragraph(text: str, at: int, *, around: bool) -> Span:
    lines = text.split("\n")
    first = last = text.count("\n", 0, at)
    blank = not lines[first].strip()
    while first > 0 and (not lines[first - 1].strip()) == blank:
        first -= 1
    while last + 1 < len(lines) and (not lines[last + 1].strip()) == blank:
        last += 1
    if around:
        before = last
        while last + 1 < len(lines) and (not lines[last + 1].strip()) != blank:
            last += 1
        while last == before and first > 0 and not lines[first - 1].strip():
            first -= 1
    return Span(numbered(text, last + 1), whole_lines=True, start=numbered(text, first + 1))


def _quoted(text: str, at: int, quote: str, *, around: bool) -> Span | None:
    low, high = line_start(text, at), line_end(text, at)
    places = [place for place in range(low, high) if text[place] == quote]
    for start, end in zip(places[::2], places[1::2], strict=False):
        if at <= end:
            return Span(end + around, start=start + (not around))
    return None


def _bracketed(text: str, at: int, pair: str, times: int, *, around: bool) -> Span | None:
    opener, closer = pair[0], pair[1]
    here = text[at : at + 1]
    start: int | None = at if here == opener else enclosing(text, at - 1, opener, closer)
    if start is None:
        # Where there is none around it, the next one.
        start = text.find(opener, at)
        start = None if start < 0 else start
    for _ in range(times - 1):
        start = enclosing(text, start - 1, opener, closer) if start is not None else None
    if start is None:
        return None
    end = closing(text, start, opener, closer)
    if end is None:
        return None
    return Span(end + around, start=start + (not around))
