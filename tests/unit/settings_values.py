"""Valid settings for property tests, made from the schema so that a new one is tested as well."""

from __future__ import annotations

import dataclasses
import json
import typing
from typing import Any

from hypothesis import strategies as st

from chatterm.config import schema
from chatterm.params import Params

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
WORD = st.text(st.characters(codec="utf-8"), min_size=1, max_size=10)
TOKEN = st.integers(0, 2**31 - 1)
BIAS = st.floats(-100, 100)

_TEXTS = {
    "stop": st.lists(WORD, min_size=1, max_size=3),
    "logit_bias": st.lists(st.tuples(TOKEN, BIAS), min_size=1, max_size=3),
    "grammar": TEXT,
    "schema": st.dictionaries(WORD, WORD, max_size=2).map(json.dumps),
    "reasoning": st.booleans(),
}


def param_value(name: str) -> st.SearchStrategy[Any]:
    """Values that a parameter accepts."""
    if name in _TEXTS:
        return _TEXTS[name]
    field = next(field for field in dataclasses.fields(Params) if field.name == name)
    bounds = field.metadata["range"]
    if bounds.kind is int:
        return st.integers(bounds.low, bounds.high)
    return st.floats(bounds.low, min(bounds.high, 1e6))


def params_values() -> st.SearchStrategy[dict[str, Any]]:
    """Some parameters with values that are accepted."""
    names = [field.name for field in dataclasses.fields(Params)]
    return st.fixed_dictionaries({}, optional={name: param_value(name) for name in names})


def setting_value(key: str) -> st.SearchStrategy[Any]:
    """Values that a setting accepts."""
    setting = schema()[key]
    if setting.is_param:
        return param_value(key.removeprefix("params."))
    if setting.hint is str:
        return TEXT
    if setting.hint is bool:
        return st.booleans()
    if setting.hint is int:
        return st.integers(1, 2**31 - 1)
    if setting.hint is float:
        return st.floats(max(setting.low, 0), 1e6)
    if setting.hint == tuple[str, ...]:
        return st.lists(WORD, min_size=1, max_size=3)
    return st.sampled_from(typing.get_args(setting.hint))


def settings_values() -> st.SearchStrategy[dict[str, Any]]:
    """Some settings, by dotted key, with values that are accepted."""
    keys = st.lists(st.sampled_from(list(schema())), unique=True, max_size=6)
    return keys.flatmap(
        lambda some: st.fixed_dictionaries({key: setting_value(key) for key in some})
    )


def as_typed(value: Any) -> list[str]:
    """A value as somebody types it on the command line."""
    match value:
        case str():
            return [value]
        case bool():
            return [str(value).lower()]
        case list() if isinstance(value[0], str):
            return value
        case list():
            return [json.dumps(value)]
        case _:
            return [repr(value)]
