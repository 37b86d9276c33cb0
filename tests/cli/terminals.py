"""A terminal that can be looked at: its screen, and what has scrolled off it."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyte

from tests.cli.program import COMMAND


class Terminal:
    """Runs a program on a pseudo-terminal and shows what a person would see."""

    def __init__(
        self,
        args: Sequence[str],
        *,
        columns: int = 80,
        rows: int = 24,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.screen: Any = pyte.HistoryScreen(columns, rows, history=100_000, ratio=0.5)
        self._stream: Any = pyte.ByteStream(self.screen)
        self._leader, follower = pty.openpty()
        self._set_size(columns, rows)
        self.sent = b""
        self.process = subprocess.Popen(
            [*COMMAND, *args],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env={**os.environ, "TERM": "xterm-256color", **(env or {})},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(1, termios.TIOCSCTTY, 0),
        )
        os.close(follower)

    def run(self, watch: Callable[[], None] | None = None) -> list[str]:
        """Follow the program to its end; the rows of the scrollback and of the screen."""
        while True:
            try:
                data = os.read(self._leader, 65536)
            except OSError:
                data = b""
            if not data:
                break
            self.sent += data
            self._stream.feed(data)
            if watch is not None:
                watch()
        self.process.wait(timeout=60)
        os.close(self._leader)
        return self.rows()

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(rows, columns)
        self._set_size(columns, rows)
        self.process.send_signal(signal.SIGWINCH)

    def type(self, keys: bytes) -> None:
        os.write(self._leader, keys)

    def scrolled(self) -> list[str]:
        """The rows that have left the screen."""
        width = self.screen.columns
        return [
            "".join(row[x].data for x in range(width)).rstrip() for row in self.screen.history.top
        ]

    def rows(self) -> list[str]:
        shown = [*self.scrolled(), *(row.rstrip() for row in self.screen.display)]
        while shown and not shown[-1]:
            shown.pop()
        return shown

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._leader, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
