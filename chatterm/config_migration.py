"""Brings a ``config.toml`` of an older version up to date, and refuses one of a newer.

A file says its version with ``version = N``; one that does not is of the current version. The old
file is kept beside the new one, and comments survive. The settings themselves are not checked here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from chatterm.errors import ConfigError
from chatterm.hints import shown
from chatterm.paths import write_private
from chatterm.tables import Table, decoded, parse_toml

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

Migration: TypeAlias = "Callable[[TOMLDocument], None]"
"""Turns a document of one version into one of the next, in place.

It meets whatever the user wrote, so it changes only what has the shape it expects.
"""

MIGRATIONS: tuple[Migration, ...] = ()
"""The first one makes version 2 out of version 1."""


def version_known(migrations: Sequence[Migration] | None = None) -> int:
    """The version this program writes."""
    return len(_chosen(migrations)) + 1


def current_table(file: Path, table: Table, migrations: Sequence[Migration] | None = None) -> Table:
    """``table``, which was read from ``file``, as a file of the current version has it.

    Where the file is older it is replaced; where it cannot be, the settings count all the same.
    """
    known = version_known(migrations)
    version = _version_of(file, table, known)
    if version < known:
        text = _migrated(file, version, _chosen(migrations))
        table = parse_toml(text, file)
    return {key: value for key, value in table.items() if key != "version"}


def _chosen(migrations: Sequence[Migration] | None) -> Sequence[Migration]:
    return MIGRATIONS if migrations is None else migrations


def _version_of(file: Path, table: Table, known: int) -> int:
    version = table.get("version", known)
    if type(version) is not int or version < 1:
        raise ConfigError(
            f"{file}: version must be a whole number of at least 1, not {shown(version)}",
            hint=f"write version = {known}",
        )
    if version > known:
        raise ConfigError(
            f"{file} is of version {shown(version)}, and this chatterm knows only up to {known}",
            hint="update chatterm, or name another file with CHATTERM_CONFIG",
        )
    return version


def _migrated(file: Path, version: int, migrations: Sequence[Migration]) -> str:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    old = decoded(file.read_bytes(), file)
    try:
        document = tomlkit.parse(old)
        for migration in migrations[version - 1 :]:
            migration(document)
        document["version"] = len(migrations) + 1
        new = tomlkit.dumps(document)
    except TOMLKitError as error:
        raise ConfigError(
            f"{file} is of version {version} and could not be brought up to date: {error}",
            hint="simplify how it is written, or begin a new one",
        ) from error
    # A config on a read-only file system still has to work.
    with suppress(OSError):
        _keep(file, old, version)
        write_private(file, new)
    return new


def _keep(file: Path, text: str, version: int) -> None:
    """Keep the old file beside the new one; what was kept before stays as well."""
    kept = file.with_name(f"{file.name}.v{version}.bak")
    number = 1
    while kept.exists() and kept.read_bytes() != text.encode():
        number += 1
        kept = file.with_name(f"{file.name}.v{version}.{number}.bak")
    write_private(kept, text)
