"""A program in a pseudo-terminal that answers as terminals do, for the benchmarks of screens."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyte

FRAME = b"\x1b[?2026l"
"""What ends a frame, for terminals that say they show frames whole."""
_ASKS = b"\x1b[?2026$p"
_ANSWER = b"\x1b[?2026;2$y"


class Window:
    """A process with the terminal to itself."""

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        size: tuple[int, int] = (120, 40),
    ) -> None:
        """``env`` is added to ours."""
        self.out = bytearray()
        self.came: list[tuple[float, int]] = []
        """When something came, and how much there was then."""
        self.began = time.perf_counter()
        self._answered = False
        self._size = size
        self.process, self._fd = pty.fork()
        if not self.process:
            whole = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **env}
            # With no byte code on disk it would be compiling that is measured.
            for name in ("COLUMNS", "LINES", "PYTHONDONTWRITEBYTECODE"):
                whole.pop(name, None)
            try:
                os.execvpe(command[0], list(command), whole)
            finally:
                os._exit(127)
        self._set_size(size)

    def read(self, seconds: float) -> bytes:
        """What comes within that time; returns with the first of it."""
        if not select.select([self._fd], [], [], max(0.0, seconds))[0]:
            return b""
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError:
            raise SystemExit(f"the program has ended: {self.out[-500:]!r}") from None
        self.out += data
        self.came.append((time.perf_counter(), len(self.out)))
        if not self._answered and _ASKS in self.out:
            self._answered = True
            os.write(self._fd, _ANSWER)
        return data

    def read_for(self, seconds: float) -> None:
        deadline = time.perf_counter() + seconds
        while (left := deadline - time.perf_counter()) > 0:
            self.read(left)

    def until(self, there: Callable[[bytes], bool], seconds: float = 60) -> float:
        """Wait for something among what comes from now on; returns how long that took."""
        started = time.perf_counter()
        begin = len(self.out)
        while not there(bytes(self.out[begin:])):
            if time.perf_counter() - started > seconds:
                raise SystemExit(f"the program does not answer: {self.out[-2000:]!r}")
            self.read(0.1)
        return time.perf_counter() - started

    def frame(self) -> float:
        """Wait for the next whole frame."""
        return self.until(lambda out: FRAME in out)

    def settle(self, quiet: float = 0.25) -> None:
        """Wait until nothing comes any more."""
        while self.read(quiet):
            pass

    def press(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    def paste(self, text: str) -> None:
        self.press(b"\x1b[200~" + text.encode() + b"\x1b[201~")

    def resize(self, columns: int, rows: int) -> None:
        self._size = (columns, rows)
        self._set_size(self._size)

    def _set_size(self, size: tuple[int, int]) -> None:
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))

    def shown(self) -> list[str]:
        """The rows of the screen, as a terminal of this size draws all that came."""
        return self.shown_since(0)[-1][1]

    def shown_since(self, begin: int) -> list[tuple[float, list[str]]]:
        """The rows of the screen after each thing that came from there on, and when that was."""
        screen = pyte.Screen(*self._size)
        stream = pyte.ByteStream(screen)
        seen = []
        for at, end in self.came:
            if end > begin:
                stream.feed(bytes(self.out[begin:end]))
                seen.append((at, [row.rstrip() for row in screen.display]))
                begin = end
        return seen

    def cpu(self) -> float:
        """Seconds of processor time so far, of its children too once they have ended."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self._fd)


def chatterm(home: Path, *args: str, size: tuple[int, int] = (120, 40)) -> Window:
    """Our program, and once it can be typed in."""
    command = [sys.executable, "-m", "chatterm", *args]
    return Window(command, {"CHATTERM_HOME": str(home)}, size=size)


def line(name: str, value: float, bar: str = "") -> None:
    """A figure beside its bar."""
    print(f"  {name:<56}{value:>9.1f}   {bar}".rstrip(), flush=True)


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
