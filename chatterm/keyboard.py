"""What the terminal does to keys before the program reads them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def keys_kept() -> Iterator[None]:
    """Keys that come while nobody reads them wait as they were pressed, and are not shown.

    The terminal would write them into what is being printed, and make a line break of the Enter
    that is meant to send.
    """
    with _keys(kept=True):
        yield


@contextmanager
def keys_as_usual() -> Iterator[None]:
    """What another program, such as an editor, expects of a terminal."""
    with _keys(kept=False):
        yield


@contextmanager
def _keys(*, kept: bool) -> Iterator[None]:
    try:
        import termios
    except ImportError:  # Windows
        yield
        return
    failures = (OSError, ValueError, termios.error)
    try:
        number = sys.stdin.fileno()
        before = termios.tcgetattr(number)
    except failures:
        yield
        return
    now = list(before)
    now[0] = now[0] & ~termios.ICRNL if kept else now[0] | termios.ICRNL
    now[3] = now[3] & ~termios.ECHO if kept else now[3] | termios.ECHO
    with contextlib.suppress(*failures):
        termios.tcsetattr(number, termios.TCSANOW, now)
    try:
        yield
    finally:
        with contextlib.suppress(*failures):
            termios.tcsetattr(number, termios.TCSADRAIN, before)
