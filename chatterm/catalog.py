"""The models and remotes that are known by name: the shipped ``models.toml`` and the user's own.

The two are merged key by key: an entry of the user's file changes the shipped one of its name, or
adds one. A new key of an entry is one field here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from chatterm.errors import ConfigError
from chatterm.hints import nearest, shown
from chatterm.tables import Table, at_least, build, checked_table, read_toml

Capability: TypeAlias = Literal["tools", "reasoning", "vision", "embeddings"]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One quantisation of a model, as its repository has it."""

    file: str
    """Its path in the repository; of a split model that of the first part."""
    size: int = at_least(0, 0)
    """Bytes of all parts; 0 where nobody has confirmed it."""
    sha256: str = ""
    """Of a model in one file; empty where nobody has confirmed it."""
    revision: str = ""
    """The commit of the repository all this was confirmed for; empty is its newest."""


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A table ``[models.NAME]``."""

    name: str
    backend: Literal["echo", "engine"]
    """What runs it."""
    summary: str = ""
    """One line for lists: for whom it is."""
    path: str = ""
    """The file of an engine model that is not found by its name."""
    card: str = ""
    """A Markdown file about it."""
    repository: str = ""
    """Where it is pulled from: OWNER/REPO on the hub."""
    files: Mapping[str, ModelFile] = field(default_factory=dict)
    """By quantisation; the first one is taken unless another is named."""
    parameters: int = at_least(0, 0)
    active_parameters: int = at_least(0, 0)
    """Of them those a single token needs, where that is not all."""
    proposed: bool = False
    """Whether it may be proposed to somebody who has not chosen."""
    context: int = at_least(0, 0)
    """Tokens it was trained for."""
    licence: str = ""
    """Its SPDX name, or what its publisher calls it."""
    capabilities: tuple[Capability, ...] = ()
    doubt_below: float = at_least(0, 0.0)
    """Say that it is unsure where one of its first tokens was less likely; 0 never does."""
    words_per_second: float = at_least(0, 0.0)
    """How fast an echo model speaks; 0 is as fast as it goes."""


@dataclass(frozen=True, slots=True)
class RemoteEntry:
    """A table ``[remotes.NAME]``."""

    name: str
    kind: Literal["openassistant", "openai", "ollama"]
    """The dialect it speaks."""
    url: str
    """Where it is, without a key or a password."""
    insecure: bool = False
    """Reach it without encryption, though it is another machine."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything known by name."""

    models: Mapping[str, ModelEntry]
    remotes: Mapping[str, RemoteEntry]


_Entry = TypeVar("_Entry", ModelEntry, RemoteEntry)
_Kinds = dict[str, dict[str, Table]]
"""Tables by kind, then name."""
_KINDS: Mapping[str, type] = {"models": ModelEntry, "remotes": RemoteEntry}
_FILES = ("path", "card")
"""Keys that name a file, beside the one they stand in unless the whole path is given."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]*")
_URL = re.compile(r"https?://[^/@\s]+(/\S*)?")


def load_catalog(user_file: Path, shipped_file: Path | None = None) -> Catalog:
    """Read the shipped models and the user's own, which need not exist."""
    shipped, package = shipped_file or shipped_models_file(), Path(__file__).parent
    layers = [
        (file, _read(file, base))
        for file, base in ((shipped, package), (user_file, user_file.parent))
    ]
    return Catalog(
        models=_merged(layers, "models", ModelEntry),
        remotes=_merged(layers, "remotes", RemoteEntry),
    )


def shipped_models_file() -> Path:
    """``models.toml`` lies inside an installed package, and at the top of a checkout."""
    package = Path(__file__).parent
    installed = package / "models.toml"
    return installed if installed.exists() else package.parent / "models.toml"


def _read(file: Path, base: Path) -> _Kinds:
    """The entries of one file, each key of each checked, by kind and name."""
    kinds: _Kinds = {}
    for kind, table in (read_toml(file) or {}).items():
        if kind not in _KINDS:
            raise ConfigError(f"{file} has no table {shown(kind)}", hint=nearest(kind, _KINDS))
        if not isinstance(table, Mapping):
            raise ConfigError(
                f"{file}: {kind} must be tables, not {shown(table)}",
                hint=f"begin one with [{kind}.NAME]",
            )
        kinds[kind] = {name: _entry(file, kind, name, entry) for name, entry in table.items()}
        for entry in kinds[kind].values():
            entry |= {
                key: str(base / Path(entry[key]).expanduser()) for key in _FILES if entry.get(key)
            }
    return kinds


def _entry(file: Path, kind: str, name: str, entry: object) -> Table:
    where = f"{file}: [{kind}.{name}]"
    if not _NAME.fullmatch(name) or name.endswith(".gguf"):
        raise ConfigError(
            f"{file}: {shown(name)} cannot be the name of one of the {kind}",
            hint="a name has letters, digits and . _ : + - only, and does not end in .gguf",
        )
    if not isinstance(entry, Mapping):
        raise ConfigError(
            f"{file}: {kind}.{name} must be a table, not {shown(entry)}",
            hint=f"begin one with [{kind}.NAME]",
        )
    checked = checked_table(_KINDS[kind], entry, where, skip="name")
    if "url" in checked and not _URL.fullmatch(checked["url"]):
        # The address may hold a password, so it is not repeated.
        raise ConfigError(
            f"{where}: url must be an http or https address without a name or a password in it",
            hint=f"a key is kept apart from the settings: chatterm login {name}",
        )
    return checked


def _merged(layers: list[tuple[Path, _Kinds]], kind: str, cls: type[_Entry]) -> dict[str, _Entry]:
    entries: dict[str, Table] = {}
    last_file: dict[str, Path] = {}
    for file, kinds in layers:
        for name, entry in kinds.get(kind, {}).items():
            before = entries.get(name, {"name": name})
            entries[name] = {key: _joined(before.get(key), value) for key, value in entry.items()}
            entries[name] = {**before, **entries[name]}
            last_file[name] = file
    return {
        name: build(cls, entry, f"{last_file[name]}: [{kind}.{name}]")
        for name, entry in entries.items()
    }


def _joined(before: object, value: object) -> object:
    """Tables inside an entry are merged by their keys too."""
    if isinstance(before, Mapping) and isinstance(value, Mapping):
        return {**before, **value}
    return value
