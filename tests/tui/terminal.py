"""The real program in a real terminal: tmux draws, and reads what was drawn."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="no tmux")
COMMAND = f"{sys.executable} -m chatterm"
PATIENCE = 30.0


class Terminal:
    """One window of a tmux server of its own."""

    def __init__(self, socket: Path, folder: Path) -> None:
        self._socket = socket
        self._folder = folder

    def tmux(self, *args: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self._socket), "-f", "/dev/null", *args],
            capture_output=True,
            check=True,
            cwd=self._folder,
            text=True,
            timeout=PATIENCE,
        )
        return done.stdout

    def start(self, command: str, width: int = 80, height: int = 24) -> None:
        """Run it; when it has ended, its exit code stands below."""
        size = ("-x", str(width), "-y", str(height))
        self.tmux("new-session", "-d", *size, _until_it_ends(command))
        # What tests press comes as fast as no fingers do.
        self.tmux("set-option", "-s", "escape-time", "0")
        # A program may set the clipboard, which is tmux's own here.
        self.tmux("set-option", "-s", "set-clipboard", "on")

    def start_again(self, command: str) -> None:
        """In the same window, once the first has ended."""
        self.tmux("respawn-pane", "-k", _until_it_ends(command))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.tmux("send-keys", key)

    def burst(self, *keys: str) -> None:
        """Keys, and texts, that arrive together, as over a line that was held up."""
        self.tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        self.tmux("send-keys", "-l", text)

    def paste(self, text: str) -> None:
        self.tmux("set-buffer", "--", text)
        self.tmux("paste-buffer", "-p")

    def mouse(self, button: int, x: int, y: int, *, up: bool = False) -> None:
        """What a terminal sends of a mouse at a column and a row, counted from 0.

        0 is the left button, 32 more a movement with it held; 64 and 65 are the wheel.
        """
        self.type(f"\x1b[<{button};{x + 1};{y + 1}{'m' if up else 'M'}")

    def click(self, x: int, y: int, times: int = 1) -> None:
        for _ in range(times):
            self.mouse(0, x, y)
            self.mouse(0, x, y, up=True)

    def drag(self, start: tuple[int, int], *ways: tuple[int, int]) -> None:
        self.mouse(0, *start)
        for way in ways:
            self.mouse(32, *way)
        self.mouse(0, *ways[-1], up=True)

    def clipboard(self) -> str:
        """What a program has copied last."""
        return self.tmux("show-buffer")

    def resize(self, width: int, height: int) -> None:
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def screen(self, *, colours: bool = False) -> str:
        return self.tmux("capture-pane", "-p", *(["-e"] if colours else []))

    def column(self, words: str) -> int:
        """Where the first of such words end, in cells as the terminal counts them."""
        self.tmux("copy-mode")
        self.tmux("send-keys", "-X", "top-line")
        self.tmux("send-keys", "-X", "search-forward", words)
        found = int(self.tmux("display-message", "-p", "#{copy_cursor_x}"))
        self.tmux("send-keys", "-X", "cancel")
        return found

    def until(self, true: str | Callable[[str], bool]) -> str:
        """Wait until something stands on the screen."""
        deadline = time.monotonic() + PATIENCE
        while True:
            screen = self.screen()
            if true in screen if isinstance(true, str) else true(screen):
                return screen
            assert time.monotonic() < deadline, f"{true} did not come:\n{screen}"
            time.sleep(0.05)

    def until_gone(self, words: str) -> str:
        """Wait until something no longer stands on the screen."""
        return self.until(lambda screen: words not in screen)

    def leave(self, words: str) -> None:
        """Press Esc, and wait until what it closes is gone: a key right behind would be Alt's."""
        self.press("Escape")
        self.until_gone(words)

    def process(self, *, shell: bool = True) -> int:
        """The program itself, for signals; it may be in the place of its shell."""
        first = self.tmux("display-message", "-p", "#{pane_pid}").strip()
        if not shell:
            return int(first)
        return int(Path(f"/proc/{first}/task/{first}/children").read_text().split()[0])


def _until_it_ends(command: str) -> str:
    # A test runner's idea of the size would count more than the terminal's.
    return f"unset COLUMNS LINES; {command}; echo ended with $?; exec cat"


@contextmanager
def terminal(folder: Path) -> Iterator[Terminal]:
    """A terminal that is gone afterwards, with whatever runs in it."""
    # Not below a long temporary folder: a socket's name has a length.
    socket = Path(f"/tmp/chatterm-tmux-{os.getpid()}-{time.monotonic_ns()}")
    opened = Terminal(socket, folder)
    try:
        yield opened
    finally:
        subprocess.run(["tmux", "-S", str(socket), "kill-server"], capture_output=True, check=False)
        socket.unlink(missing_ok=True)
