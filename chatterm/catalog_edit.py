"""Changes the user's ``models.toml`` as its user would by hand: one entry, every comment kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from chatterm.catalog import Catalog, load_catalog
from chatterm.errors import ConfigError
from chatterm.paths import write_private
from chatterm.tables import decoded, read_toml


def set_entry(file: Path, kind: str, name: str, entry: Mapping[str, Any]) -> Catalog:
    """Write the entry ``[KIND.NAME]``, new or in place of the old one; return what came of it."""
    import tomlkit

    def change(document: MutableMapping[str, Any]) -> None:
        table = document.setdefault(kind, tomlkit.table(is_super_table=True))
        written = tomlkit.table()
        written.update(entry)
        table[name] = written

    return _rewrite(file, f"{kind}.{name}", change)


def remove_entry(file: Path, kind: str, name: str) -> bool:
    """Take the entry out of the user's file; False if it is not there."""
    if name not in (read_toml(file) or {}).get(kind, {}):
        return False

    def change(document: MutableMapping[str, Any]) -> None:
        del document[kind][name]
        if not document[kind]:
            del document[kind]

    _rewrite(file, f"{kind}.{name}", change)
    return True


def _rewrite(file: Path, what: str, change: Callable[[MutableMapping[str, Any]], None]) -> Catalog:
    """The file as it would be is read back before the old one is replaced."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    load_catalog(file)
    text = decoded(file.read_bytes(), file) if file.exists() else ""
    trial = file.with_name(f".{file.name}.new")
    try:
        document = tomlkit.parse(text)
        change(document)
        new = tomlkit.dumps(document).rstrip("\n") + "\n"
        write_private(trial, new)
        catalog = load_catalog(trial)
        write_private(file, new)
    except (TOMLKitError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{file} is written in a way that {what} cannot be changed without harm",
            hint="change it by hand; chatterm paths says where it lies",
        ) from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror or error}") from error
    finally:
        trial.unlink(missing_ok=True)
    return catalog
