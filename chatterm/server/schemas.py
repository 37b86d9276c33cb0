"""Schemas that clients send: no larger and no deeper than a server can bear."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chatterm.errors import ConfigError
from chatterm.schemas import parse_schema

_LONGEST = 1 << 17
_DEEPEST = 64


def schema_text(schema: Mapping[str, Any]) -> str:
    """A schema that an answer can be held to; a ConfigError for one that cannot be."""
    if _depth(schema) > _DEEPEST:
        raise ConfigError(f"the schema is nested deeper than {_DEEPEST}")
    text = json.dumps(schema)
    if len(text) > _LONGEST:
        raise ConfigError(f"the schema has more than {_LONGEST} characters")
    return parse_schema(text).text


def _depth(value: Any) -> int:
    """How deep a JSON value is nested, told without recursion."""
    depth, layer = 0, [value]
    while layer and depth <= _DEEPEST:
        depth += 1
        inner: list[Any] = []
        for one in layer:
            if isinstance(one, dict):
                inner += one.values()
            elif isinstance(one, list):
                inner += one
        layer = inner
    return depth
