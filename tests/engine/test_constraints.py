"""What an answer is held to, followed by random weights that know nothing of it."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from chatterm.engine.client import EngineBackend
from chatterm.engine.hosts import running, stop
from chatterm.errors import ConfigError
from chatterm.events import Event, ReasoningDelta, TextDelta, ToolCalled
from chatterm.messages import Request, Stop, Tool, ToolCall
from chatterm.params import Params
from tests.contract import suite
from tests.engines import Engine
from tests.ggufs import CHATML, make_gguf

Engines = Callable[..., Engine]

WEATHER = Tool(
    "weather",
    "Tell the weather",
    json.dumps(
        {
            "type": "object",
            "properties": {"place": {"$ref": "#/$defs/place"}, "days": {"enum": [1, 2, 3]}},
            "required": ["place", "days"],
            "additionalProperties": False,
            "$defs": {"place": {"enum": ["sea", "harbour"]}},
        }
    ),
)
CLOCK = Tool("clock", "Tell the time", '{"type": "object", "properties": {}}')
OFFER = "{%- for tool in tools -%}{{ tool | tojson }}{%- endfor -%}"
MARKS = {
    "hermes": "<tool_call></tool_call>",
    "mistral": "[TOOL_CALLS]",
    "llama": '<|python_tag|>"parameters"',
    "command": "<|START_ACTION|><|END_ACTION|>",
    "gemma": "<|tool_call>call:<tool_call|>",
    "deepseek": "<｜tool▁calls▁begin｜><｜tool▁calls▁end｜>",
    "gpt-oss": "<|channel|>commentary<|message|>",
}


def template(marks: str, opening: str = "") -> str:
    return f"{{%- if tools -%}}{OFFER}{{{{ '{marks}' }}}}{{%- endif -%}}{CHATML}{opening}"


def asked(*tools: Tool, must_call: tuple[str, ...] = (), **params: object) -> Request:
    said = Params.parse({"temperature": 1.0, "seed": 3, "max_tokens": 300, **params})
    return replace(
        suite.request("tiny", "What now?", params=said), tools=tools, must_call=must_call
    )


async def answered(engine: Engines, path: Path, request: Request) -> list[Event]:
    one = engine(path, isolated=False)
    events = await suite.collect(one.backend(), request)
    await stop(one.home, one.key)
    return events


def calls_of(events: list[Event]) -> list[ToolCall]:
    return [event.call for event in events if isinstance(event, ToolCalled)]


@pytest.mark.parametrize("marks", MARKS.values(), ids=MARKS)
async def test_a_model_that_must_call_calls_as_it_was_taught(
    engine: Engines, tmp_path: Path, marks: str
) -> None:
    path = make_gguf(tmp_path / "calls.gguf", chat_template=template(marks))
    events = await answered(engine, path, asked(WEATHER, CLOCK, must_call=("weather",)))
    (call,) = calls_of(events)
    said = json.loads(call.arguments)
    assert call.name == "weather"
    assert said["place"] in ("sea", "harbour")
    assert said["days"] in (1, 2, 3)
    assert suite.text_of(events).strip() == ""
    assert getattr(events[-1], "stop", None) is Stop.TOOL


async def test_any_of_the_tools_may_be_the_one_that_is_called(
    engine: Engines, tmp_path: Path
) -> None:
    path = make_gguf(tmp_path / "calls.gguf", chat_template=template(MARKS["hermes"]))
    one = engine(path, isolated=False)
    names = set()
    for seed in range(12):
        request = asked(WEATHER, CLOCK, must_call=("weather", "clock"), seed=seed)
        (call,) = calls_of(await suite.collect(one.backend(), request))
        names.add(call.name)
    assert names == {"weather", "clock"}
    await stop(one.home, one.key)


async def test_with_a_schema_and_tools_an_answer_is_one_or_the_other(
    engine: Engines, tmp_path: Path
) -> None:
    path = make_gguf(tmp_path / "calls.gguf", chat_template=template(MARKS["hermes"]))
    one = engine(path, isolated=False)
    kinds = set()
    for seed in range(12):
        schema = json.dumps({"type": "object", "properties": {"ok": {"type": "boolean"}}})
        events = await suite.collect(one.backend(), asked(CLOCK, schema=schema, seed=seed))
        if calls_of(events):
            kinds.add("call")
        else:
            kinds.add("text")
            assert set(json.loads(suite.text_of(events))) <= {"ok"}
    assert kinds == {"call", "text"}
    await stop(one.home, one.key)


async def test_a_model_that_thinks_is_held_to_a_schema_behind_its_thoughts(
    engine: Engines, tmp_path: Path
) -> None:
    opening = "{%- if add_generation_prompt -%}{{- '<think>\\n' -}}{%- endif -%}"
    path = make_gguf(tmp_path / "thinks.gguf", chat_template=CHATML + opening)
    schema = json.dumps({"enum": ["red", "green"]})
    one = engine(path, isolated=False)
    for seed in range(40):
        request = asked(schema=schema, seed=seed, temperature=3.0, top_p=1.0, top_k=0, min_p=0.0)
        events = await suite.collect(one.backend(), request)
        assert [event for event in events if isinstance(event, ReasoningDelta)]
        texts = [event.text for event in events if isinstance(event, TextDelta)]
        if texts:
            assert json.loads("".join(texts)) in ("red", "green")
    await stop(one.home, one.key)


async def test_text_in_a_schema_never_breaks_the_json(engine: Engines, tmp_path: Path) -> None:
    path = make_gguf(tmp_path / "breaks.gguf", bias={"Ċ": 1.0})
    schema = json.dumps({"type": "object", "properties": {"a": {"type": "string"}}})
    schema = schema.replace("}}}", '}}, "required": ["a"]}')
    one = engine(path, isolated=False)
    for seed in range(8):
        events = await suite.collect(one.backend(), asked(schema=schema, seed=seed, max_tokens=60))
        assert "\n" not in suite.text_of(events)
    await stop(one.home, one.key)


async def test_what_a_grammar_cannot_spell_out_is_left_to_a_later_check_or_refused(
    engine: Engines, tmp_path: Path
) -> None:
    one = engine(make_gguf(tmp_path / "m.gguf"), isolated=False)
    loose = json.dumps({"type": "array", "items": {"enum": [1]}, "maxItems": 10**9})
    events = await suite.collect(one.backend(), asked(schema=loose, max_tokens=40))
    assert suite.text_of(events).startswith("[")
    strict = json.dumps({"type": "string", "minLength": 10**9})
    with pytest.raises(ConfigError, match="minLength 1000000000"):
        await suite.collect(one.backend(), asked(schema=strict))
    pattern = json.dumps({"type": "string", "pattern": "^(a{999}){99999}$"})
    with pytest.raises(ConfigError, match="at most 1000 repetitions"):
        await suite.collect(one.backend(), asked(schema=pattern))
    await stop(one.home, one.key)


@pytest.mark.parametrize(
    "grammar",
    [
        "root ::= " + "(" * 60_000 + '"a"' + ")" * 60_000,
        'root ::= "a"{1,99999999}',
        'root ::= root "a"',
        "root ::= missing",
        "root ::= [a",
        'root ::= "' + "\\" * 9,
    ],
    ids=["deep", "many", "left", "missing", "open", "escaped"],
)
async def test_a_grammar_that_cannot_be_harms_nobody(
    engine: Engines, tmp_path: Path, grammar: str
) -> None:
    one = engine(make_gguf(tmp_path / "m.gguf"))
    assert suite.text_of(await suite.collect(one.backend(), asked(max_tokens=4)))
    before = [host["pid"] for host in await running(one.home)]
    with pytest.raises(ConfigError):
        await suite.collect(one.backend(), asked(grammar=grammar))
    assert suite.text_of(await suite.collect(one.backend(), asked(max_tokens=4)))
    assert [host["pid"] for host in await running(one.home)] == before


@pytest.mark.parametrize(
    ("schema", "answer"),
    [
        ({"$ref": "#/$defs/a", "$defs": {"a": {"enum": ["x"]}}}, '"x"'),
        (
            {
                "type": "object",
                "properties": {
                    "end": {"const": 1},
                    "next": {"anyOf": [{"const": 2}, {"$ref": "#"}]},
                },
                "required": ["end", "next"],
                "additionalProperties": False,
            },
            r'(\{ ?"end" ?: ?1, ?"next" ?: ?)+(2 ?)?(\} ?)*',
        ),
        ({"enum": ['a"b', "c\\d", "e\nf", "é"]}, r'"(a\\"b|c\\\\d|e\\nf|é)"'),
        ({"type": "string", "pattern": r"^\d{3}-[\w.]{2}\s$"}, r'"\d{3}-[\w.]{2}\s"'),
        (
            {
                "type": "object",
                "properties": {'a"\\': {"$ref": "#/$defs/x/y"}, "b": {"$ref": "#/$defs/z/y"}},
                "required": ['a"\\', "b"],
                "additionalProperties": False,
                "$defs": {"x": {"y": {"const": 1}}, "z": {"y": {"const": 2}}},
            },
            r'\{ ?"a\\"\\\\" ?: ?1, ?"b" ?: ?2\}',
        ),
    ],
    ids=["root", "itself", "signs", "kinds", "names"],
)
async def test_schemas_of_every_kind_are_followed(
    backend: EngineBackend, schema: dict[str, object], answer: str
) -> None:
    request = asked(schema=json.dumps(schema), max_tokens=60)
    said = suite.text_of(await suite.collect(backend, request))
    assert re.fullmatch(answer, said.strip(), re.ASCII), said


@pytest.fixture
async def backend(engine: Engines, tmp_path: Path) -> AsyncIterator[EngineBackend]:
    one = engine(make_gguf(tmp_path / "m.gguf"), isolated=False)
    yield one.backend()
    await stop(one.home, one.key)
