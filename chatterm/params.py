"""How an answer is to be written: sampling, length, form. None leaves it to model and backend.

Names and ranges are checked here, before a model is loaded or a server asked.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from chatterm.errors import ConfigError
from chatterm.hints import nearest, shown

Scalar: TypeAlias = "str | int | float | bool"

_LAST_INT = 2**31 - 1
"""Engines keep counts in 32 bits."""


@dataclass(frozen=True, slots=True)
class _Range:
    kind: type
    low: float
    high: float = math.inf

    def describe(self) -> str:
        noun = {int: "a whole number", float: "a number"}[self.kind]
        if self.high == math.inf:
            return f"{noun} of at least {self.low:g}"
        return f"{noun} from {self.low:g} to {self.high:.10g}"


def _number(kind: type, low: float, high: float | None = None) -> Any:
    if high is None:
        high = _LAST_INT if kind is int else math.inf
    return dataclasses.field(default=None, metadata={"range": _Range(kind, low, high)})


@dataclass(frozen=True, slots=True)
class Params:
    """Parameters of one answer, by the names that ``-o KEY=VALUE`` and the config use."""

    temperature: float | None = _number(float, 0, 5)
    """0 always takes the likeliest token."""
    top_p: float | None = _number(float, 0, 1)
    top_k: int | None = _number(int, 0)
    min_p: float | None = _number(float, 0, 1)
    typical_p: float | None = _number(float, 0, 1)
    repeat_penalty: float | None = _number(float, 0, 10)
    repeat_last_n: int | None = _number(int, -1)
    """How far back penalties look; -1 is the whole context."""
    frequency_penalty: float | None = _number(float, -2, 2)
    presence_penalty: float | None = _number(float, -2, 2)
    dry_multiplier: float | None = _number(float, 0)
    dry_base: float | None = _number(float, 0)
    dry_allowed_length: int | None = _number(int, 0)
    dry_penalty_last_n: int | None = _number(int, -1)
    xtc_probability: float | None = _number(float, 0, 1)
    xtc_threshold: float | None = _number(float, 0, 1)
    mirostat: int | None = _number(int, 0, 2)
    mirostat_tau: float | None = _number(float, 0)
    mirostat_eta: float | None = _number(float, 0, 1)
    seed: int | None = _number(int, 0, 2**32 - 1)
    max_tokens: int | None = _number(int, 1)
    context: int | None = _number(int, 1)
    """Tokens of context the model is opened with."""
    logprobs: int | None = _number(int, 0, 20)
    """Report each token's probability, and that many alternatives."""
    stop: tuple[str, ...] = ()
    """The answer ends before the first of these."""
    logit_bias: tuple[tuple[int, float], ...] = ()
    """Token id and what is added to its logit."""
    grammar: str = ""
    """A GBNF grammar the answer must follow."""
    schema: str = ""
    """A JSON Schema the answer must follow."""
    reasoning: bool | None = None
    """Ask the model to think first, or not to; None leaves it to its template."""

    @classmethod
    def parse(cls, values: Mapping[str, object]) -> Params:
        """Build parameters out of options or settings; every problem is a ConfigError."""
        return cls(**{key: _checked(key, value) for key, value in values.items()})

    def over(self, defaults: Params) -> Params:
        """These parameters, with ``defaults`` where nothing was said."""
        unset = {
            f.name: getattr(defaults, f.name)
            for f in dataclasses.fields(self)
            if getattr(self, f.name) == f.default
        }
        return dataclasses.replace(self, **unset)

    def as_dict(self) -> dict[str, Any]:
        """Only what was said, ready for JSON."""
        return {
            f.name: value
            for f in dataclasses.fields(self)
            if (value := getattr(self, f.name)) != f.default
        }


_FIELDS = {f.name: f for f in dataclasses.fields(Params)}
_WORDS = {"true": True, "yes": True, "on": True, "1": True}
_WORDS |= {"false": False, "no": False, "off": False, "0": False}


def parse_options(pairs: list[str]) -> Params:
    """Read ``KEY=VALUE`` options; ``stop`` may be given several times."""
    values: dict[str, object] = {}
    stops: list[str] = []
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(
                f"the option {shown(pair)} has no value", hint="write it as KEY=VALUE, as in seed=7"
            )
        if key == "stop":
            stops.append(value)
        else:
            values[key] = value
    if stops:
        values["stop"] = stops
    return Params.parse(values)


def _checked(key: str, value: object) -> Any:
    known = _FIELDS.get(key)
    if known is None:
        raise ConfigError(f"there is no parameter {shown(key)}", hint=nearest(key, _FIELDS))
    bounds = known.metadata.get("range")
    if isinstance(bounds, _Range):
        return _number_within(key, value, bounds)
    match key:
        case "stop":
            return _strings(key, value)
        case "logit_bias":
            return _biases(value)
        case "reasoning":
            return _flag(key, value)
        case "schema":
            return _schema(value)
        case _:
            if _is_text(value):
                return value
            raise ConfigError(f"{key} must be text, not {shown(value)}")


def _number_within(key: str, value: object, bounds: _Range) -> float | int:
    wrong = ConfigError(f"{key} must be {bounds.describe()}, not {shown(value)}")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise wrong
    try:
        number: float | int = bounds.kind(value)
    except (ValueError, OverflowError) as error:
        raise wrong from error
    if isinstance(value, float) and number != value:
        raise wrong
    if not bounds.low <= number <= bounds.high or number == math.inf:
        raise wrong
    return number


def _strings(key: str, value: object) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if isinstance(items, list | tuple) and all(item and _is_text(item) for item in items):
        return tuple(items)
    raise ConfigError(f"{key} must be text or a list of texts, none of them empty")


def _is_text(value: object) -> bool:
    """Text that can be written down; an argument that was not UTF-8 has surrogates in it."""
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)


def _biases(value: object) -> tuple[tuple[int, float], ...]:
    wrong = ConfigError(
        "logit_bias must pair token ids with numbers", hint='as in logit_bias={"42": -5}'
    )
    try:
        table: Any = json.loads(value) if isinstance(value, str) else value
        pairs = table.items() if isinstance(table, Mapping) else table
        biases = tuple((_token_id(token), float(bias)) for token, bias in pairs)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise wrong from error
    if not all(math.isfinite(bias) for _, bias in biases):
        raise wrong
    return biases


def _token_id(token: object) -> int:
    """A token id; JSON has it as text where it is the key of an object."""
    if isinstance(token, bool) or not isinstance(token, str | int):
        raise TypeError
    number = int(token)
    if not 0 <= number <= _LAST_INT:
        raise ValueError
    return number


def _flag(key: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _WORDS:
        return _WORDS[value.lower()]
    raise ConfigError(f"{key} must be true or false, not {shown(value)}")


def _schema(value: object) -> str:
    try:
        table = json.loads(value) if isinstance(value, str) else value
        if isinstance(table, Mapping):
            return json.dumps(table, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"schema is not JSON: {error}") from error
    raise ConfigError(f"schema must be a JSON object, not {shown(table)}")
