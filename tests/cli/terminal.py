"""Runs the real program under a pseudo-terminal."""

from __future__ import annotations

import os
import pty

from tests.cli.program import COMMAND


def in_a_terminal(*args: str, keys: bytes = b"", until: bytes = b"") -> tuple[int, str]:
    """Run under a pseudo-terminal, type ``keys``, and return exit code and screen."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(COMMAND[0], [*COMMAND, *args])
    seen = b""
    typed = not keys
    while True:
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        if not data:
            break
        seen += data
        if not typed and until in seen:
            os.write(fd, keys)
            typed = True
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    return os.waitstatus_to_exitcode(status), seen.decode(errors="replace")
