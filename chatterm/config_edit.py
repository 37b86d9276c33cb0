"""Changes ``config.toml`` as its user would by hand: one value, with every comment kept.

The file as it would be is read back and checked before it is written, so a change either leaves a
file that works and says just that, or leaves the file alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from chatterm.config import find_setting
from chatterm.config_migration import Migration, current_table, version_known
from chatterm.config_reading import checked_settings
from chatterm.errors import ConfigError
from chatterm.paths import Paths, write_private
from chatterm.tables import Table, decoded, parse_toml, read_toml

_Change: TypeAlias = Callable[[MutableMapping[str, Any], str], None]
"""Changes the entry of that name in a table of the document."""


def new_file_text(migrations: Sequence[Migration] | None = None) -> str:
    """What a config begins with."""
    return (
        "# Settings of chatterm; `chatterm config show` lists those that count.\n"
        f"version = {version_known(migrations)}\n"
    )


def set_value(
    paths: Paths,
    key: str,
    values: Sequence[str],
    *,
    migrations: Sequence[Migration] | None = None,
) -> None:
    """Write one setting; several ``values`` are a list."""
    setting = find_setting(key)
    value = setting.check_text(values[0] if len(values) == 1 else values, "")
    plain = _plain(value)

    def change(table: MutableMapping[str, Any], name: str) -> None:
        table[name] = plain

    _rewrite(paths, key, change, _leaves(plain, tuple(key.split("."))), migrations)


def unset_value(paths: Paths, key: str, *, migrations: Sequence[Migration] | None = None) -> bool:
    """Take one setting out of the file, so that its default counts; False if it was not there.

    A key that is no setting at all can be taken out as well, since that is how a file is mended.
    """
    path = tuple(key.split("."))
    written = _leaves(_table(paths.config_file, migrations))
    if not any(leaf[: len(path)] == path for leaf in written):
        find_setting(key)
        return False

    def change(table: MutableMapping[str, Any], name: str) -> None:
        del table[name]

    _rewrite(paths, key, change, {}, migrations)
    return True


def begin_file(paths: Paths) -> None:
    """Make sure there is a file to edit."""
    if not paths.config_file.exists():
        _write(paths.config_file, new_file_text())


def _rewrite(
    paths: Paths,
    key: str,
    change: _Change,
    added: Mapping[tuple[str, ...], Any],
    migrations: Sequence[Migration] | None,
) -> None:
    file = paths.config_file
    path = tuple(key.split("."))
    before = _leaves(_table(file, migrations))
    text = decoded(file.read_bytes(), file) if file.exists() else new_file_text(migrations)
    new = _changed(file, text, path, change)
    table = current_table(file, parse_toml(new, file), migrations)
    checked_settings(table, file)
    kept = {leaf: value for leaf, value in before.items() if leaf[: len(path)] != path}
    if _leaves(table) != {**kept, **added}:
        raise _beyond_us(file, key)
    _write(file, new)


def _changed(file: Path, text: str, path: tuple[str, ...], change: _Change) -> str:
    """The text of the file with one entry changed and everything else as it is."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        table: MutableMapping[str, Any] = document
        for name in path[:-1]:
            table = table.setdefault(name, tomlkit.table())
            if not isinstance(table, MutableMapping):
                raise ConfigError(f"{file}: {name} must be a table", hint=f"begin it [{name}]")
        change(table, path[-1])
        return tomlkit.dumps(document)
    except (TOMLKitError, KeyError, ValueError, RecursionError) as error:
        raise _beyond_us(file, ".".join(path)) from error


def _beyond_us(file: Path, key: str) -> ConfigError:
    return ConfigError(
        f"{file} is written in a way that {key} cannot be changed without harm",
        hint="change it by hand with chatterm config edit",
    )


def _table(file: Path, migrations: Sequence[Migration] | None) -> Table:
    return current_table(file, read_toml(file) or {}, migrations)


def _leaves(value: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Every value inside nested tables; empty tables say nothing."""
    if not isinstance(value, Mapping):
        return {path: value}
    leaves = {}
    for name, entry in value.items():
        leaves.update(_leaves(entry, (*path, name)))
    return leaves


def _plain(value: Any) -> Any:
    """A checked value as TOML has it, which knows no tuples."""
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _write(file: Path, text: str) -> None:
    try:
        write_private(file, text)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror or error}") from error
