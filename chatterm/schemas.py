"""JSON Schema: read it, also in a short form, and check an answer against it.

The engine's grammar makes an answer that fits; remotes only promise to, and a limit may cut any
answer short, so each is checked. What cannot be checked is refused before a model is asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chatterm.errors import ConfigError, OutputError
from chatterm.hints import nearest, shown
from chatterm.schema_checks import IS_TYPE, is_number, problems, resolved

_SHORT_TYPES = {
    "str": "string",
    "string": "string",
    "text": "string",
    "int": "integer",
    "integer": "integer",
    "float": "number",
    "number": "number",
    "bool": "boolean",
    "boolean": "boolean",
}
_FIELD = re.compile(r"([^\W\d][\w-]*)(?:\s+([A-Za-z]+)(\[\])?)?\s*(?::\s*(.*))?")
_UNCHECKED = frozenset(
    (
        *("if", "then", "else", "contains", "minContains", "maxContains", "propertyNames"),
        *("dependentRequired", "dependentSchemas", "dependencies"),
        *("unevaluatedItems", "unevaluatedProperties", "$dynamicRef", "$recursiveRef"),
    )
)
"""Keywords that demand something which is not checked here; other unknown ones demand nothing."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema whose every keyword can be checked."""

    root: Mapping[str, Any]

    @property
    def text(self) -> str:
        return json.dumps(self.root)

    def check(self, answer: str) -> None:
        """An OutputError that says where the answer misses the schema, or nothing."""
        try:
            value = json.loads(answer, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise OutputError(
                f"the answer is not JSON: {error}",
                hint="if it was cut short, allow more with -o max_tokens=N; else ask again",
            ) from error
        try:
            problem = next(problems(self.root, value, "", self.root), None)
        except RecursionError as error:
            raise ConfigError("the schema refers to itself without end") from error
        if problem is not None:
            raise OutputError(f"the answer misses its schema: {problem}", hint="ask again")


def parse_schema(text: str) -> Schema:
    """A JSON Schema, or the short form: ``name, age int, tags str[], bio: one sentence``."""
    text = text.strip()
    root = _json(text) if text.startswith("{") else _short(text)
    try:
        _refuse_unknown(root, root)
    except RecursionError as error:
        raise ConfigError("the schema is nested too deeply", hint="make it flatter") from error
    return Schema(root)


def _json(text: str) -> Mapping[str, Any]:
    try:
        root = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"the schema is not JSON: {error}", hint="check its brackets") from error
    assert isinstance(root, dict)
    return root


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _short(text: str) -> Mapping[str, Any]:
    fields = text.splitlines() if "\n" in text else text.split(",")
    properties: dict[str, Any] = {}
    for field in filter(None, map(str.strip, fields)):
        found = _FIELD.fullmatch(field)
        if found is None:
            raise ConfigError(
                f"the schema has a field that cannot be read: {shown(field)}",
                hint='write it as in "name, age int, tags str[], bio: one sentence"',
            )
        name, kind, many, about = found.groups()
        if kind is not None and kind not in _SHORT_TYPES:
            raise ConfigError(
                f"the schema has no type {shown(kind)}", hint=nearest(kind, _SHORT_TYPES)
            )
        one = {"type": _SHORT_TYPES[kind or "str"]}
        properties[name] = {"type": "array", "items": one} if many else one
        if about:
            properties[name]["description"] = about
    if not properties:
        raise ConfigError("the schema is empty", hint='name its fields, as in "name, age int"')
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _refuse_unknown(schema: object, root: Mapping[str, Any]) -> None:
    """Everything that is a schema inside a schema has only keywords that are checked."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping):
        raise ConfigError(f"the schema has {shown(schema)} where a schema belongs")
    for key, value in schema.items():
        if key in _UNCHECKED:
            raise ConfigError(
                f"the schema has {shown(key)}, which cannot be checked", hint="leave it out"
            )
        if key in _FORMS and not _FORMS[key](value):
            raise ConfigError(f"the schema says {key} {shown(value)}, which means nothing")
        for part in _schemas_in(key, value):
            _refuse_unknown(part, root)
    if "$ref" in schema:
        resolved(schema["$ref"], root)


def _schemas_in(key: str, value: Any) -> Sequence[object]:
    if key in ("items", "additionalProperties", "not"):
        return [value]
    if key in ("prefixItems", "anyOf", "oneOf", "allOf"):
        return list(value)
    if key in ("properties", "patternProperties", "$defs", "definitions"):
        return list(value.values()) if isinstance(value, Mapping) else [value]
    return []


def _is_pattern(value: Any) -> bool:
    try:
        re.compile(value)
    except (re.error, TypeError, OverflowError, RecursionError):
        return False
    return True


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


def _is_type(value: Any) -> bool:
    kinds = [value] if isinstance(value, str) else value
    return isinstance(kinds, list) and bool(kinds) and all(kind in IS_TYPE for kind in kinds)


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


_FORMS: Mapping[str, Callable[[Any], bool]] = {
    "type": _is_type,
    "enum": _is_list,
    "required": _is_names,
    "properties": _is_table,
    "$defs": _is_table,
    "definitions": _is_table,
    "patternProperties": lambda value: _is_table(value) and all(map(_is_pattern, value)),
    "prefixItems": _is_list,
    "anyOf": _is_list,
    "oneOf": _is_list,
    "allOf": _is_list,
    "uniqueItems": lambda value: isinstance(value, bool),
    "pattern": _is_pattern,
    "multipleOf": lambda value: is_number(value) and value > 0,
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), is_number),
    **dict.fromkeys(
        ("minProperties", "maxProperties", "minItems", "maxItems", "minLength", "maxLength"),
        _is_count,
    ),
}
"""What each keyword may say."""
