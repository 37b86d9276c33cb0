"""Prints an answer as rendered Markdown while it is written.

On a terminal the open end is drawn again as it grows; elsewhere (colours were forced into a pipe)
only rows that can no longer change are written, each once.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from dataclasses import replace

from chatterm.cli.console import Console, ReaderGone
from chatterm.cli.paper import Paper
from chatterm.cli.printers import TextPrinter
from chatterm.render.ansi import Colour, written
from chatterm.render.document import StreamDoc
from chatterm.render.layout import Layout
from chatterm.render.line import ALL, Line

_PAINT = 0.05
_SHARE = 4
"""Between two paints pass at least so many times what the last one cost."""
_SHORTEST_PIECE = 200


class LivePrinter(TextPrinter):
    """Rendered words on stdout; everything else as its base does it."""

    def __init__(
        self, console: Console, colour: Colour, *, redraws: bool, reasoning: bool = True
    ) -> None:
        super().__init__(console, reasoning=reasoning)
        self._colour = colour
        self._redraws = redraws
        self._size = self._terminal_size()
        self._document = self._new_document()
        self._paper = Paper()
        self._cut: tuple[int, int] | None = None
        """A row of which so many characters were printed at another width."""
        self._began = False
        self._timer: asyncio.TimerHandle | None = None
        self._due_at = 0.0
        self._gone: ReaderGone | None = None

    def words(self, text: str) -> None:
        if self._gone is not None:
            raise self._gone
        self._document.append(text)
        now = time.monotonic()
        if now >= self._due_at:
            self._paint()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._due_at - now, self._paint_later)

    def end_words(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._follow_size()
        self._document.finish(relink=False)
        self._write(len(self._document.lines), len(self._document.lines))
        if self._document.lines:
            self._console.draw("\n")

    def _paint_later(self) -> None:
        self._timer = None
        try:
            self._paint()
        except ReaderGone as gone:
            # Nothing awaits a timer; the next word will raise it.
            self._gone = gone

    def _paint(self) -> None:
        began = time.monotonic()
        self._follow_size()
        document = self._document
        document.render()
        room = max(1, self._size.lines - 1) if self._redraws else 0
        self._write(document.settled, min(len(document.lines), document.settled + room))
        ended = time.monotonic()
        self._due_at = ended + max(_PAINT, _SHARE * (ended - began))

    def _write(self, settled: int, end: int) -> None:
        done = self._paper.done
        lines = self._document.lines[done:end]
        if self._cut is not None and done <= self._cut[0] < done + len(lines):
            at = self._cut[0] - done
            lines[at] = _without(lines[at], self._cut[1])
        rows = written(lines, self._colour)
        final = max(0, min(settled, end) - done)
        if self._redraws:
            self._console.draw(self._paper.write(rows, final, self._size.lines))
        else:
            self._paper.done += final
            for row in rows:
                self._console.draw(f"\n{row}" if self._began else row)
                self._began = True

    # The terminal

    def _terminal_size(self) -> os.terminal_size:
        return self._console.size() if self._redraws else shutil.get_terminal_size((80, 24))

    @property
    def _layout(self) -> Layout:
        return layout_for(self._size) if self._redraws else Layout(self._size.columns)

    def _new_document(self) -> StreamDoc:
        return StreamDoc(self._size.columns, self._colour.theme, self._layout)

    def _follow_size(self) -> None:
        """After a change of width the open block is drawn anew, from where it was printed to."""
        before, self._size = self._size, self._terminal_size()
        if self._size.columns == before.columns:
            return
        old = self._document
        printed = old.lines[old.frozen : self._paper.done]
        self._console.draw(self._paper.take_back(self._size.lines))
        self._document = old.resized(self._size.columns, self._layout)
        self._document.render()
        row, characters = _place_after(self._document.lines, sum(map(_weight, printed)))
        self._paper.done = row
        self._cut = (row, characters) if characters else None


def layout_for(size: os.terminal_size) -> Layout:
    """Pieces and samples so small that what may still change fits on the screen."""
    piece = max(_SHORTEST_PIECE, size.columns * size.lines // 4)
    return Layout(size.columns, piece=piece, sample=max(2, min(20, (size.lines - 2) // 6)))


def _weight(line: Line) -> int:
    """The letters and figures of a row, which no wrapping changes."""
    return sum(sign.isalnum() for sign in line.copied()) if line.prefix < ALL else 0


def _place_after(lines: list[Line], weight: int) -> tuple[int, int]:
    """The row, and the character in its text, that come after so many letters and figures."""
    if not weight:
        return 0, 0
    for row, line in enumerate(lines):
        own = _weight(line)
        if own < weight:
            weight -= own
            continue
        if own == weight:
            return row + 1, 0
        for at, sign in enumerate(line.copied()):
            weight -= sign.isalnum()
            if not weight:
                return row, at + 1
    return len(lines), 0


def _without(line: Line, characters: int) -> Line:
    """A row without the first characters of its text."""
    skip, drop = min(line.prefix, len(line.text)), characters
    segments = []
    for segment in line.segments:
        text = segment.text
        kept, text = text[:skip], text[skip:]
        skip -= len(kept)
        dropped = min(drop, len(text))
        drop -= dropped
        segments.append(segment._replace(text=kept + text[dropped:]))
    return replace(line, segments=tuple(segments))
