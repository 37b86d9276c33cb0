"""Runs the real program with its stdout on a pseudo-terminal; stderr stays apart."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from collections.abc import Mapping

from tests.cli.program import COMMAND, Ran


def on_a_screen(
    *args: str,
    columns: int = 80,
    env: Mapping[str, str] | None = None,
    keys: bytes = b"",
    until: bytes = b"",
) -> Ran:
    """Run on a terminal of that width; ``keys`` are typed once ``until`` is on the screen."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *args],
        stdin=follower,
        stdout=follower,
        stderr=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm-256color", **(env or {})},
        start_new_session=True,
        preexec_fn=_take_terminal,
    )
    os.close(follower)
    said: list[bytes] = []
    assert process.stderr is not None
    listener = threading.Thread(target=lambda: said.append(process.stderr.read()))  # type: ignore[union-attr]
    listener.start()
    seen = _screen(leader, keys, until)
    code = process.wait(timeout=60)
    listener.join()
    process.stderr.close()
    os.close(leader)
    return Ran(code, seen.decode(errors="replace").replace("\r\n", "\n"), said[0].decode())


def _take_terminal() -> None:
    """Make stdout the controlling terminal, so that Ctrl-C typed on it is a signal."""
    fcntl.ioctl(1, termios.TIOCSCTTY, 0)


def _screen(leader: int, keys: bytes, until: bytes) -> bytes:
    seen = b""
    while True:
        try:
            data = os.read(leader, 65536)
        except OSError:
            return seen
        if not data:
            return seen
        seen += data
        if keys and until in seen:
            os.write(leader, keys)
            keys = b""
