"""Where vim's motions lead, as functions of a text and a place in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PAIRS = {"(": ")", "[": "]", "{": "}"}
_SCRIPTS = "\u309f\u30ff\u9fff"
"""Where hiragana, katakana and ideographs end."""
_BRACKET = re.compile(r"[()\[\]{}]")


@dataclass(frozen=True, slots=True)
class Span:
    """Where a motion leads, and what an operator takes on the way."""

    to: int
    whole_lines: bool = False
    inclusive: bool = False
    start: int | None = None
    """Where it begins, if not at the cursor: a text object."""


def line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def first_word(text: str, at: int) -> int:
    """The first letter of the line that is no blank."""
    start = line_start(text, at)
    line = text[start : line_end(text, at)]
    return start + len(line) - len(line.lstrip())


def last_word(text: str, at: int) -> int:
    """The last letter of the line that is no blank."""
    start = line_start(text, at)
    return max(start, start + len(text[start : line_end(text, at)].rstrip()) - 1)


def on_letter(text: str, at: int) -> int:
    """In normal mode the cursor stands on a letter, not behind the last one."""
    at = min(max(at, 0), len(text))
    if at == line_end(text, at) and at > line_start(text, at):
        return at - 1
    return at


def numbered(text: str, line: int) -> int:
    """Where the line of that number begins, counted from one; the last one where there is none."""
    at = 0
    for _ in range(line - 1):
        end = line_end(text, at)
        if end == len(text):
            break
        at = end + 1
    return at


def vertical(text: str, at: int, lines: int, column: int) -> Span | None:
    """So many lines down; None where the first of them is not there."""
    place = line_start(text, at)
    for step in range(abs(lines)):
        end = line_end(text, place)
        if (end == len(text)) if lines > 0 else (place == 0):
            if step == 0:
                return None
            break
        place = end + 1 if lines > 0 else line_start(text, place - 1)
    return Span(min(place + column, line_end(text, place)), whole_lines=True)


def kind_at(text: str, at: int, *, big: bool) -> int:
    """Blank, word or sign, or which of the scripts that have no blanks between their words."""
    letter = text[at]
    if letter.isspace():
        return 0
    if big or letter < "\u3040":
        return 1 if big or letter.isalnum() or letter == "_" else 2
    return next((3 + at for at, end in enumerate(_SCRIPTS) if letter <= end), 1)


def word_forward(text: str, at: int, *, big: bool) -> int:
    """The beginning of the next word; an empty line is one."""
    end = len(text)
    if at >= end:
        return end
    kind = kind_at(text, at, big=big)
    while kind and at < end and kind_at(text, at, big=big) == kind:
        at += 1
    while at < end and text[at].isspace():
        if text[at : at + 2] == "\n\n":
            return at + 1
        at += 1
    return at


def word_end(text: str, at: int, *, big: bool) -> int:
    end = len(text)
    at += 1
    while at < end and text[at].isspace():
        at += 1
    if at >= end:
        return max(end - 1, 0)
    kind = kind_at(text, at, big=big)
    while at + 1 < end and kind_at(text, at + 1, big=big) == kind:
        at += 1
    return at


def word_back(text: str, at: int, *, big: bool) -> int:
    at -= 1
    while at > 0 and text[at].isspace():
        if text[at - 1 : at + 1] == "\n\n":
            return at
        at -= 1
    if at <= 0:
        return 0
    kind = kind_at(text, at, big=big)
    while at > 0 and kind_at(text, at - 1, big=big) == kind:
        at -= 1
    return at


def word_end_back(text: str, at: int, *, big: bool) -> int:
    """The end of the word before."""
    at = min(at, len(text) - 1)
    if at >= 0 and not text[at].isspace():
        kind = kind_at(text, at, big=big)
        while at >= 0 and kind_at(text, at, big=big) == kind:
            at -= 1
    while at >= 0 and text[at].isspace():
        at -= 1
    return max(at, 0)


def words(text: str, at: int, letter: str, times: int) -> int:
    """``w``, ``b``, ``e`` or ``ge``, here ``v``, and the same in capitals."""
    big = letter.isupper()
    step = {"w": word_forward, "b": word_back, "e": word_end, "v": word_end_back}[letter.lower()]
    for _ in range(times):
        before, at = at, step(text, at, big=big)
        if at == before:
            break
    return at


def paragraph(text: str, at: int, times: int) -> int:
    """The next empty line behind words, or the one before where ``times`` is negative."""
    lines = text.split("\n")
    row = text.count("\n", 0, at)
    step = 1 if times > 0 else -1
    for _ in range(abs(times)):
        while 0 <= row < len(lines) and not lines[row].strip():
            row += step
        while 0 <= row < len(lines) and lines[row].strip():
            row += step
    if row >= len(lines):
        return len(text)
    return numbered(text, row + 1) if row > 0 else 0


def matching(text: str, at: int) -> int | None:
    """The bracket that belongs to the first one from here on, in this line."""
    found = _BRACKET.search(text, at, line_end(text, at))
    if found is None:
        return None
    here = found.group()
    if here in _PAIRS:
        return closing(text, found.start(), here, _PAIRS[here])
    opener = next(key for key, value in _PAIRS.items() if value == here)
    return enclosing(text, found.start() - 1, opener, here)


def closing(text: str, at: int, opener: str, closer: str) -> int | None:
    """Where the bracket that opens at ``at`` is closed."""
    depth = 0
    for place in range(at, len(text)):
        depth += (text[place] == opener) - (text[place] == closer)
        if depth == 0:
            return place
    return None


def enclosing(text: str, at: int, opener: str, closer: str) -> int | None:
    """Where the bracket opens that is still open at ``at``."""
    depth = 1
    for place in range(at, -1, -1):
        depth += (text[place] == closer) - (text[place] == opener)
        if depth == 0:
            return place
    return None


def find(
    text: str, at: int, letter: str, kind: str, times: int, *, again: bool = False
) -> int | None:
    """``f``, ``F``, ``t`` and ``T``; ``again`` leaves the letter that one stands before."""
    start, end = line_start(text, at), line_end(text, at)
    forward = kind in "ft"
    if again and kind in "tT":
        at += 1 if forward else -1
    for _ in range(times):
        at = text.find(letter, at + 1, end) if forward else text.rfind(letter, start, max(at, 0))
        if at < 0:
            return None
    return {"t": at - 1, "T": at + 1}.get(kind, at)


def searched(text: str, at: int, words: str, *, back: bool, times: int = 1) -> int | None:
    """The next place that says so, round the end; capitals count where one was typed."""
    if not words:
        return None
    flags = re.NOFLAG if any(letter.isupper() for letter in words) else re.IGNORECASE
    places = [found.start() for found in re.finditer(re.escape(words), text, flags)]
    for _ in range(times):
        if not places:
            return None
        if back:
            at = next((place for place in reversed(places) if place < at), places[-1])
        else:
            at = next((place for place in places if place > at), places[0])
    return at
