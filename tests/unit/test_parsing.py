"""The parser of answers: what each format gives, however the text is cut, and at what cost."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chatterm.events import ReasoningDelta, Replaced, TextDelta, ToolCalled
from chatterm.messages import Tool
from chatterm.parsing import (
    AnswerFormat,
    AnswerParser,
    Parsed,
    Start,
    StopStrings,
    TextDecoder,
    detect_format,
)
from chatterm.parsing.text import Watch

TEMPLATES = Path(__file__).parent / "data" / "templates"
BAR = "\uff5c"

WEATHER = Tool(
    "weather",
    "Tells the weather.",
    json.dumps(
        {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer"},
                "exact": {"type": ["boolean", "null"]},
                "tags": {"anyOf": [{"type": "array"}, {"type": "null"}]},
            },
        }
    ),
)
PYTHON = Tool("python", "Runs Python.", '{"type": "object", "properties": {"code": {}}}')
TOOLS = (WEATHER, PYTHON)

CALL_TOKENS = {
    "llama3.1": ["<|python_tag|>", "<|eom_id|>"],
    "lfm2": ["<|tool_call_start|>", "<|tool_call_end|>"],
    "phi4-mini": ["<|tool_call|>", "<|/tool_call|>"],
    "hermes3": ["<|im_start|>"],
}


class Answer(NamedTuple):
    """What an answer comes to."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[tuple[str, object], ...] = ()


def format_of(name: str) -> AnswerFormat:
    template = (TEMPLATES / f"{name}.jinja").read_text() if name else ""
    return detect_format(template, CALL_TOKENS.get(name, []))


def parser(
    name: str, *, tools: Iterable[Tool] = TOOLS, start: Start = Start.ANSWER
) -> AnswerParser:
    ids = map("call-{}".format, itertools.count())
    return AnswerParser(format_of(name), start=start, tools=tools, new_id=ids.__next__)


def events(reader: AnswerParser, pieces: Iterable[str]) -> Iterator[Parsed]:
    for piece in pieces:
        yield from reader.feed(piece)
    yield from reader.finish()


def joined(parsed: Iterable[Parsed]) -> Answer:
    text, reasoning, calls = "", "", []
    for event in parsed:
        match event:
            case TextDelta(text=more):
                assert more
                text += more
            case Replaced(text=text):
                pass
            case ReasoningDelta(text=more):
                assert more
                reasoning += more
            case ToolCalled(call=call):
                calls.append((call.name, json.loads(call.arguments)))
    return Answer(text, reasoning, tuple(calls))


@dataclass(frozen=True)
class Case:
    """An answer of a model of some format, and what it comes to."""

    format: str
    output: str
    answer: Answer
    start: Start = Start.ANSWER
    tools: tuple[Tool, ...] = TOOLS


PARIS = ("weather", {"city": "Paris"})
OSLO = ("weather", {"city": "Oslo", "days": 2})
PLAIN = "Hello, world!\n\nWhat's up? 1 < 2 [ok] {x} <b>"
R1_CALL = (
    f"<{BAR}tool▁call▁begin{BAR}>function<{BAR}tool▁sep{BAR}>weather\n"
    f'```json\n{{"city": "Paris"}}\n```<{BAR}tool▁call▁end{BAR}>'
)
V31_CALL = (
    f"<{BAR}tool▁call▁begin{BAR}>weather<{BAR}tool▁sep{BAR}>"
    f'{{"city": "Oslo", "days": 2}}<{BAR}tool▁call▁end{BAR}>'
)
SECTION = (f"<{BAR}tool▁calls▁begin{BAR}>", f"<{BAR}tool▁calls▁end{BAR}>")
ANALYSIS = "<|channel|>analysis<|message|>"
FINAL = "<|start|>assistant<|channel|>final<|message|>"
XML = "<function=weather>\n<parameter=city>\n{}\n</parameter>\n</function>"
QUOTE = '<|"|>'

CASES = {
    # -- reasoning
    "think": Case("qwen3", "<think>\nHm.\n</think>\n\nYes.", Answer("Yes.", "Hm.")),
    "think on its own": Case("qwen3", "<think>\n\n</think>\n\nYes.", Answer("Yes.")),
    "think opened by the prompt": Case(
        "deepseek-r1", "\nHm.\n</think>\n\nYes.", Answer("Yes.", "Hm."), Start.REASONING
    ),
    "think opened twice": Case(
        "deepseek-r1", "<think>\nHm.\n</think>\nYes.", Answer("Yes.", "Hm."), Start.REASONING
    ),
    "think never closed": Case("smollm3", "<think>Hm. ", Answer("", "Hm. ")),
    "think after white space": Case("qwen3", "\n<think>Hm.</think>Yes.", Answer("Yes.", "Hm.")),
    "closing tag that nothing opened": Case(
        "deepseek-r1", "Hm, so 4.</think>\n\n4.", Answer("4.", "Hm, so 4.")
    ),
    "closing tag at the beginning": Case("qwen3", "</think>\n\nYes.", Answer("Yes.")),
    "tags that are spoken of": Case(
        "qwen3",
        "The tag `</think>` ends what <think> begins.",
        Answer("The tag `</think>` ends what <think> begins."),
    ),
    "tags spoken of after reasoning": Case(
        "qwen3",
        "<think>a</think>It ends with\n</think>, see <think>.",
        Answer("It ends with\n</think>, see <think>.", "a"),
    ),
    "think without a word in the template": Case(
        "chatml", "<think>Hm.</think>Yes.", Answer("Yes.", "Hm.")
    ),
    "magistral": Case("magistral", "[THINK]Hm [x].[/THINK]Yes [y].", Answer("Yes [y].", "Hm [x].")),
    "granite": Case(
        "granite3", "<think>Hm.</think><response>Yes.</response>", Answer("Yes.", "Hm.")
    ),
    "granite without reasoning": Case("granite3", "<response>Yes.</response>", Answer("Yes.")),
    "command": Case(
        "command-r7b",
        "<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>Yes.<|END_RESPONSE|>",
        Answer("Yes.", "Hm."),
    ),
    "gemma 4": Case(
        "gemma4", "<|channel>thought\nHm.\n<channel|>Yes.<channel|>", Answer("Yes.", "Hm.")
    ),
    "gemma 4, empty at the end": Case(
        "gemma4", "Yes.<|channel>thought\n<channel|>", Answer("Yes.")
    ),
    # -- tool calls
    "hermes": Case(
        "hermes3",
        '<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call>',
        Answer(calls=(PARIS,)),
    ),
    "hermes, twice, after text": Case(
        "qwen2.5",
        'Let me see.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n'
        '</tool_call>\n<tool_call>\n{"arguments": {"city": "Oslo", "days": 2}, "name": "weather"}'
        "\n</tool_call>",
        Answer("Let me see.", calls=(PARIS, OSLO)),
    ),
    "hermes, two in one": Case(
        "smollm3",
        '<tool_call>{"name": "weather", "arguments": {"city": "Paris"}}\n'
        '{"name": "weather", "arguments": {"city": "Oslo", "days": 2}}</tool_call>',
        Answer(calls=(PARIS, OSLO)),
    ),
    "hermes, a list": Case(
        "smollm2",
        '<tool_call>[{"name": "weather", "arguments": {"city": "Paris"}}, '
        '{"name": "weather", "arguments": {"city": "Oslo", "days": 2}}]</tool_call>',
        Answer(calls=(PARIS, OSLO)),
    ),
    "hermes, never closed": Case(
        "granite4",
        '<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}',
        Answer(calls=(PARIS,)),
    ),
    "hermes, tag inside a string": Case(
        "qwen3",
        '<tool_call>{"name": "python", "arguments": {"code": "\\"</tool_call>\\" {["}}</tool_call>',
        Answer(calls=(("python", {"code": '"</tool_call>" {['}),)),
    ),
    "hermes, raw line break in a string": Case(
        "qwen3",
        '<tool_call>{"name": "python", "arguments": {"code": "a\nb"}}</tool_call>',
        Answer(calls=(("python", {"code": "a\nb"}),)),
    ),
    "hermes, arguments as a string": Case(
        "qwen3",
        '<tool_call>{"name": "weather", "arguments": "{\\"city\\": \\"Paris\\"}"}</tool_call>',
        Answer(calls=(PARIS,)),
    ),
    "hermes, no arguments": Case(
        "qwen3", '<tool_call>{"name": "python"}</tool_call>', Answer(calls=(("python", {}),))
    ),
    "hermes, openai shape": Case(
        "qwen3",
        '<tool_call>{"type": "function", "function": {"name": "weather", "arguments":'
        ' {"city": "Paris"}}}</tool_call>',
        Answer(calls=(PARIS,)),
    ),
    "hermes, reasoning first": Case(
        "qwen3",
        '<think>\nHm.\n</think>\n\n<tool_call>\n{"name": "weather", "arguments":'
        ' {"city": "Paris"}}\n</tool_call>\n',
        Answer("", "Hm.", (PARIS,)),
    ),
    "hermes, text after": Case(
        "qwen3",
        '<tool_call>{"name": "weather", "arguments": {"city": "Paris"}}</tool_call>\nDone.',
        Answer("Done.", calls=(PARIS,)),
    ),
    "qwen coder": Case(
        "qwen3-coder",
        "I look.\n\n<tool_call>\n<function=weather>\n<parameter=city>\nParis\n</parameter>\n"
        "<parameter=days>\n2\n</parameter>\n<parameter=exact>\ntrue\n</parameter>\n"
        '<parameter=tags>\n["a"]\n</parameter>\n</function>\n</tool_call>',
        Answer(
            "I look.",
            calls=(("weather", {"city": "Paris", "days": 2, "exact": True, "tags": ["a"]}),),
        ),
    ),
    "qwen coder, markup in an argument": Case(
        "qwen3-coder",
        "<tool_call>\n" + XML.format("<a>\n</tool_call>\n</parameter>x\n42") + "\n</tool_call>",
        Answer(calls=(("weather", {"city": "<a>\n</tool_call>\n</parameter>x\n42"}),)),
    ),
    "qwen coder without the outer tag": Case(
        "qwen3-coder", XML.format("Paris"), Answer(calls=(PARIS,))
    ),
    "llama with a function tag": Case(
        "llama3.1", '<function=weather>{"city": "Paris"}</function>', Answer(calls=(PARIS,))
    ),
    "glm": Case(
        "glm4",
        "\n<think>Hm.</think>\n<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>Oslo"
        "</arg_value>\n<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n</tool_call>",
        Answer("", "Hm.", (OSLO,)),
    ),
    "llama, bare": Case(
        "llama3.1",
        '{"name": "weather", "parameters": {"city": "Paris"}}',
        Answer(calls=(PARIS,)),
    ),
    "llama, several bare": Case(
        "llama3.1",
        '{"name": "weather", "parameters": {"city": "Paris"}}; '
        '{"type": "function", "name": "weather", "parameters": {"city": "Oslo", "days": 2}}',
        Answer(calls=(PARIS, OSLO)),
    ),
    "llama, python tag": Case(
        "llama3.1",
        '<|python_tag|>{"name": "weather", "parameters": {"city": "Paris"}}',
        Answer(calls=(PARIS,)),
    ),
    "llama, built-in notation": Case(
        "llama3.1", '<|python_tag|>weather.call(city="Paris")', Answer(calls=(PARIS,))
    ),
    "llama, a program": Case(
        "llama3.1",
        "<|python_tag|>for i in range(3):\n    print(i)",
        Answer(calls=(("python", {"code": "for i in range(3):\n    print(i)"}),)),
    ),
    "llama, json that is no call": Case(
        "llama3.1", '{"colour": "red"}', Answer('{"colour": "red"}')
    ),
    "llama, json of an unknown function": Case(
        "llama3.1",
        ' {"name": "Ada", "parameters": {}} ok',
        Answer(' {"name": "Ada", "parameters": {}} ok'),
    ),
    "mistral list": Case(
        "mistral-v3",
        '[TOOL_CALLS] [{"name": "weather", "arguments": {"city": "Paris"}, "id": "abcdefghi"}, '
        '{"name": "weather", "arguments": {"city": "Oslo", "days": 2}, "id": "abcdefghj"}]',
        Answer(calls=(PARIS, OSLO)),
    ),
    "mistral named": Case(
        "mistral-v7",
        '[TOOL_CALLS]weather[ARGS]{"city": "Paris"}'
        '[TOOL_CALLS]weather[CALL_ID]000000001[ARGS]{"city": "Oslo", "days": 2}',
        Answer(calls=(PARIS, OSLO)),
    ),
    "mistral named, without the separator": Case(
        "magistral",
        '[THINK]Hm.[/THINK][TOOL_CALLS]weather{"city": "Paris"}',
        Answer("", "Hm.", (PARIS,)),
    ),
    "deepseek r1": Case(
        "deepseek-r1",
        f"Hm.\n</think>\n\n{SECTION[0]}{R1_CALL}\n{R1_CALL}{SECTION[1]}",
        Answer("", "Hm.", (PARIS, PARIS)),
        Start.REASONING,
    ),
    "deepseek v3.1": Case(
        "deepseek-r1",
        f"Look.{SECTION[0]}{V31_CALL}{SECTION[1]}",
        Answer("Look.", calls=(OSLO,)),
    ),
    "gemma 4 call": Case(
        "gemma4",
        f"<|tool_call>call:weather{{city:{QUOTE}Oslo{QUOTE},days:2}}<tool_call|>"
        f"<|tool_call>call:python{{code:{QUOTE}a{{}},b:]{QUOTE},n:[1,-2.5e3,{{k:null}}],t:true}}"
        "<tool_call|>",
        Answer(
            calls=(
                OSLO,
                ("python", {"code": "a{},b:]", "n": [1, -2500.0, {"k": None}], "t": True}),
            )
        ),
    ),
    "granite call": Case(
        "granite3",
        '<|tool_call|>[{"name": "weather", "arguments": {"city": "Paris"}}]',
        Answer(calls=(PARIS,)),
    ),
    "phi call": Case(
        "phi4-mini",
        '<|tool_call|>[{"name": "weather", "arguments": {"city": "Paris"}}]<|/tool_call|>',
        Answer(calls=(PARIS,)),
    ),
    "phi functools": Case(
        "phi4-mini",
        ' functools[{"name": "weather", "arguments": {"city": "Paris"}}]',
        Answer(calls=(PARIS,)),
    ),
    "functools spoken of": Case(
        "phi4-mini", "functools.cache and functools", Answer("functools.cache and functools")
    ),
    "command call": Case(
        "command-r7b",
        "<|START_THINKING|>Hm.<|END_THINKING|><|START_ACTION|>[\n"
        '    {"tool_call_id": "0", "tool_name": "weather", "parameters": {"city": "Paris"}}\n'
        "]<|END_ACTION|>",
        Answer("", "Hm.", (PARIS,)),
    ),
    "lfm2": Case(
        "lfm2",
        "<|tool_call_start|>[weather(city=\"Paris\"), weather(city='Oslo', days=2)]"
        "<|tool_call_end|>Wait.",
        Answer("Wait.", calls=(PARIS, OSLO)),
    ),
    "lfm2, all kinds of values": Case(
        "lfm2",
        "<|tool_call_start|>[python(a=-1.5, b=true, c=None, d=[1, 'x'], e={'k': (False,)})]"
        "<|tool_call_end|>",
        Answer(
            calls=(
                ("python", {"a": -1.5, "b": True, "c": None, "d": [1, "x"], "e": {"k": [False]}}),
            )
        ),
    ),
    "gemma 4, quoted keys and spaces": Case(
        "gemma4",
        f"<|tool_call>call:python{{ {QUOTE}a b{QUOTE} : [ 1 , [] ] , c:{{}} }}<tool_call|>",
        Answer(calls=(("python", {"a b": [1, []], "c": {}}),)),
    ),
    "hermes, name under function": Case(
        "qwen3",
        '<tool_call>{"function": "python", "arguments": null}</tool_call>',
        Answer(calls=(("python", {}),)),
    ),
    "hermes, a string of blanks": Case(
        "qwen3",
        '<tool_call>{"name": "python", "args": " "}</tool_call>',
        Answer(calls=(("python", {}),)),
    ),
    "qwen coder, an unknown function": Case(
        "qwen3-coder",
        "<tool_call><function=f><parameter=a>1</parameter><parameter=b>x</parameter></function>"
        "<function=g></function></tool_call>",
        Answer(calls=(("f", {"a": 1, "b": "x"}), ("g", {}))),
    ),
    "glm without arguments": Case(
        "glm4", "<tool_call>python</tool_call>", Answer(calls=(("python", {}),))
    ),
    # -- channels
    "harmony": Case(
        "gpt-oss", f"{ANALYSIS}Hm.<|end|>{FINAL}Yes <x>.<|return|>", Answer("Yes <x>.", "Hm.")
    ),
    "harmony, preamble": Case(
        "gpt-oss",
        f"<|channel|>commentary<|message|>Look.<|end|>{FINAL}Yes.",
        Answer("Look.\n\nYes."),
    ),
    "harmony, stray header": Case(
        "gpt-oss",
        f"<|channel|>commentary to=assistant{ANALYSIS}Hm.<|end|>{FINAL}Yes.",
        Answer("Yes.", "Hm."),
    ),
    "harmony call": Case(
        "gpt-oss",
        f"{ANALYSIS}Hm.<|end|><|start|>assistant<|channel|>commentary to=functions.weather"
        ' <|constrain|>json<|message|>{"city": "Paris"}<|call|>',
        Answer("", "Hm.", (PARIS,)),
    ),
    "harmony call by the role": Case(
        "gpt-oss",
        ' to=functions.weather<|channel|>analysis<|message|>{"city": "Paris"}',
        Answer(calls=(PARIS,)),
    ),
    "harmony structured": Case(
        "gpt-oss",
        '<|channel|>final <|constrain|>json<|message|>{"a": 1}',
        Answer('{"a": 1}'),
    ),
    "harmony call cut off": Case(
        "gpt-oss",
        '<|channel|>commentary to=functions.weather<|message|>{"city": "Par',
        Answer('<|channel|>commentary to=functions.weather<|message|>{"city": "Par'),
    ),
    "harmony to an unknown place": Case(
        "gpt-oss",
        "<|channel|>commentary to=browser.open<|message|>{}",
        Answer("<|channel|>commentary to=browser.open<|message|>{}"),
    ),
    "harmony, a grammar without headers": Case("gpt-oss", '{"a": 1}', Answer('{"a": 1}')),
    "harmony, cut off in a header": Case(
        "gpt-oss", f"{ANALYSIS}Hm.<|end|><|start|>assis", Answer("", "Hm.")
    ),
    "harmony, a header without end": Case(
        "gpt-oss",
        "<|channel|>" + "a" * 300 + f"{FINAL}Yes.",
        Answer("<|channel|>" + "a" * 300 + "\n\nYes."),
    ),
    # -- what is none
    "a call after much white space": Case(
        "qwen3",
        "<tool_call>" + " " * 300 + '{"name": "weather"}</tool_call>',
        Answer("<tool_call>" + " " * 300 + '{"name": "weather"}</tool_call>'),
    ),
    "a tag after much white space": Case(
        "qwen3", "\n" * 40 + "<think>Hm.", Answer("\n" * 40 + "<think>Hm.")
    ),
    "cut off": Case(
        "qwen3",
        'Look.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Par',
        Answer('Look.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Par'),
    ),
    "no json": Case(
        "qwen3",
        "<tool_call>{'name': 'weather'}</tool_call> Sorry.",
        Answer("<tool_call>{'name': 'weather'}</tool_call> Sorry."),
    ),
    "bracket missing": Case(
        "qwen3",
        '<tool_call>{"name": "weather", "arguments": {"city": "Paris"}</tool_call>\nSorry.',
        Answer('<tool_call>{"name": "weather", "arguments": {"city": "Paris"}</tool_call>\nSorry.'),
    ),
    "a false call before a true one": Case(
        "qwen3",
        '<tool_call>{"a"}</tool_call> <tool_call>{"name": "weather", "arguments":'
        ' {"city": "Paris"}}</tool_call>',
        Answer('<tool_call>{"a"}</tool_call>', calls=(PARIS,)),
    ),
    "tag spoken of": Case("qwen3", "Write <tool_call> first.", Answer("Write <tool_call> first.")),
    "no tools": Case(
        "qwen3",
        '<tool_call>{"name": "weather", "arguments": {"city": "Paris"}}</tool_call>',
        Answer('<tool_call>{"name": "weather", "arguments": {"city": "Paris"}}</tool_call>'),
        tools=(),
    ),
    "no tools, harmony": Case(
        "gpt-oss",
        "<|channel|>commentary to=functions.weather<|message|>{}",
        Answer("<|channel|>commentary to=functions.weather<|message|>{}"),
        tools=(),
    ),
    "no tools, mistral": Case(
        "mistral-v7",
        "[TOOL_CALLS]weather[ARGS]{}",
        Answer("[TOOL_CALLS]weather[ARGS]{}"),
        tools=(),
    ),
    "no tools, bare": Case(
        "llama3.1",
        '{"name": "weather", "parameters": {}}',
        Answer('{"name": "weather", "parameters": {}}'),
        tools=(),
    ),
    "not a number": Case(
        "qwen3",
        '<tool_call>{"name": "weather", "arguments": {"days": NaN}}</tool_call>',
        Answer('<tool_call>{"name": "weather", "arguments": {"days": NaN}}</tool_call>'),
    ),
    "gemma, nonsense": Case(
        "gemma4",
        "<|tool_call>call:weather{city:Paris}<tool_call|>",
        Answer("<|tool_call>call:weather{city:Paris}<tool_call|>"),
    ),
    "lfm2, a program": Case(
        "lfm2",
        '<|tool_call_start|>[f(__import__("os").name)]<|tool_call_end|>',
        Answer('<|tool_call_start|>[f(__import__("os").name)]<|tool_call_end|>'),
    ),
    "mistral, nonsense": Case(
        "mistral-v7", "[TOOL_CALLS] are\nnice {}", Answer("[TOOL_CALLS] are\nnice {}")
    ),
    "deepseek, half a section": Case(
        "deepseek-r1", f"{SECTION[0]}{R1_CALL[:-3]}", Answer(f"{SECTION[0]}{R1_CALL[:-3]}")
    ),
    # -- white space
    "spaces stay": Case("qwen3", "  a \n\n b  \n", Answer("  a \n\n b  \n")),
    "many spaces stay": Case(
        "qwen3", "\n" * 100 + "a" + " " * 100, Answer("\n" * 100 + "a" + " " * 100)
    ),
    "plain strips its beginning": Case("", "  Hello ", Answer("Hello ")),
    "continued": Case(
        "qwen3", " there\n<think> </think>", Answer(" there\n<think> </think>"), Start.TEXT
    ),
    "continued, in a wrap": Case("granite3", " there.</response>", Answer(" there."), Start.TEXT),
    "continued, harmony": Case("gpt-oss", " there.<|end|>", Answer(" there."), Start.TEXT),
}


@pytest.mark.parametrize("name", CASES)
def test_an_answer_comes_to_its_parts(name: str) -> None:
    case = CASES[name]
    reader = parser(case.format, tools=case.tools, start=case.start)
    assert joined(events(reader, [case.output])) == case.answer


@pytest.mark.parametrize("name", CASES)
def test_an_answer_can_be_cut_anywhere(name: str) -> None:
    case = CASES[name]
    cuts: list[list[str]] = [list(case.output)]
    cuts += ([case.output[:at], case.output[at:]] for at in range(1, len(case.output)))
    for pieces in cuts:
        reader = parser(case.format, tools=case.tools, start=case.start)
        assert joined(events(reader, pieces)) == case.answer, pieces


NO_CALLS = {
    "qwen3": [
        "<tool_call>[]</tool_call>",
        "<tool_call>{}</tool_call>",
        '<tool_call>{"name": 5}</tool_call>',
        '<tool_call>{"name": ""}</tool_call>',
        '<tool_call>{"name": "a b"}</tool_call>',
        '<tool_call>{"name": "python", "arguments": 5}</tool_call>',
        '<tool_call>{"name": "python", "arguments": "5"}</tool_call>',
        '<tool_call>{"name": "python", "arguments": "x"}</tool_call>',
        '<tool_call>{"name": "python",}</tool_call>',
        '<tool_call>{"name" "python"}</tool_call>',
        '<tool_call>{5: "python"}</tool_call>',
        '<tool_call>{"name": "python" "arguments": {}}</tool_call>',
        '<tool_call>[{"name": "python"}{"name": "python"}]</tool_call>',
        '<tool_call>["python"]</tool_call>',
        '<tool_call>{"type": "function", "function": 5}</tool_call>',
        "<tool_call>python</tool_call",
        "<tool_call>nothing</tool_call>",
        "<tool_call>two words</tool_call>",
        "<tool_call></tool_call>",
        "<tool_call>" + " " * 300 + "{",
        "<tool_call>python<arg_key>a</arg_key></tool_call>",
        "<tool_call><function=f></tool_call>",
        "<tool_call><function=f>{</function></tool_call>",
        "<function=f>",
        '<function=f>{"a": }</function>',
    ],
    "gemma4": [
        f"<|tool_call>{inside}<tool_call|>"
        for inside in [
            "weather{}",
            "call:weather",
            "call:weather{a:1}x",
            "call:weather{a}",
            "call:weather{a:}",
            "call:weather{a:1 b:2}",
            f"call:weather{{a:{QUOTE}x}}",
            "call:weather{a:[1}",
            "call:weather{a:1e999}",
            "call:weather{a:" + "[" * 100 + "]" * 100 + "}",
        ]
    ],
    "lfm2": [
        f"<|tool_call_start|>{inside}<|tool_call_end|>"
        for inside in [
            "",
            "5",
            "[5]",
            "[f(1)]",
            "[f(**x)]",
            "[f(a=b)]",
            "[f(a=b'x')]",
            "[f(a={1: 2})]",
            "[f(a={**x})]",
            "[f(",
            "[f(a=1e999)]",
            "[(lambda: 1)()]",
            "[f(a=" + "(" * 300 + ")" * 300 + ")]",
        ]
    ],
    "deepseek-r1": [
        SECTION[0] + SECTION[1],
        SECTION[0] + "x" + SECTION[1],
        SECTION[0] + R1_CALL.replace("}", "") + SECTION[1],
    ],
    "mistral-v7": [
        "[TOOL_CALLS]",
        "[TOOL_CALLS]a b[ARGS]{}",
        "[TOOL_CALLS]a[ARGS]{x}",
        "[TOOL_CALLS]" + "a" * 300 + "{}",
    ],
    "granite3": ["<|tool_call|>weather", "<|tool_call|> "],
    "llama3.1": [
        '{"name": "weather"',
        "{name}",
        "{}",
        '{"' + "a" * 300,
        "<|python_tag|>",
    ],
}


@pytest.mark.parametrize("name", NO_CALLS)
def test_what_is_no_whole_call_comes_back_as_text(name: str) -> None:
    for output in NO_CALLS[name]:
        assert joined(events(parser(name, tools=[WEATHER]), output)) == Answer(output), output


FORMATS = sorted(path.stem for path in TEMPLATES.glob("*.jinja"))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("tools", [(), TOOLS])
def test_plain_text_is_left_alone(name: str, tools: tuple[Tool, ...]) -> None:
    assert joined(events(parser(name, tools=tools), [PLAIN])) == Answer(PLAIN)


def scraps(name: str) -> st.SearchStrategy[str]:
    """Texts full of what a format's answers are made of, whole and broken."""
    whole = [case.output for case in CASES.values() if case.format == name]
    markers = sorted(format_of(name).markers)
    pieces = st.one_of(
        st.sampled_from(["{", "}", '"', "\\", "[", "]", " ", "\n", "a", "<", ";", "weather", "é"]),
        st.sampled_from(
            [
                '{"name": "weather", "arguments": {}}',
                '"name"',
                "[ARGS]",
                "x" * 40,
                " " * 40,
                "x" * 300,
            ]
        ),
        st.sampled_from([*markers, *whole, "</think>"]),
        st.text(max_size=5),
    )
    bits = st.builds(lambda text, end: text[:end], pieces, st.integers(1, 400))
    return st.lists(bits, max_size=8).map("".join)


@pytest.mark.parametrize("name", FORMATS)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_cut_of_any_text_gives_the_same(name: str, data: st.DataObject) -> None:
    text = data.draw(scraps(name))
    start = data.draw(st.sampled_from(Start))
    tools = data.draw(st.sampled_from([(), TOOLS]))
    whole = joined(events(parser(name, start=start, tools=tools), [text]))
    single = joined(events(parser(name, start=start, tools=tools), text))
    assert single == whole
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in itertools.pairwise([0, *cuts, len(text)])]
    assert joined(events(parser(name, start=start, tools=tools), pieces)) == whole


@given(st.text())
@settings(max_examples=50, deadline=None)
def test_without_markers_nothing_is_lost(text: str) -> None:
    assert joined(events(parser("qwen3", tools=()), text)).text == text.replace("</think>", "")


@pytest.mark.parametrize("tools", [(), TOOLS])
def test_text_without_a_marker_is_given_out_at_once(tools: tuple[Tool, ...]) -> None:
    reader = parser("qwen3", tools=tools)
    for piece in ["I", " am", " here", ".", " 5", "/", "7"]:
        assert reader.feed(piece) == [TextDelta(piece)]


def test_reasoning_is_given_out_at_once() -> None:
    reader = parser("qwen3", start=Start.REASONING)
    for piece in ["I", " think", "."]:
        assert reader.feed(piece) == [ReasoningDelta(piece)]


def test_only_what_may_become_a_marker_is_held_back() -> None:
    reader = parser("qwen3")
    assert reader.feed("a <to") == [TextDelta("a")]
    assert reader.feed("p>") == [TextDelta(" <top>")]
    assert reader.feed("a <") == [TextDelta("a")]
    assert reader.finish() == [TextDelta(" <")]


def test_a_call_comes_as_soon_as_it_is_whole() -> None:
    reader = parser("qwen3")
    assert reader.feed('<tool_call>{"name": "weather", "arguments": {') == []
    assert joined(reader.feed("}}")) == Answer(calls=(("weather", {}),))


def test_json_that_is_no_call_is_not_held_back() -> None:
    reader = parser("llama3.1")
    assert reader.feed('{"col') == []
    assert reader.feed('our": ') == [TextDelta('{"colour":')]


def test_arguments_stay_as_they_were_written() -> None:
    written = '{"city":"Par\\u0069s",   "days": 1.50}'
    output = f'<tool_call>{{"name": "weather", "arguments": {written}}}</tool_call>'
    (event,) = events(parser("qwen3"), [output])
    assert isinstance(event, ToolCalled)
    assert event.call.arguments == written


def test_every_call_has_an_id_of_its_own() -> None:
    called = list(events(parser("mistral-v3"), [CASES["mistral list"].output]))
    assert [event.call.id for event in called if isinstance(event, ToolCalled)] == [
        "call-0",
        "call-1",
    ]


def test_half_a_character_in_an_argument_is_still_json() -> None:
    output = '<tool_call>{"name": "python", "arguments": {"code": "\n\\ud83d"}}</tool_call>'
    (event,) = events(parser("qwen3"), [output])
    assert isinstance(event, ToolCalled)
    assert json.loads(event.call.arguments) == {"code": "\n\ud83d"}
    event.call.arguments.encode()


def test_after_many_false_calls_none_is_expected() -> None:
    text = "<tool_call>{x" * 20
    assert joined(events(parser("qwen3"), [text])) == Answer(text)


def test_deep_nesting_is_no_call() -> None:
    text = '<tool_call>{"name": "weather", "arguments": ' + "[" * 5000 + "]" * 5000 + "}"
    assert joined(events(parser("qwen3"), [text])) == Answer(text)


# -- cost ------------------------------------------------------------------------------------


def seconds(name: str, pieces: list[str], start: Start = Start.ANSWER) -> float:
    reader = parser(name, start=start)
    begin = time.thread_time()
    for piece in pieces:
        reader.feed(piece)
    reader.finish()
    return time.thread_time() - begin


LONG = {
    "words": ("qwen3", "", " word", Start.ANSWER),
    "reasoning": ("qwen3", "<think>", " word", Start.ANSWER),
    "white space": ("qwen3", "a", "\n", Start.ANSWER),
    "white space first": ("deepseek-r1", "", "\n", Start.REASONING),
    "less-than signs": ("qwen3", "", "<", Start.ANSWER),
    "an open call": (
        "qwen3",
        '<tool_call>{"name": "python", "arguments": {"code": "',
        "x ",
        Start.ANSWER,
    ),
    "an open tag": (
        "qwen3-coder",
        "<tool_call><function=python><parameter=code>",
        "x ",
        Start.ANSWER,
    ),
    "a channel": ("gpt-oss", FINAL, "<x", Start.ANSWER),
    "a channel's call": ("gpt-oss", " to=functions.python<|message|>", "x ", Start.ANSWER),
}


@pytest.mark.parametrize("name", LONG)
def test_long_answers_cost_the_same_for_each_piece(name: str) -> None:
    answer_format, head, piece, start = LONG[name]
    few = min(seconds(answer_format, [head, *[piece] * 2_000], start) for _ in range(3))
    many = min(seconds(answer_format, [head, *[piece] * 20_000], start) for _ in range(2))
    assert many < 10 * few * 3


def test_a_piece_of_plain_text_costs_microseconds() -> None:
    assert seconds("qwen3", [" word"] * 50_000) / 50_000 < 20e-6


# -- stop strings ----------------------------------------------------------------------------


def stopped(stops: Iterable[str], pieces: Iterable[str]) -> tuple[str, str | None]:
    matcher = StopStrings(stops)
    shown = ""
    for piece in pieces:
        more, hit = matcher.feed(piece)
        shown += more
        if hit is not None:
            return shown, hit
    return shown + matcher.finish(), matcher.hit


def expected_stop(stops: list[str], text: str) -> tuple[str, str | None]:
    found = [(text.find(stop), len(stop), stop) for stop in stops if stop in text]
    return (text[: min(found)[0]], min(found)[2]) if found else (text, None)


few_letters = st.text("ab<", max_size=30)


@given(
    st.lists(st.text("ab<", min_size=1, max_size=4), max_size=4),
    st.lists(few_letters, max_size=8),
)
@settings(max_examples=300, deadline=None)
@example(["abab", "ba"], ["a", "ba", "a"])
@example(["aab", "a"], ["a"])
def test_a_stop_string_ends_the_text_before_it(stops: list[str], pieces: list[str]) -> None:
    assert stopped(stops, pieces) == expected_stop(stops, "".join(pieces))


def test_only_the_beginning_of_a_stop_string_is_held_back() -> None:
    matcher = StopStrings(["\nUser:"])
    assert matcher.feed("Hello") == ("Hello", None)
    assert matcher.feed(" you\nUs") == (" you", None)
    assert matcher.feed("e it\n") == ("\nUse it", None)
    assert matcher.feed("User: x") == ("", "\nUser:")
    assert matcher.feed("more") == ("", "\nUser:")
    assert matcher.finish() == ""


def test_without_stop_strings_everything_passes() -> None:
    assert stopped([""], ["a", "", "b"]) == ("ab", None)


def test_stop_strings_cost_the_same_for_each_piece() -> None:
    def cost(count: int) -> float:
        matcher = StopStrings(["aaaaaaaab", "ab" * 20])
        begin = time.thread_time()
        for _ in range(count):
            matcher.feed("a")
        return time.thread_time() - begin

    assert min(cost(20_000) for _ in range(2)) < 30 * min(cost(2_000) for _ in range(3))


def test_a_watch_prefers_the_longer_string() -> None:
    watch = Watch(["<a", "<a>"])
    assert watch.search("x<a") == (1, "")
    assert watch.search("x<a>") == (1, "<a>")
    assert watch.search("x<ab") == (1, "<a")
    assert watch.search("x<a", final=True) == (1, "<a")


# -- bytes -----------------------------------------------------------------------------------


@given(st.binary(max_size=40), st.lists(st.integers(0, 40), max_size=6))
@settings(max_examples=200, deadline=None)
@example("é😀".encode(), [1, 3, 5])
def test_bytes_can_be_cut_inside_characters(data: bytes, cuts: list[int]) -> None:
    decoder = TextDecoder()
    ends = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    text = "".join(decoder.feed(data[a:b]) for a, b in itertools.pairwise(ends))
    assert text + decoder.finish() == data.decode("utf-8", "replace")


def test_half_a_character_waits_for_its_rest() -> None:
    decoder = TextDecoder()
    assert decoder.feed("é".encode()[:1]) == ""
    assert decoder.feed("é".encode()[1:]) == "é"
    assert decoder.feed(b"\xff") == "\ufffd"


# -- formats ---------------------------------------------------------------------------------


def test_a_model_without_a_template_has_no_markers() -> None:
    assert detect_format("", ["<s>"]).markers == frozenset()


def test_a_format_names_the_tokens_it_needs_to_see() -> None:
    assert {"<think>", "</think>", "<tool_call>"} <= format_of("qwen3").markers
    assert "<|message|>" in format_of("gpt-oss").markers
    assert "[TOOL_CALLS]" in format_of("mistral-v3").markers
