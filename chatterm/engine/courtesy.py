"""How whoever reads answers behaves towards the engine that writes them on the same processor."""

from __future__ import annotations

import os
from contextlib import suppress


def let_the_engine_go_first() -> None:
    """A delta that wakes us must not push the engine off its core; a busy machine feels that."""
    if hasattr(os, "SCHED_BATCH"):
        with suppress(OSError):
            policy = os.SCHED_BATCH | os.SCHED_RESET_ON_FORK
            os.sched_setscheduler(0, policy, os.sched_param(0))
