"""What Textual does not know about terminals: some keys, none at all, and none of its colours."""

from __future__ import annotations

import contextlib
import os
import select
import stat
import sys
from enum import Enum
from typing import Any, TextIO

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.driver import Driver
from textual.filter import LineFilter

from chatterm.tui.clusters import steadied


class _Missing(Enum):
    """Keys that Textual's own table has no name for."""

    ALT_ENTER = "alt+enter"


def teach_keys() -> None:
    """Let Alt+Enter be a key: Textual drops the Alt, and the message would be sent.

    Terminals send it as ESC and Enter. The table is the parser's own, and there is no other way
    to add to it.
    """
    from textual._ansi_sequences import ANSI_SEQUENCES_KEYS

    table: dict[str, object] = ANSI_SEQUENCES_KEYS  # type: ignore[assignment]
    table["\x1b\r"] = (_Missing.ALT_ENTER,)
    table["\x1b\n"] = (_Missing.ALT_ENTER,)
    # xterm's modifyOtherKeys, as tmux sends it
    table["\x1b[27;3;13~"] = (_Missing.ALT_ENTER,)


def has_hung_up() -> bool:
    """Whether the terminal that is read from is gone.

    Its end is signalled to the first of a session alone: to a shell, to ``make``, which then waits
    for the program that nobody told.
    """
    if not hasattr(select, "poll"):
        return False
    try:
        number = sys.__stdin__.fileno() if sys.__stdin__ is not None else -1
        if number < 0 or not stat.S_ISCHR(os.fstat(number).st_mode):
            return False
    except (OSError, ValueError):
        return False
    poll = select.poll()
    poll.register(number, 0)
    return any(what & (select.POLLHUP | select.POLLERR) for _, what in poll.poll(0))


def driver_class() -> type[Driver] | None:
    """Textual's driver, made to survive its terminal; None takes Textual's own choice."""
    if sys.platform == "win32":
        return None
    from textual.drivers.linux_driver import LinuxDriver

    from chatterm.tui.ground import teach_parser

    teach_parser()

    class TerminalDriver(LinuxDriver):
        """Where the window is closed, its writing thread dies, and the program waits for it
        forever instead of putting the answer away."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._file: Any = _Patient(self._file)

        def write(self, data: str) -> None:
            super().write(steadied(data))

    return TerminalDriver


class _Patient:
    """A stream that swallows what can no longer be shown."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class NoColour(LineFilter):
    """NO_COLOR taken at its word: no greys either. What stood out by its ground is reversed."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            Segment(text, _plain(style, background), control) for text, style, control in segments
        ]


def _plain(style: Style | None, background: Color) -> Style | None:
    if style is None or (style.color is None and style.bgcolor is None):
        return style
    return Style(
        bold=style.bold,
        dim=style.dim,
        italic=style.italic,
        underline=style.underline,
        strike=style.strike,
        reverse=bool(style.reverse) != _stands_out(style.bgcolor, background) or None,
        link=style.link,
        meta=style.meta or None,
    )


def _stands_out(ground: RichColor | None, background: Color) -> bool:
    """Whether this ground is there to be seen, and not the screen's own."""
    if ground is None or ground.triplet is None:
        return False
    return tuple(ground.triplet) != background.rgb
