"""What the runtime and those above it hand each other."""

from __future__ import annotations

from typing import NamedTuple


class BatchItem(NamedTuple):
    """One token to evaluate."""

    token: int
    position: int
    sequence: int
    wants_logits: bool


class NoRoom(Exception):
    """The cache has no place for this batch; nothing was changed."""


class Abandoned(Exception):
    """Nobody waited for this batch any more; nothing was changed."""


class LoadCancelled(Exception):
    """The host was told to stop while its model was loading."""
