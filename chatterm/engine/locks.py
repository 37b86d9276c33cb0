"""Locks between processes. The system drops them when their holder dies, however it dies."""

from __future__ import annotations

import os
import sys

_FAR = 1 << 30


def try_lock(descriptor: int) -> bool:
    """Lock an open file for this process alone; False where another one holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            # On Windows nobody can read a byte that is locked, so it is one beyond the end.
            os.lseek(descriptor, _FAR, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
