"""Which settings count: what is typed, then ``CHATTERM_*``, then ``config.toml``, then defaults.

What settings there are is in ``config.py``.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from chatterm.config import PREFIX, Config, find_setting, schema
from chatterm.config_migration import Migration, current_table
from chatterm.errors import ConfigError
from chatterm.hints import nearest, shown
from chatterm.paths import Paths
from chatterm.tables import Table, hints_of, read_toml

T = TypeVar("T")

_RESERVED = frozenset(f"{PREFIX}{name}" for name in ("HOME", "CONFIG", "DEBUG", "TERMINAL"))
"""Variables that are no settings: they are read before there are any, or by one place only."""


@dataclass(frozen=True, slots=True)
class Source:
    """Who set a value."""

    kind: Literal["default", "file", "environment", "option"]
    name: str = ""
    """The file or the variable."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings, and where each that differs from its default was set."""

    config: Config
    sources: Mapping[str, Source]

    def items(self) -> list[tuple[str, Any, Source]]:
        """Key, value and source; a parameter that is left to the model is not listed."""
        listed = []
        for key, setting in schema().items():
            value = _value_at(self.config, key)
            if value != setting.default or not setting.is_param:
                listed.append((key, value, self.sources.get(key, Source("default"))))
        return listed


def load_config(
    paths: Paths,
    env: Mapping[str, str],
    overrides: Mapping[str, object] | None = None,
    *,
    migrations: Sequence[Migration] | None = None,
) -> Config:
    """The settings that count; ``overrides`` are those the user typed, by dotted key."""
    return read_settings(paths, env, overrides, migrations=migrations).config


def read_settings(
    paths: Paths,
    env: Mapping[str, str],
    overrides: Mapping[str, object] | None = None,
    *,
    migrations: Sequence[Migration] | None = None,
) -> Settings:
    """The settings, and where each came from."""
    file = paths.config_file
    values, sources = {}, {}
    layers: tuple[tuple[Callable[[str], Source], Table], ...] = (
        (lambda _: Source("file", str(file)), read_config_file(paths, migrations=migrations)),
        (lambda key: Source("environment", schema()[key].variable), _from_environment(env)),
        (lambda _: Source("option"), _from_options(overrides or {})),
    )
    for source_of, layer in layers:
        values.update(layer)
        sources.update({key: source_of(key) for key in layer})
    return Settings(_build(Config, values), sources)


def read_config_file(paths: Paths, *, migrations: Sequence[Migration] | None = None) -> Table:
    """What ``config.toml`` sets, checked, by dotted key. An older file is brought up to date."""
    file = paths.config_file
    table = read_toml(file)
    if table is None:
        if paths.config_override is not None:
            raise ConfigError(
                f"CHATTERM_CONFIG names a file that does not exist: {file}",
                hint="correct the variable, or begin the file with chatterm config edit",
            )
        return {}
    return checked_settings(current_table(file, table, migrations), file)


def checked_settings(table: Mapping[str, Any], file: Path) -> Table:
    """The settings of a table as a file has it, by dotted key."""
    where = f"{file}: "
    flat = _flattened(table, "", where)
    return {key: schema()[key].check(value, where) for key, value in flat.items()}


def _build(cls: type[T], values: Mapping[str, Any], prefix: str = "") -> T:
    """Make a dataclass and those inside it out of values by dotted key."""
    made = {}
    for name, hint in hints_of(cls).items():
        key = prefix + name
        if dataclasses.is_dataclass(hint):
            made[name] = _build(hint, values, f"{key}.")  # type: ignore[arg-type]
        elif key in values:
            made[name] = values[key]
    return cls(**made)


def _value_at(config: Config, key: str) -> Any:
    return functools.reduce(getattr, key.split("."), config)


def _flattened(table: Mapping[str, Any], prefix: str, where: str) -> Table:
    """The entries of nested tables by dotted key; each key is one of the schema."""
    flat = {}
    for name, value in table.items():
        key = prefix + name
        if any(known.startswith(f"{key}.") for known in schema()):
            if not isinstance(value, Mapping):
                raise ConfigError(
                    f"{where}{key} must be a table, not {shown(value)}", hint=f"begin it [{key}]"
                )
            flat.update(_flattened(value, f"{key}.", where))
        else:
            find_setting(key, where)
            flat[key] = value
    return flat


def _from_environment(env: Mapping[str, str]) -> Table:
    """The settings of ``CHATTERM_*``; an empty variable counts as unset."""
    by_variable = {setting.variable: setting for setting in schema().values()}
    values = {}
    for name, text in env.items():
        if not name.startswith(PREFIX) or name in _RESERVED:
            continue
        if name not in by_variable:
            raise ConfigError(
                f"there is no setting for the variable {name}",
                hint=nearest(
                    name,
                    [*by_variable, *sorted(_RESERVED)],
                    otherwise="chatterm config show lists the settings",
                ),
            )
        if text:
            setting = by_variable[name]
            values[setting.key] = setting.check_text(text, f"{name}: ")
    return values


def _from_options(overrides: Mapping[str, object]) -> Table:
    """What the user typed; None is an option that was not given."""
    values = {}
    for key, value in overrides.items():
        setting = find_setting(key)
        if isinstance(value, str):
            values[key] = setting.check_text(value, "")
        elif value is not None:
            values[key] = setting.check(value, "")
    return values
