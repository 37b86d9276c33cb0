"""Options of the form ``KEY=VALUE``."""

from __future__ import annotations

from collections.abc import Iterable

from chatterm.cli.text import readable
from chatterm.errors import ConfigError
from chatterm.hints import shown


def key_values(pairs: Iterable[str]) -> dict[str, str]:
    """The pairs as a table; the last one of a key counts."""
    values = {}
    for pair in pairs:
        key, equals, value = readable(pair).partition("=")
        if not equals:
            raise ConfigError(f"{shown(pair)} has no value", hint="write it as KEY=VALUE")
        values[key.strip()] = value
    return values
