"""How much memory a running process has used."""

from __future__ import annotations

import re
from pathlib import Path


def peak_memory(pid: int) -> int:
    """The most so far, in bytes; 0 where the system does not say.

    What the system says when a process ends counts its parent's memory too, from before it became
    a program of its own.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0
