"""What a pull tells whoever watches it. The last event is ``Pulled``; failures are raised."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence for the user."""

    text: str


@dataclass(frozen=True, slots=True)
class Planned:
    """What will be pulled; comes once it is known and before anything is written."""

    names: tuple[str, ...]
    total: int
    """Bytes of all files."""
    present: int
    """Bytes of them that are here already."""


@dataclass(frozen=True, slots=True)
class Advanced:
    """How far it is; comes a few times a second."""

    stage: Literal["fetch", "check", "wait"]
    """Check: everything is here and its digest is being computed. Wait: for another process."""
    done: int
    total: int
    speed: float | None = None
    """Bytes a second of late; None while that is not known."""

    @property
    def seconds_left(self) -> float | None:
        return (self.total - self.done) / self.speed if self.speed else None


@dataclass(frozen=True, slots=True)
class Pulled:
    """Everything is in its place, whole."""

    paths: tuple[Path, ...]
    total: int
    fetched: int
    """Bytes that came over the network in this run."""
    checked: bool
    """Whether every file had the digest that its server states."""


PullEvent: TypeAlias = Said | Planned | Advanced | Pulled
