"""Vim's keys for a text, without a screen: a key, the text and the cursor in, a change out.

Only what fingers do without thinking: counts, motions, the operators d, c and y, and what begins
inserting. Undo belongs to the widget.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Mode = Literal["insert", "normal"]

_WORD = re.compile(r"\w+|[^\w\s]+")
_BIG_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Change:
    """What a key did: ``undo`` and ``redo`` are left to the widget."""

    text: str
    at: int
    mode: Mode = "normal"
    other: Literal["", "undo", "redo"] = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Where a motion leads, and what an operator takes on the way."""

    to: int
    whole_lines: bool = False
    inclusive: bool = False


class Vim:
    """The state between two keys."""

    def __init__(self) -> None:
        self.mode: Mode = "insert"
        self.register = ""
        self._register_lines = False
        self._count = ""
        self._operator = ""
        self._waiting = ""
        """A key that needs another one: ``g``, ``f``, ``r`` and their like."""

    @property
    def pending(self) -> str:
        """What was typed of a command so far."""
        return self._operator + self._count + self._waiting

    def leave_insert(self, text: str, at: int) -> Change:
        """Esc: one to the left, as vim does."""
        self._reset()
        self.mode = "normal"
        return Change(text, at - 1 if at > _line_start(text, at) else at)

    def key(self, letter: str, text: str, at: int) -> Change:
        """One key in normal mode."""
        if self._waiting:
            return self._second(letter, text, at)
        if letter in "gfFtTr" and not (letter == "r" and self._operator):
            self._waiting = letter
            return Change(text, at)
        if letter.isdigit() and (letter != "0" or self._count):
            self._count += letter
            return Change(text, at)
        if letter in "dcy":
            return self._begin_operator(letter, text, at)
        span = self._motion(letter, text, at)
        if span is not None:
            return self._moved(span, text, at)
        change = self._command(letter, text, at)
        self._reset()
        return change

    def _times(self) -> int:
        return min(int(self._count or 1), 10_000)

    def _reset(self) -> None:
        self._count = self._operator = self._waiting = ""

    def _second(self, letter: str, text: str, at: int) -> Change:
        first, self._waiting = self._waiting, ""
        if first == "g" and letter == "g":
            return self._moved(Span(0, whole_lines=True), text, at)
        if first == "r":
            change = self._replaced(letter, text, at)
            self._reset()
            return change
        if first in "fFtT":
            to = _find(text, at, letter, first, self._times())
            if to is not None:
                return self._moved(Span(to, inclusive=first in "ft"), text, at)
        self._reset()
        return Change(text, at)

    def _replaced(self, letter: str, text: str, at: int) -> Change:
        end = at + self._times()
        if end > _line_end(text, at):
            return Change(text, at)
        return Change(text[:at] + letter * (end - at) + text[end:], end - 1)

    # Operators

    def _begin_operator(self, letter: str, text: str, at: int) -> Change:
        if self._operator == letter:
            last = at
            for _ in range(self._times() - 1):
                last = min(_line_end(text, last) + 1, len(text))
            return self._moved(Span(last, whole_lines=True), text, at)
        if self._operator:
            self._reset()
        self._operator = letter
        return Change(text, at)

    def _moved(self, span: Span, text: str, at: int) -> Change:
        """Go there, or let the operator take what lies between."""
        operator = self._operator
        self._reset()
        if not operator:
            return Change(text, _on_letter(text, span.to))
        low, high = min(at, span.to), max(at, span.to)
        if span.whole_lines:
            low, high = _line_start(text, low), _line_end(text, high)
            return self._on_lines(operator, text, low, high)
        if span.inclusive:
            high += 1
        return self._on_text(operator, text, low, high)

    def _on_lines(self, operator: str, text: str, low: int, high: int) -> Change:
        self.register, self._register_lines = text[low:high] + "\n", True
        if operator == "y":
            return Change(text, low)
        if operator == "c":
            return self._inserting(text[:low] + text[high:], low)
        if high < len(text):
            return Change(text[:low] + text[high + 1 :], low)
        cut = max(low - 1, 0)
        return Change(text[:cut], _line_start(text[:cut], cut))

    def _on_text(self, operator: str, text: str, low: int, high: int) -> Change:
        self.register, self._register_lines = text[low:high], False
        if operator == "y":
            return Change(text, low)
        rest = text[:low] + text[high:]
        if operator == "c":
            return self._inserting(rest, low)
        return Change(rest, _on_letter(rest, low))

    def _inserting(self, text: str, at: int) -> Change:
        self.mode = "insert"
        return Change(text, at, "insert")

    # Motions

    def _motion(self, letter: str, text: str, at: int) -> Span | None:
        times = self._times()
        match letter:
            case "h":
                return Span(max(at - times, _line_start(text, at)))
            case "l" | " ":
                return Span(min(at + times, _line_end(text, at)))
            case "0":
                return Span(_line_start(text, at))
            case "^" | "_":
                return Span(_first_word(text, at))
            case "$":
                return Span(_line_end(text, at))
            case "G":
                return Span(_line_start(text, len(text)), whole_lines=True)
            case "j" | "k":
                return _vertical(text, at, times if letter == "j" else -times)
            case "w" | "W" | "b" | "B" | "e" | "E":
                return self._word_motion(letter, text, at, times)
        return None

    def _word_motion(self, letter: str, text: str, at: int, times: int) -> Span:
        words = _BIG_WORD if letter.isupper() else _WORD
        spots = [(found.start(), found.end()) for found in words.finditer(text)]
        kind = letter.lower()
        if kind == "w" and self._operator == "c":
            # cw changes the word and leaves the blank behind it.
            kind = "e"
        for _ in range(times):
            if kind == "w":
                at = next((start for start, _ in spots if start > at), len(text))
            elif kind == "b":
                at = next((start for start, _ in reversed(spots) if start < at), 0)
            else:
                at = next((end - 1 for _, end in spots if end - 1 > at), max(len(text) - 1, 0))
        return Span(at, inclusive=kind == "e")

    # What is neither

    def _command(self, letter: str, text: str, at: int) -> Change:
        start, end = _line_start(text, at), _line_end(text, at)
        times = self._times()
        # A dictionary, as a chain of twenty cases would be no clearer.
        places = {"i": at, "a": min(at + 1, end), "I": _first_word(text, at), "A": end}
        taken = {
            "x": ("d", at, min(at + times, end)),
            "X": ("d", max(at - times, start), at),
            "s": ("c", at, min(at + times, end)),
            "D": ("d", at, end),
            "C": ("c", at, end),
            "Y": ("y", at, end),
        }
        if letter in places:
            return self._inserting(text, places[letter])
        if letter in taken:
            operator, low, high = taken[letter]
            return self._on_text(operator, text, low, high)
        match letter:
            case "o":
                return self._inserting(text[:end] + "\n" + text[end:], end + 1)
            case "O":
                return self._inserting(text[:start] + "\n" + text[start:], start)
            case "S":
                return self._on_lines("c", text, start, end)
            case "p" | "P":
                return self._put(text, at, times, after=letter == "p")
        return self._lesser_command(letter, text, at, times)

    def _lesser_command(self, letter: str, text: str, at: int, times: int) -> Change:
        end = _line_end(text, at)
        match letter:
            case "J" if end < len(text):
                joined = text[:end].rstrip() + " " + text[end + 1 :].lstrip(" \t")
                return Change(joined, len(text[:end].rstrip()))
            case "~" if at < end:
                swapped = text[at : at + times].swapcase()
                return Change(text[:at] + swapped + text[at + times :], min(at + times, end))
            case "u":
                return Change(text, at, other="undo")
            case "U":
                return Change(text, at, other="redo")
        return Change(text, at)

    def _put(self, text: str, at: int, times: int, *, after: bool) -> Change:
        what = self.register * times
        if not what:
            return Change(text, at)
        if self._register_lines:
            if not after:
                start = _line_start(text, at)
                return Change(text[:start] + what + text[start:], start)
            end = _line_end(text, at)
            return Change(text[:end] + "\n" + what.removesuffix("\n") + text[end:], end + 1)
        place = min(at + 1, _line_end(text, at)) if after else at
        return Change(text[:place] + what + text[place:], place + len(what) - 1)


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def _first_word(text: str, at: int) -> int:
    start = _line_start(text, at)
    line = text[start : _line_end(text, at)]
    return start + len(line) - len(line.lstrip())


def _on_letter(text: str, at: int) -> int:
    """In normal mode the cursor stands on a letter, not behind the last one."""
    at = min(max(at, 0), len(text))
    if at == _line_end(text, at) and at > _line_start(text, at):
        return at - 1
    return at


def _vertical(text: str, at: int, lines: int) -> Span:
    column = at - _line_start(text, at)
    place = at
    for _ in range(abs(lines)):
        if lines > 0:
            if _line_end(text, place) == len(text):
                break
            place = _line_end(text, place) + 1
        else:
            if _line_start(text, place) == 0:
                break
            place = _line_start(text, _line_start(text, place) - 1)
    start = _line_start(text, place)
    return Span(min(start + column, _line_end(text, place)), whole_lines=True)


def _find(text: str, at: int, letter: str, kind: str, times: int) -> int | None:
    start, end = _line_start(text, at), _line_end(text, at)
    for _ in range(times):
        forward = kind in "ft"
        found = text.find(letter, at + 1, end) if forward else text.rfind(letter, start, at)
        if found < 0:
            return None
        at = found
    return {"t": at - 1, "T": at + 1}.get(kind, at)
