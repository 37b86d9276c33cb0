"""Which terminal this is, so that ``--continue`` means the last chat of this window."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def terminal_id(env: Mapping[str, str]) -> str:
    """A name that stays the same in one terminal window and is never met again in another.

    ``CHATTERM_TERMINAL`` names it outright. Otherwise it is the session leader, the shell of the
    window, with its start time, since process numbers are used again; a pane of tmux has its own.
    """
    if env.get("CHATTERM_TERMINAL"):
        return env["CHATTERM_TERMINAL"]
    if not hasattr(os, "getsid"):
        return env.get("WT_SESSION", "")
    leader = os.getsid(0)
    return f"{leader}@{_start_time(leader)}"


def _start_time(process: int) -> str:
    """The kernel's start time of a process, or nothing where there is no /proc."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    # The name in brackets may contain anything, spaces and brackets included.
    return stat.rpartition(")")[2].split()[19]
