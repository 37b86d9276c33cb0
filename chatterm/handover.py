"""What the faces hand each other when one opens the other, which neither knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chatterm.catalog import Catalog
from chatterm.config import Config
from chatterm.params import Params
from chatterm.paths import Paths
from chatterm.store import Store


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a chat of this user, in this terminal, takes place in."""

    store: Store
    config: Config
    catalog: Catalog
    paths: Paths
    env: Mapping[str, str]
    terminal_id: str


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is shown first: a chat, or what a new one begins with."""

    chat_id: str | None = None
    model: str = ""
    params: Params | None = None
    system: str | None = None
    text: str = ""
    """What the composer begins with."""


@dataclass(frozen=True, slots=True)
class Written:
    """A message that was written below what the terminal shows."""

    text: str
    ahead: str
    """What was typed after it, before the composer was gone."""
