"""The keywords of JSON Schema, each as a check that says what is wrong with a value, and where.

The schema is known to be well-formed: ``chatterm.schemas`` has seen to that.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chatterm.errors import ConfigError
from chatterm.hints import shown

Place = str
"""Where in the answer something is wrong, as in ``.people[0].age``."""


def resolved(ref: object, root: Mapping[str, Any]) -> Any:
    """What ``#/$defs/name`` means."""
    found: Any = root
    if not isinstance(ref, str) or not ref.startswith("#"):
        raise ConfigError(
            f"the schema refers to {shown(ref)}, which is not in it", hint="begin it with #/$defs/"
        )
    for step in filter(None, ref[1:].split("/")):
        step = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or step not in found:
            raise ConfigError(f"the schema refers to {shown(ref)}, which is not in it")
        found = found[step]
    if not isinstance(found, Mapping | bool):
        raise ConfigError(f"the schema refers to {shown(ref)}, which is no schema")
    return found


def problems(schema: Any, value: Any, place: Place, root: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(schema, bool):
        if not schema:
            yield f"{place or 'it'} must not be there"
        return
    for key, said in schema.items():
        if check := _CHECKS.get(key):
            yield from check(said, value, place, schema, root)


_Check = Callable[[Any, Any, Place, Mapping[str, Any], Mapping[str, Any]], Iterator[str]]

IS_TYPE: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: is_number(value),
    "integer": lambda value: is_number(value) and (isinstance(value, int) or value.is_integer()),
}


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON has it: true is not 1, and 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return bool(one == other)


def _type(said: Any, value: Any, place: Place, *_: Any) -> Iterator[str]:
    kinds = [said] if isinstance(said, str) else said
    if not any(IS_TYPE[kind](value) for kind in kinds):
        yield f"{place or 'it'} must be {' or '.join(kinds)}"


def _enum(said: Any, value: Any, place: Place, *_: Any) -> Iterator[str]:
    if not any(_same(value, one) for one in said):
        yield f"{place or 'it'} must be one of {json.dumps(said)}"


def _const(said: Any, value: Any, place: Place, *_: Any) -> Iterator[str]:
    if not _same(value, said):
        yield f"{place or 'it'} must be {json.dumps(said)}"


def _ref(said: Any, value: Any, place: Place, _: Any, root: Mapping[str, Any]) -> Iterator[str]:
    yield from problems(resolved(said, root), value, place, root)


def _required(said: Any, value: Any, place: Place, *_: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name in said:
            if name not in value:
                yield f"{place or 'it'} lacks {name}"


def _properties(
    said: Any, value: Any, place: Place, _: Any, root: Mapping[str, Any]
) -> Iterator[str]:
    if isinstance(value, dict):
        for name, schema in said.items():
            if name in value:
                yield from problems(schema, value[name], f"{place}.{name}", root)


def _pattern_properties(
    said: Any, value: Any, place: Place, _: Any, root: Mapping[str, Any]
) -> Iterator[str]:
    if isinstance(value, dict):
        for pattern, schema in said.items():
            for name in value:
                if re.search(pattern, name):
                    yield from problems(schema, value[name], f"{place}.{name}", root)


def _additional(
    said: Any, value: Any, place: Place, schema: Mapping[str, Any], root: Mapping[str, Any]
) -> Iterator[str]:
    if not isinstance(value, dict):
        return
    patterns = schema.get("patternProperties", {})
    for name in value:
        if name in schema.get("properties", {}) or any(re.search(p, name) for p in patterns):
            continue
        yield from problems(said, value[name], f"{place}.{name}", root)


def _items(
    said: Any, value: Any, place: Place, schema: Mapping[str, Any], root: Mapping[str, Any]
) -> Iterator[str]:
    if isinstance(value, list):
        first = len(schema.get("prefixItems", ()))
        for at, item in enumerate(value[first:], first):
            yield from problems(said, item, f"{place}[{at}]", root)


def _prefix_items(
    said: Any, value: Any, place: Place, _: Any, root: Mapping[str, Any]
) -> Iterator[str]:
    if isinstance(value, list):
        for at, (schema, item) in enumerate(zip(said, value, strict=False)):
            yield from problems(schema, item, f"{place}[{at}]", root)


def _unique(said: Any, value: Any, place: Place, *_: Any) -> Iterator[str]:
    if said and isinstance(value, list):
        for at, item in enumerate(value):
            if any(_same(item, other) for other in value[:at]):
                yield f"{place}[{at}] is there twice"


def _size(
    kind: type[dict[str, Any]] | type[list[Any]] | type[str], noun: str, most: bool
) -> _Check:
    def check(said: Any, value: Any, place: Place, *_: Any) -> Iterator[str]:
        if isinstance(value, kind) and (len(value) > said if most else len(value) < said):
            yield f"{place or 'it'} must have at {'most' if most else 'least'} {said} {noun}"

    return check


def _bound(fits: Callable[[float, float], bool], words: str) -> _Check:
    def check(said: Any, value: Any, place: Place, *_: Any) -> Iterator[str]:
        if is_number(value) and not fits(value, said):
            yield f"{place or 'it'} must be {words} {said}"

    return check


def _is_multiple(value: float, of: float) -> bool:
    if isinstance(value, int) and isinstance(of, int):
        return value % of == 0
    try:
        quotient = value / of
    except OverflowError:
        return False
    return math.isfinite(quotient) and quotient == round(quotient)


def _pattern(said: Any, value: Any, place: Place, *_: Any) -> Iterator[str]:
    if isinstance(value, str) and not re.search(said, value):
        yield f"{place or 'it'} must match {said}"


def _all_of(said: Any, value: Any, place: Place, _: Any, root: Mapping[str, Any]) -> Iterator[str]:
    for schema in said:
        yield from problems(schema, value, place, root)


def _fitting(said: Any, value: Any, root: Mapping[str, Any]) -> int:
    return sum(next(problems(schema, value, "", root), None) is None for schema in said)


def _any_of(said: Any, value: Any, place: Place, _: Any, root: Mapping[str, Any]) -> Iterator[str]:
    if not _fitting(said, value, root):
        yield f"{place or 'it'} fits none of the {len(said)} forms it may have"


def _one_of(said: Any, value: Any, place: Place, _: Any, root: Mapping[str, Any]) -> Iterator[str]:
    if (fitting := _fitting(said, value, root)) != 1:
        yield f"{place or 'it'} fits {fitting} of {len(said)} forms and must fit one"


def _not(said: Any, value: Any, place: Place, _: Any, root: Mapping[str, Any]) -> Iterator[str]:
    if _fitting([said], value, root):
        yield f"{place or 'it'} has a form it must not have"


_CHECKS: Mapping[str, _Check] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "$ref": _ref,
    "required": _required,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional,
    "minProperties": _size(dict, "entries", most=False),
    "maxProperties": _size(dict, "entries", most=True),
    "items": _items,
    "prefixItems": _prefix_items,
    "minItems": _size(list, "items", most=False),
    "maxItems": _size(list, "items", most=True),
    "uniqueItems": _unique,
    "minLength": _size(str, "characters", most=False),
    "maxLength": _size(str, "characters", most=True),
    "pattern": _pattern,
    "minimum": _bound(lambda value, said: value >= said, "at least"),
    "maximum": _bound(lambda value, said: value <= said, "at most"),
    "exclusiveMinimum": _bound(lambda value, said: value > said, "more than"),
    "exclusiveMaximum": _bound(lambda value, said: value < said, "less than"),
    "multipleOf": _bound(_is_multiple, "a multiple of"),
    "anyOf": _any_of,
    "oneOf": _one_of,
    "allOf": _all_of,
    "not": _not,
}
