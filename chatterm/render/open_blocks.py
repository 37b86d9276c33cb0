"""Blocks at the top of a growing text that only their own lines can close.

A fence, HTML and a long formula are not given to the parser again with each fragment: their lines
are read once, so that a block costs what its text costs, however long it stays open. Each is fed
all of its source so far, and says where the text goes on once a whole line has closed it.
"""

from __future__ import annotations

import re
from typing import Protocol

from chatterm.render.blocks import Drawing, draw
from chatterm.render.code import language_of
from chatterm.render.layout import Prefix
from chatterm.render.line import Line
from chatterm.render.parser import formula_end, html_end
from chatterm.render.theme import NULL

_TOP = Prefix()
_OPENS_FENCE = re.compile(r"`{3,}|~{3,}")


class OpenBlock(Protocol):
    """A block whose end has not come."""

    done: list[Line]
    """Rows of whole lines; they stay as long as the block is open."""
    open: list[Line]
    """Rows of what may yet go on."""
    fresh: int
    """The first of ``done`` that the last feeding made."""
    certain: bool
    """Whether the words of ``done`` are those of the end."""

    def feed(self, content: str, whole: int, *, is_end: bool) -> int | None:
        """Read a longer source; up to ``whole`` its lines are complete.

        Returns where the text goes on after the block once that is known; then ``done`` has it all.
        """

    def again(self, drawing: Drawing) -> OpenBlock:
        """The same block before anything was read, drawn in another way."""


class Fence:
    """Code; its opening line is not part of the source."""

    certain = True

    def __init__(self, opening: str, info: str, drawing: Drawing) -> None:
        self._opening = opening
        self._info = info
        self._code = drawing.code
        self._growing = drawing.code.growing(info, _TOP)
        sign = re.escape(opening[0])
        self._closing = re.compile(rf"^ {{0,3}}{sign}{{{len(opening)},}}[ \t]*$", re.M)
        self._searched = 0
        self.done: list[Line] = []
        self.open: list[Line] = []
        self.fresh = 0

    def feed(self, content: str, whole: int, *, is_end: bool) -> int | None:
        found = self._closing.search(content, self._searched, whole)
        self._searched = whole
        if found is None and not is_end:
            self.fresh = len(self.done)
            self._growing.feed(content)
            self.done, self.open = self._growing.done, self._growing.open
            return None
        stop = found.start() if found else len(content)
        self.done = self._code.closed(content[:stop], language_of(self._info), _TOP)
        self.open, self.fresh = [], 0
        return min(found.end() + 1, len(content)) if found else len(content)

    def again(self, drawing: Drawing) -> Fence:
        return Fence(self._opening, self._info, drawing)


class Html:
    """HTML, a comment above all: shown as it stands."""

    certain = True

    def __init__(self, end: re.Pattern[str], drawing: Drawing) -> None:
        self._end = end
        self._ends_blank = bool(end.search(""))
        self._drawing = drawing
        self._read = 0
        self._blanks = 0
        self.done: list[Line] = []
        self.open: list[Line] = []
        self.fresh = 0

    def feed(self, content: str, whole: int, *, is_end: bool) -> int | None:
        self.fresh = len(self.done)
        self.open = []
        while self._read < whole:
            line, after = _line(content, self._read, whole)
            words = line.lstrip(" \t")
            if self._ends_blank and not words:
                return self._read
            self._take(line)
            self._read = after
            if not self._ends_blank and self._end.search(words):
                return after
        if is_end:
            return len(content)
        rest = content[whole:]
        if rest.strip(" \t"):
            self.open = self._rows([*[""] * self._blanks, rest])
        return None

    def _take(self, line: str) -> None:
        """Empty lines count only once something follows them."""
        if not line:
            self._blanks += 1
            return
        self.done += self._rows([*[""] * self._blanks, line])
        self._blanks = 0

    def _rows(self, lines: list[str]) -> list[Line]:
        spans = [[(line, self._drawing.theme.html)] for line in lines]
        return self._drawing.code.verbatim(spans, _TOP, NULL)

    def again(self, drawing: Drawing) -> Html:
        return Html(self._end, drawing)


class Formula:
    """A long display formula: drawn line by line while it grows, and as a whole at its end."""

    certain = False

    def __init__(self, end: str, drawing: Drawing) -> None:
        self._end = end
        self._drawing = drawing
        self._read = 0
        self.done: list[Line] = []
        self.open: list[Line] = []
        self.fresh = 0

    def feed(self, content: str, whole: int, *, is_end: bool) -> int | None:
        self.fresh = len(self.done)
        while self._read < whole:
            line, after = _line(content, self._read, whole)
            if self._read and not line.strip(" \t"):
                return self._close(content, self._read)
            if self._read and self._end in line:
                return self._close(content, after)
            words = line.lstrip(" \t")
            self.done += self._rows(words[2:] if self._read == 0 else words)
            self._read = after
        if is_end:
            return self._close(content, len(content))
        self.open = self._rows(content[whole:])
        return None

    def _rows(self, line: str) -> list[Line]:
        return self._drawing.formula(line, _TOP) if line.strip() else []

    def _close(self, content: str, end: int) -> int:
        self.done = draw(content[:end], self._drawing.layout, self._drawing.theme)
        self.open, self.fresh = [], 0
        return end

    def again(self, drawing: Drawing) -> Formula:
        return Formula(self._end, drawing)


def _line(content: str, start: int, whole: int) -> tuple[str, int]:
    """A line without its end, and where the next one begins."""
    stop = content.find("\n", start, whole)
    return (content[start:stop], stop + 1) if stop >= 0 else (content[start:whole], whole)


def open_fence(line: str, info: str, drawing: Drawing) -> Fence | None:
    """The fence that a line opens, unless it stands behind something else."""
    found = _OPENS_FENCE.match(line)
    return Fence(found.group(), info, drawing) if found else None


def open_html(line: str, drawing: Drawing) -> Html | None:
    end = html_end(line)
    return Html(end, drawing) if end else None


def open_formula(line: str, drawing: Drawing) -> Formula | None:
    end = formula_end(line)
    return Formula(end, drawing) if end else None
