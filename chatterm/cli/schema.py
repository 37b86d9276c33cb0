"""The option ``--schema``: a file, JSON Schema, or the short form."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from chatterm.cli.text import readable
from chatterm.errors import ConfigError

if TYPE_CHECKING:
    from chatterm.schemas import Schema


def schema_of(option: str) -> Schema:
    """The schema that the user means."""
    from chatterm.schemas import parse_schema

    return parse_schema(schema_text(option))


def schema_text(option: str) -> str:
    """The text of the schema, out of its file if it has one."""
    option = readable(option)
    if option.lstrip().startswith("{") or "\n" in option:
        return option
    file = Path(option).expanduser()
    is_named_as_one = file.suffix == ".json" or "/" in option
    if is_named_as_one or file.is_file():
        from chatterm.tables import decoded

        try:
            return decoded(file.read_bytes(), file)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ConfigError(
                f"the schema {file} cannot be read: {reason}",
                hint='name a file, or write fields, as in "name, age int"',
            ) from error
    return option
