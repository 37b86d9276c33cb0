"""JSON Schema: read, short and long; checked as the reference implementation checks it."""

from __future__ import annotations

import json
import math
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatterm.errors import ConfigError, OutputError
from chatterm.schemas import Schema, parse_schema


@pytest.mark.parametrize(
    ("short", "properties"),
    [
        ("name", {"name": {"type": "string"}}),
        ("name, age int", {"name": {"type": "string"}, "age": {"type": "integer"}}),
        (
            "ok bool, share float, tags str[], bio: one sentence",
            {
                "ok": {"type": "boolean"},
                "share": {"type": "number"},
                "tags": {"type": "array", "items": {"type": "string"}},
                "bio": {"type": "string", "description": "one sentence"},
            },
        ),
        (
            "name: who, in full\nage int: in years",
            {
                "name": {"type": "string", "description": "who, in full"},
                "age": {"type": "integer", "description": "in years"},
            },
        ),
    ],
)
def test_the_short_form_names_fields_that_are_all_required(
    short: str, properties: dict[str, Any]
) -> None:
    assert parse_schema(short).root == {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a int int",
        "a integr",
        "person.jsn",
        "[1, 2]",
        "{",
        '{"type": "strin"}',
        '{"properties": []}',
        '{"properties": {"a": 1}}',
        '{"anyOf": []}',
        '{"pattern": "("}',
        '{"minLength": -1}',
        '{"maximum": NaN}',
        '{"if": {}}',
        '{"items": {"contains": {}}}',
        '{"$ref": "other.json"}',
        '{"$ref": "#/$defs/a"}',
        '{"title": "x", "$ref": "#/title"}',
    ],
)
def test_a_schema_that_cannot_be_checked_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_schema(text)


@pytest.mark.parametrize(
    ("schema", "answer", "said"),
    [
        ("name, age int", '{"name": "x", "age": "y"}', ".age must be integer"),
        ("name, age int", '{"name": "x"}', "it lacks age"),
        ("name", '{"name": "x", "more": 1}', ".more must not be there"),
        ("tags str[]", '{"tags": ["a", 1]}', ".tags[1] must be string"),
        ("name", '{"name": "x"', "not JSON"),
        ("name", 'Here it is: {"name": "x"}', "not JSON"),
        ("share float", '{"share": NaN}', "not JSON"),
        ('{"enum": ["a", "b"]}', '"c"', 'it must be one of ["a", "b"]'),
        ('{"minimum": 3}', "2", "it must be at least 3"),
        ('{"maxItems": 1}', "[1, 2]", "it must have at most 1 items"),
    ],
)
def test_a_miss_says_where_and_what(schema: str, answer: str, said: str) -> None:
    with pytest.raises(OutputError) as caught:
        parse_schema(schema).check(answer)
    assert said in caught.value.message


def test_a_schema_may_refer_to_itself() -> None:
    tree = parse_schema('{"properties": {"below": {"items": {"$ref": "#"}}}, "required": ["n"]}')
    tree.check('{"n": 1, "below": [{"n": 2, "below": []}]}')
    with pytest.raises(OutputError, match=r"\.below\[0\] lacks n"):
        tree.check('{"n": 1, "below": [{}]}')
    with pytest.raises(ConfigError, match="without end"):
        parse_schema('{"$ref": "#"}').check("1")


NAMES = st.sampled_from(["a", "b", "ab", "c d"])
NUMBERS = st.integers(-3, 3) | st.sampled_from([0.5, 1.0, 2.5])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.sampled_from(["", "a", "ab", "grün"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
TYPES = st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null"])
COUNTS = st.integers(0, 3)


def keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    some = st.lists(inner, min_size=1, max_size=2)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES | st.lists(TYPES, min_size=1, max_size=2, unique=True),
            "enum": st.lists(VALUES, min_size=1, max_size=3),
            "const": VALUES,
            "required": st.lists(NAMES, unique=True, max_size=2),
            "properties": st.dictionaries(NAMES, inner, max_size=2),
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "b$"]), inner, max_size=2),
            "additionalProperties": inner,
            "items": inner,
            "prefixItems": some,
            "uniqueItems": st.booleans(),
            **{f"min{what}": COUNTS for what in ("Items", "Length", "Properties")},
            **{f"max{what}": COUNTS for what in ("Items", "Length", "Properties")},
            "pattern": st.sampled_from(["^a", "b$", "."]),
            **dict.fromkeys(
                ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), NUMBERS
            ),
            "multipleOf": st.sampled_from([1, 2, 0.5]),
            **dict.fromkeys(("anyOf", "oneOf", "allOf"), some),
            "not": inner,
            "description": st.just("no matter"),
            "x-own": st.just(1),
        },
    )


SCHEMAS = st.recursive(st.booleans() | keywords(st.booleans()), keywords, max_leaves=6)


@settings(max_examples=400, deadline=None)
@given(SCHEMAS.filter(lambda schema: isinstance(schema, dict)), VALUES)
def test_the_reference_implementation_agrees(schema: dict[str, Any], value: Any) -> None:
    parsed = parse_schema(json.dumps(schema))
    fits = jsonschema.Draft202012Validator(schema).is_valid(value)
    assert _fits(parsed, json.dumps(value)) == fits


def _fits(schema: Schema, answer: str) -> bool:
    try:
        schema.check(answer)
    except OutputError:
        return False
    return True


def test_huge_numbers_do_no_harm() -> None:
    schema = parse_schema('{"multipleOf": 0.1, "maximum": 1e308}')
    assert not _fits(schema, "1" + "0" * 400)
    assert math.isinf(float("1e999"))
    assert not _fits(schema, "1e999")
