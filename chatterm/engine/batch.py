"""What the runtime and those above it hand each other."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class BatchItem(NamedTuple):
    """One token to evaluate."""

    token: int
    position: int
    sequence: int
    wants_logits: bool


class Picture(Protocol):
    """Part of a prompt that is seen and not read."""

    @property
    def stand_ins(self) -> list[int]:
        """In place of its tokens, one for each position; the same for the same picture only."""


class NoRoom(Exception):
    """The cache has no place for this batch; nothing was changed."""


class Abandoned(Exception):
    """Nobody waited for this batch any more; nothing was changed."""


class LoadCancelled(Exception):
    """The host was told to stop while its model was loading."""
