"""Values checked by type hints: every kind of field a setting may have."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from chatterm.errors import ConfigError
from chatterm.hints import nearest, shown
from chatterm.tables import at_least, build, checked_table, checked_value, hints_of, value_of_text


@dataclass(frozen=True, slots=True)
class Sample:
    """One field of each kind."""

    text: str
    word: Literal["a", "b"] = "a"
    only: Literal["x"] = "x"
    flag: bool = False
    count: int = 0
    share: float = at_least(0, 0.5)
    maybe: int | None = None
    texts: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("text", "", ""),
        ("word", "b", "b"),
        ("flag", True, True),
        ("count", -(2**63), -(2**63)),
        ("share", 1, 1.0),
        ("maybe", 3, 3),
        ("texts", ["a", ""], ("a", "")),
    ],
)
def test_a_value_of_the_right_type_is_taken(name: str, value: object, expected: object) -> None:
    checked = checked_table(Sample, {name: value}, "here")[name]
    assert checked == expected
    assert type(checked) is type(expected)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("text", 1, "here: text must be text, not 1"),
        ("text", "\ud800", "here: text must be text"),
        ("word", "c", "here: word must be a or b, not 'c'"),
        ("only", "y", "here: only must be x, not 'y'"),
        ("flag", 1, "here: flag must be true or false, not 1"),
        ("flag", "true", "here: flag must be true or false, not 'true'"),
        ("count", True, "here: count must be a whole number, not true"),
        ("count", 1.0, "here: count must be a whole number, not 1.0"),
        ("count", 2**64, "here: count must be a whole number of at most 64 bits, not 18"),
        ("share", math.nan, "here: share must be a number, not nan"),
        ("share", -0.1, "here: share must be at least 0, not -0.1"),
        ("maybe", "3", "here: maybe must be a whole number, not '3'"),
        ("texts", "a", "here: texts must be a list of texts, not 'a'"),
        ("texts", [1], "here: texts must be a list of texts, not a list"),
    ],
)
def test_a_value_of_another_type_is_named_with_its_place(
    name: str, value: object, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        checked_table(Sample, {name: value}, "here")
    assert caught.value.message.startswith(said)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("text", "1", "1"),
        ("word", "b", "b"),
        ("flag", "ON", True),
        ("flag", "0", False),
        ("count", "-3", -3),
        ("share", "0.25", 0.25),
        ("share", "2", 2.0),
        ("maybe", "3", 3),
        ("texts", "a,b", ("a,b",)),
    ],
)
def test_a_text_means_the_value_it_spells(name: str, text: str, expected: object) -> None:
    hint = hints_of(Sample)[name]
    assert checked_value(hint, value_of_text(hint, text), name) == expected


@pytest.mark.parametrize(
    ("name", "text"), [("flag", "perhaps"), ("count", "1.5"), ("share", "half"), ("maybe", "")]
)
def test_a_text_that_spells_no_such_value_is_refused(name: str, text: str) -> None:
    hint = hints_of(Sample)[name]
    with pytest.raises(ConfigError, match=f"{name} must be .*, not '{text}'"):
        checked_value(hint, value_of_text(hint, text), name)


def test_a_required_key_that_is_missing_is_named() -> None:
    assert build(Sample, {"text": "t", "count": 2}, "here") == Sample("t", count=2)
    with pytest.raises(ConfigError, match="here lacks the key text"):
        build(Sample, {"count": 2}, "here")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("tempratur", "did you mean params.temperature?"),
        ("params.temperatur", "did you mean params.temperature?"),
        ("MODEL", "did you mean model?"),
        ("zzz", "known: model, params.temperature, output.Color"),
    ],
)
def test_the_nearest_name_is_found_by_its_last_part_as_well(name: str, hint: str) -> None:
    assert nearest(name, ["model", "params.temperature", "output.Color"]) == hint


def test_where_nothing_is_near_another_hint_may_be_given() -> None:
    assert nearest("zzz", ["model"], otherwise="look it up") == "look it up"
    assert nearest("zzz", ["model"], otherwise="") == ""


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("a" * 100, repr("a" * 60 + "…")),
        ("\x1b[31m", "'\\x1b[31m'"),
        (True, "true"),
        (-5, "-5"),
        (16**5000, "a number of more than 30 digits"),
        (math.inf, "inf"),
        ({"a": 1}, "a table"),
        ([1], "a list"),
        (datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), "a date or a time"),
        (datetime.time(1), "a date or a time"),
        (None, "a value of type NoneType"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_is_shown_in_brief(value: Any, said: str) -> None:
    assert shown(value) == said
