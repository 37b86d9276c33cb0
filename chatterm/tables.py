"""TOML files and single texts, read into dataclasses by their type hints.

The hints are the schema: a new setting is one field. Whatever is wrong with a file is a
ConfigError that names the file, the line or the key, and the nearest valid name.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import re
import tomllib
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from chatterm.errors import ConfigError
from chatterm.hints import nearest, shown

Table = dict[str, Any]
T = TypeVar("T")

_WORDS = {"true": True, "yes": True, "on": True, "1": True}
_WORDS |= {"false": False, "no": False, "off": False, "0": False}
_NOUNS = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
_INT_END = 2**63
"""TOML promises to keep 64 bits of a whole number."""


def at_least(low: float, default: float) -> Any:
    """A dataclass field for a number with a lower bound."""
    return dataclasses.field(default=default, metadata={"low": low})


def read_toml(path: Path) -> Table | None:
    """What a file says, or None where there is no such file."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"{path} cannot be read: {reason}") from error
    return parse_toml(decoded(data, path), path)


def decoded(data: bytes, path: Path) -> str:
    """The text of a file, without the mark that Windows editors begin it with."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}, line {line}: this is not UTF-8 text", hint="save the file as UTF-8"
        ) from error


def parse_toml(text: str, path: Path) -> Table:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, what = _line_of(str(error), text)
        raise ConfigError(
            f"{path}, line {line}: this is not valid TOML: {what}",
            hint='text needs quotes, as in key = "value"; see https://toml.io',
        ) from error
    except (ValueError, RecursionError) as error:
        # A number of thousands of digits, or brackets in brackets in brackets.
        raise ConfigError(f"{path} holds a value that is too large to read") from error


def _line_of(message: str, text: str) -> tuple[int, str]:
    """Take the place out of tomllib's message; before Python 3.14 it is nowhere else."""
    found = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", message)
    if found is None:
        return 1, message
    last = max(len(text.splitlines()), 1)
    return int(found[1] or last), message[: found.start()].lower()


def hints_of(cls: type) -> Mapping[str, Any]:
    """The fields of a dataclass with their types."""
    return _hints_of(cls)


@functools.cache
def _hints_of(cls: type) -> Mapping[str, Any]:
    # A catalogue asks for those of one class a hundred times.
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def checked_table(cls: type, table: Mapping[str, Any], where: str, skip: str = "") -> Table:
    """The entries of a table, each checked by the field of ``cls`` that has its name."""
    known = {name: hint for name, hint in hints_of(cls).items() if name != skip}
    fields = {field.name: field for field in dataclasses.fields(cls)}
    checked = {}
    for key, value in table.items():
        if key not in known:
            hint = _dotted_name_hint(value) or nearest(key, known)
            raise ConfigError(f"{where} has no key {shown(key)}", hint=hint)
        low = fields[key].metadata.get("low", -math.inf)
        checked[key] = checked_value(known[key], value, f"{where}: {key}", low=low)
    return checked


def _dotted_name_hint(value: object) -> str:
    """``[models.llama-3.2]`` is two tables in TOML, which nobody who writes it expects."""
    if not isinstance(value, Mapping):
        return ""
    return 'a name with a dot in it needs quotes, as in [models."llama-3.2"]'


def build(cls: Callable[..., T], values: Mapping[str, Any], where: str) -> T:
    """Make the dataclass; a required key that is missing is an error."""
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        required = field.default is field.default_factory is dataclasses.MISSING
        if required and field.name not in values:
            raise ConfigError(f"{where} lacks the key {field.name}")
    return cls(**values)


def checked_value(hint: Any, value: object, name: str, *, low: float = -math.inf) -> Any:
    """``value`` as the type that ``hint`` says; ``name`` is what the error calls it."""
    origin = typing.get_origin(hint)
    if origin is Literal:
        return _one_of(typing.get_args(hint), value, name)
    if origin is tuple:
        return _texts(typing.get_args(hint)[0], value, name)
    if origin is Mapping:
        return _tables(typing.get_args(hint)[1], value, name)
    if origin in (types.UnionType, typing.Union):
        hint = next(kind for kind in typing.get_args(hint) if kind is not type(None))
        return checked_value(hint, value, name, low=low)
    if hint is float and type(value) is int:
        value = _as_float(value)
    if type(value) is not hint or not _sensible(value):
        raise ConfigError(f"{name} must be {_NOUNS[hint]}, not {shown(value)}")
    if isinstance(value, int) and not -_INT_END <= value < _INT_END:
        raise ConfigError(f"{name} must be a whole number of at most 64 bits, not {shown(value)}")
    if isinstance(value, int | float) and value < low:
        raise ConfigError(f"{name} must be at least {low:g}, not {shown(value)}")
    return value


def value_of_text(hint: Any, text: str) -> Any:
    """A text from the command line or the environment as a value to be checked."""
    kinds = typing.get_args(hint) if typing.get_origin(hint) is types.UnionType else (hint,)
    if typing.get_origin(hint) is tuple:
        return [text]
    if bool in kinds:
        return _WORDS.get(text.lower(), text)
    for kind in (int, float):
        if kind in kinds:
            try:
                return kind(text)
            except ValueError:
                return text
    return text


def toml_text(value: Any) -> str:
    """A value as one would write it in a file."""
    return json.dumps(value, ensure_ascii=False)


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _sensible(value: object) -> bool:
    match value:
        case float():
            return math.isfinite(value)
        case str():
            # An argument that was not UTF-8 has surrogates in it, which no file can hold.
            return not any("\ud800" <= letter <= "\udfff" for letter in value)
    return True


def _one_of(allowed: tuple[str, ...], value: object, name: str) -> str:
    if isinstance(value, str) and value in allowed:
        return value
    words = f"{', '.join(allowed[:-1])} or {allowed[-1]}" if len(allowed) > 1 else allowed[0]
    hint = nearest(value, allowed, otherwise="") if isinstance(value, str) else ""
    raise ConfigError(f"{name} must be {words}, not {shown(value)}", hint=hint)


def _texts(hint: Any, value: object, name: str) -> tuple[str, ...]:
    items = value if isinstance(value, list | tuple) else [None]
    if typing.get_origin(hint) is Literal and isinstance(value, list | tuple):
        return tuple(_one_of(typing.get_args(hint), item, name) for item in items)
    if all(isinstance(item, str) and _sensible(item) for item in items):
        return tuple(items)
    raise ConfigError(f"{name} must be a list of texts, not {shown(value)}")


def _tables(cls: type, value: object, name: str) -> Mapping[str, Any]:
    """Tables by their names, each made into ``cls``."""
    if not isinstance(value, Mapping):
        raise ConfigError(f"{name} must be a table, not {shown(value)}")
    made = {}
    for key, table in value.items():
        where = f"{name}.{key}"
        if not isinstance(table, Mapping):
            raise ConfigError(f"{where} must be a table, not {shown(table)}")
        made[key] = build(cls, checked_table(cls, table, where), where)
    return made
