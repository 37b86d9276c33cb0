"""Locks between processes. The system drops them when their holder dies, however it dies."""

from __future__ import annotations

import sys


def try_lock(descriptor: int) -> bool:
    """Lock an open file for this process alone; False where another one holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
