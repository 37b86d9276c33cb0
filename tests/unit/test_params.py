"""Parameters of an answer: names, ranges, and how they are laid over each other."""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatterm.errors import ConfigError
from chatterm.params import Params, parse_options
from tests.unit.settings_values import params_values

NAMES = [field.name for field in dataclasses.fields(Params)]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("temperature", "0.7", 0.7),
        ("temperature", 1, 1.0),
        ("temperature", "0", 0.0),
        ("top_k", "40", 40),
        ("top_k", 40.0, 40),
        ("repeat_last_n", -1, -1),
        ("seed", "4294967295", 4294967295),
        ("max_tokens", "2147483647", 2147483647),
        ("frequency_penalty", "-2", -2.0),
        ("stop", "###", ("###",)),
        ("stop", ["a", "b"], ("a", "b")),
        ("logit_bias", '{"42": -5}', ((42, -5.0),)),
        ("logit_bias", {"42": -5, "7": 1.5}, ((42, -5.0), (7, 1.5))),
        ("logit_bias", [[42, -5]], ((42, -5.0),)),
        ("grammar", 'root ::= "yes"', 'root ::= "yes"'),
        ("schema", '{"type": "object"}', '{"type": "object"}'),
        ("schema", {"type": "object"}, '{"type": "object"}'),
        ("reasoning", "Yes", True),
        ("reasoning", "off", False),
        ("reasoning", "1", True),
        ("reasoning", False, False),
    ],
)
def test_a_value_is_read(name: str, value: object, expected: object) -> None:
    found = getattr(Params.parse({name: value}), name)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("temperature", "hot", "temperature must be a number from 0 to 5, not 'hot'"),
        ("temperature", 5.1, "temperature must be a number from 0 to 5, not 5.1"),
        ("temperature", math.nan, "temperature must be a number from 0 to 5, not nan"),
        ("temperature", True, "temperature must be a number from 0 to 5, not true"),
        ("dry_base", "inf", "dry_base must be a number of at least 0, not 'inf'"),
        ("dry_base", 10**400, "not a number of more than 30 digits"),
        ("seed", 0x10**5000, "seed must be a whole number from 0 to 4294967295, not a number of"),
        ("seed", "9" * 5000, "seed must be a whole number from 0 to 4294967295, not '999"),
        ("seed", 1.5, "seed must be a whole number from 0 to 4294967295, not 1.5"),
        ("seed", "", "seed must be a whole number from 0 to 4294967295, not ''"),
        ("max_tokens", 0, "max_tokens must be a whole number from 1 to 2147483647, not 0"),
        ("top_k", 2**31, "top_k must be a whole number from 0 to 2147483647, not 2147483648"),
        ("top_k", [1], "top_k must be a whole number from 0 to 2147483647, not a list"),
        ("top_k", None, "top_k must be a whole number from 0 to 2147483647, not a value of type"),
        ("stop", "", "stop must be text or a list of texts, none of them empty"),
        ("stop", ["a", 1], "stop must be text or a list of texts"),
        ("stop", "\udcff", "stop must be text or a list of texts"),
        ("logit_bias", "{", "logit_bias must pair token ids with numbers"),
        ("logit_bias", "[[1]]", "logit_bias must pair"),
        ("logit_bias", '{"a": 1}', "logit_bias must pair"),
        ("logit_bias", '{"1": null}', "logit_bias must pair"),
        ("logit_bias", "[[1.7, 2]]", "logit_bias must pair"),
        ("logit_bias", "[[true, 2]]", "logit_bias must pair"),
        ("logit_bias", "[[-1, 2]]", "logit_bias must pair"),
        ("logit_bias", "[[1, NaN]]", "logit_bias must pair"),
        ("logit_bias", f"[[1, 1{'0' * 400}]]", "logit_bias must pair"),
        ("logit_bias", "[" * 100_000, "logit_bias must pair"),
        ("logit_bias", 5, "logit_bias must pair"),
        ("grammar", 5, "grammar must be text, not 5"),
        ("grammar", "\udcff", "grammar must be text, not '\\udcff'"),
        ("schema", "{", "schema is not JSON"),
        ("schema", "[" * 100_000, "schema is not JSON"),
        ("schema", {"since": datetime.date(2020, 1, 1)}, "schema is not JSON"),
        ("schema", {"minimum": math.inf}, "schema is not JSON"),
        ("schema", "[]", "schema must be a JSON object, not a list"),
        ("reasoning", "maybe", "reasoning must be true or false, not 'maybe'"),
        ("reasoning", 1, "reasoning must be true or false, not 1"),
    ],
    ids=lambda value: ascii(value[:30]) if isinstance(value, str) else type(value).__name__,
)
def test_a_value_that_cannot_be_used_is_named_with_what_can(
    name: str, value: object, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        Params.parse({name: value})
    assert said in caught.value.message
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("temprature", "did you mean temperature?"),
        ("TOP_P", "did you mean top_p?"),
        ("zzzzzz", f"known: {', '.join(NAMES)}"),
        ("", f"known: {', '.join(NAMES)}"),
    ],
)
def test_an_unknown_name_is_told_the_nearest(wrong: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Params.parse({wrong: "1"})
    assert caught.value.hint == hint


def test_options_are_key_value_pairs_and_stop_may_come_several_times() -> None:
    params = parse_options(["seed=7", "stop=a=b", "temperature=0", "stop=END"])
    assert params == Params(seed=7, stop=("a=b", "END"), temperature=0.0)


def test_no_options_leave_everything_to_the_model() -> None:
    assert parse_options([]) == Params()
    assert Params().as_dict() == {}


def test_an_option_without_a_value_says_how_to_write_one() -> None:
    with pytest.raises(ConfigError, match="the option 'seed' has no value") as caught:
        parse_options(["seed"])
    assert "KEY=VALUE" in caught.value.hint


@given(params_values(), params_values())
def test_what_was_said_wins_over_defaults_and_the_rest_comes_from_them(
    said: dict[str, Any], defaults: dict[str, Any]
) -> None:
    both = Params.parse(said).over(Params.parse(defaults))
    expected = Params.parse(defaults).as_dict() | Params.parse(said).as_dict()
    assert both.as_dict() == expected


@given(params_values())
def test_parameters_survive_json(values: dict[str, Any]) -> None:
    params = Params.parse(values)
    assert Params.parse(json.loads(json.dumps(params.as_dict()))) == params


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(NAMES) | st.text(), JSON_VALUES)
def test_whatever_is_given_it_is_used_or_refused_by_name(name: str, value: object) -> None:
    try:
        params = Params.parse({name: value})
    except ConfigError as error:
        assert name[:50] in error.message or repr(name)[1:30] in error.message
    else:
        json.dumps(params.as_dict(), allow_nan=False).encode()
