"""`python -m benchmarks.finding_app ARGS`: our program, telling the terminal which search it shows.

Once the rows that a search found have been drawn, an operating system command that no terminal
knows follows them, with the line that was searched for. How late the loop was goes to the file in
``BENCHMARK_RESULT`` at the end, as it does for ``benchmarks.watched``.
"""

from __future__ import annotations

import sys
from typing import Any

from rich.console import RenderableType
from textual.screen import Screen
from textual.strip import Strip

from benchmarks.watched import Watched
from chatterm.start import main
from chatterm.tui import launch
from chatterm.tui.searching import Found
from chatterm.tui.widgets.rows import Rows


def told(line: str) -> bytes:
    """What follows the rows that were found for a line."""
    return b"\x1b]7777;" + line.encode().hex().encode() + b"\x07"


class Telling(Watched):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._found: str | None = None
        self._drawn: str | None = None
        self._find = self.searcher.find
        setattr(self.searcher, "find", self._finding)  # noqa: B010
        self._draw_line = Rows.render_line
        setattr(Rows, "render_line", lambda rows, y: self._drawing(rows, y))  # noqa: B010

    async def _finding(self, line: str, *, chat_id: str | None = None) -> Found:
        found = await self._find(line, chat_id=chat_id)
        # Whoever asked shows it before anything is drawn again.
        self._found = line
        return found

    def _drawing(self, rows: Rows, y: int) -> Strip:
        if self._found is not None:
            self._found, self._drawn = None, self._found
        return self._draw_line(rows, y)

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        if self._drawn is not None and self._driver is not None:
            self._driver.write(told(self._drawn).decode())
            self._drawn = None


if __name__ == "__main__":
    setattr(launch, "ChattermApp", Telling)  # noqa: B010
    sys.argv[0] = "chatterm"
    main()
