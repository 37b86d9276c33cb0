"""Chat templates: what they make of a chat, and what they cannot do to the engine."""

from __future__ import annotations

import functools
import itertools
import json
import re
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chatterm.engine.templates import ChatTemplate, Prompt, Segment
from chatterm.engine.templates.guard import SENTINEL, Guard
from chatterm.engine.templates.sandbox import Sandbox, TemplateFailure
from chatterm.errors import ModelError
from chatterm.events import ReasoningDelta, TextDelta, ToolCalled
from chatterm.messages import Message, Role, Tool, ToolCall
from chatterm.parsing import AnswerParser, Start

TEMPLATES = Path(__file__).parent / "data" / "templates"
NAMES = sorted(path.stem for path in TEMPLATES.glob("*.jinja"))
BAR = "\uff5c"
NOON = datetime(2026, 5, 17, 12).timestamp()
BOS = {"llama3.1": "<|begin_of_text|>", "gemma2": "<bos>", "gemma3": "<bos>", "gemma4": "<bos>"}
EOS = {"deepseek-r1": f"<{BAR}end▁of▁sentence{BAR}>"}
CALL_TOKENS = {
    "lfm2": ["<|tool_call_start|>", "<|tool_call_end|>"],
    "phi4-mini": ["<|tool_call|>", "<|/tool_call|>"],
}
TOKEN = re.compile(
    rf"<\|[a-zA-Z_/]+\|>|<\|\"\|>|<\|[a-z_]+>|<[a-z_]+\|>|<{BAR}[^{BAR}]+{BAR}>|\[/?[A-Z_]+\]"
    "|</?think>|</?tool_call>|<(?:start|end)_of_turn>|</?response>"
)
WEATHER = Tool(
    "weather",
    "Tells the weather.",
    '{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}',
)
PARIS = ToolCall("01J00000000000000000000001", "weather", '{"city": "Paris"}', "Rain")
OSLO = ToolCall("01J00000000000000000000002", "weather", '{"city": "Oslo"}', "Sun")


def source_of(name: str) -> str:
    return (TEMPLATES / f"{name}.jinja").read_text()


def tokens_of(name: str) -> list[str]:
    """What would be special tokens of a model with that template."""
    bos, eos = BOS.get(name, "<s>"), EOS.get(name, "</s>")
    unwritten = CALL_TOKENS.get(name, [])
    return sorted({*TOKEN.findall(source_of(name)), bos, eos, "<|endoftext|>", *unwritten})


@functools.cache
def template(name: str, added: tuple[str, ...] | None = None) -> ChatTemplate:
    return ChatTemplate(
        source_of(name),
        bos=BOS.get(name, "<s>"),
        eos=EOS.get(name, "</s>"),
        special_tokens=tokens_of(name),
        added_tokens=added,
        clock=lambda: NOON,
    )


def made_of(source: str, *, special_tokens: Sequence[str] = ()) -> ChatTemplate:
    return ChatTemplate(source, special_tokens=special_tokens, clock=lambda: NOON)


def message(
    role: Role, text: str, *, reasoning: str = "", calls: tuple[ToolCall, ...] = ()
) -> Message:
    return Message("id", None, role, text, 0.0, reasoning=reasoning, tool_calls=calls)


def system(text: str) -> Message:
    return message(Role.SYSTEM, text)


def user(text: str) -> Message:
    return message(Role.USER, text)


def answer(text: str, *calls: ToolCall, reasoning: str = "") -> Message:
    return message(Role.ASSISTANT, text, reasoning=reasoning, calls=calls)


CHAT = [system("Be brief."), user("Hi"), answer("Hello."), user("Bye")]

# -- faithful to the models' own templates ---------------------------------------------------

R1 = {"user": f"<{BAR}User{BAR}>", "assistant": f"<{BAR}Assistant{BAR}>"}
EXPECTED = {
    "chatml": "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
    "<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n"
    "<|im_start|>assistant\n",
    "llama3.1": "<|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December "
    "2023\nToday Date: 17 May 2026\n\nBe brief.<|eot_id|><|start_header_id|>user"
    "<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHello."
    "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nBye<|eot_id|><|start_header_id|>"
    "assistant<|end_header_id|>\n\n",
    "mistral-v3": "[INST]Hi[/INST]Hello.</s>[INST]Be brief.\n\nBye[/INST]",
    "mistral-v7": "[SYSTEM_PROMPT]Be brief.[/SYSTEM_PROMPT][INST]Hi[/INST]Hello.</s>[INST]Bye"
    "[/INST]",
    "gemma2": "<start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\nHello."
    "<end_of_turn>\n<start_of_turn>user\nBye<end_of_turn>\n<start_of_turn>model\n",
    "gemma3": "<start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\nHello."
    "<end_of_turn>\n<start_of_turn>user\nBye<end_of_turn>\n<start_of_turn>model\n",
    "gemma4": "<|turn>system\nBe brief.<turn|>\n<|turn>user\nHi<turn|>\n<|turn>model\nHello."
    "<turn|>\n<|turn>user\nBye<turn|>\n<|turn>model\n<|channel>thought\n<channel|>",
    "deepseek-r1": f"Be brief.{R1['user']}Hi{R1['assistant']}Hello.{EOS['deepseek-r1']}"
    f"{R1['user']}Bye{R1['assistant']}<think>\n",
    "gpt-oss": "<|start|>system<|message|>You are ChatGPT.\nCurrent date: 2026-05-17\n\n"
    "Reasoning: medium\n\n# Valid channels: analysis, commentary, final.<|end|><|start|>developer"
    "<|message|># Instructions\n\nBe brief.\n\n<|end|><|start|>user<|message|>Hi<|end|><|start|>"
    "assistant<|channel|>final<|message|>Hello.<|end|><|start|>user<|message|>Bye<|end|><|start|>"
    "assistant",
    "phi4-mini": "<|system|>Be brief.<|end|><|user|>Hi<|end|><|assistant|>Hello.<|end|><|user|>Bye"
    "<|end|><|assistant|>",
    "phi4": "<|im_start|>system<|im_sep|>Be brief.<|im_end|><|im_start|>user<|im_sep|>Hi<|im_end|>"
    "<|im_start|>assistant<|im_sep|>Hello.<|im_end|><|im_start|>user<|im_sep|>Bye<|im_end|>"
    "<|im_start|>assistant<|im_sep|>",
    "granite3": "<|start_of_role|>system<|end_of_role|>Be brief.<|end_of_text|>\n<|start_of_role|>"
    "user<|end_of_role|>Hi<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>Hello."
    "<|end_of_text|>\n<|start_of_role|>user<|end_of_role|>Bye<|end_of_text|>\n<|start_of_role|>"
    "assistant<|end_of_role|>",
    "smollm3": "<|im_start|>system\n## Metadata\n\nToday Date: 17 May 2026\nReasoning Mode: /think"
    "\n\n## Custom Instructions\n\nBe brief.\n\n<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
    "<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>"
    "assistant\n",
    "command-r7b": "<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>Be brief.<|END_OF_TURN_TOKEN|>"
    "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>Hi<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|>"
    "<|CHATBOT_TOKEN|><|START_RESPONSE|>Hello.<|END_RESPONSE|><|END_OF_TURN_TOKEN|>"
    "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>Bye<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|>"
    "<|CHATBOT_TOKEN|><|START_THINKING|><|END_THINKING|>",
    "typed": "<|system|>Be brief.<|end|><|user|>Hi<|end|><|assistant|>Hello.<|end|><|user|>Bye"
    "<|end|><|assistant|>",
}
CHATML_LIKE = ["qwen2.5", "qwen3", "qwen3-coder", "smollm2", "lfm2"]
EXPECTED |= dict.fromkeys(CHATML_LIKE, EXPECTED["chatml"])
EXPECTED["qwen3-thinking"] = EXPECTED["chatml"] + "<think>\n"
EXPECTED["granite4"] = EXPECTED["granite3"]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_chat_becomes_the_prompt_its_model_was_taught(name: str) -> None:
    assert template(name).render(CHAT).text == EXPECTED[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_plain_chat_is_one_segment(name: str) -> None:
    prompt = template(name).render(CHAT)
    assert prompt.segments == (Segment(prompt.text, True),)


@pytest.mark.parametrize("name", NAMES)
def test_every_word_of_a_chat_is_in_the_prompt(name: str) -> None:
    path = [system("sys1"), user("usr2"), answer("ans3"), user("usr4"), user("usr5")]
    text = template(name).render([*path, answer("ans6"), system("sys7"), user("usr8")]).text
    for word in ["sys1", "usr2", "ans3", "usr4", "usr5", "ans6", "sys7", "usr8"]:
        assert text.count(word) == 1, word


@pytest.mark.parametrize("name", NAMES)
def test_a_chat_may_begin_with_an_answer(name: str) -> None:
    text = template(name).render([answer("ans1"), user("usr2")]).text
    assert text.index("ans1") < text.index("usr2")


@pytest.mark.parametrize("name", NAMES)
def test_a_chat_may_be_a_system_message_and_an_answer(name: str) -> None:
    text = template(name).render([system("sys1"), answer("ans2"), user("usr3")]).text
    assert "sys1" in text
    assert "ans2" in text


def test_an_empty_answer_is_left_out() -> None:
    path = [user("Hi"), answer(""), user("Bye")]
    assert template("gemma2").render(path).text == (
        "<start_of_turn>user\nHi\n\nBye<end_of_turn>\n<start_of_turn>model\n"
    )


def test_a_prompt_can_end_with_the_chat() -> None:
    assert template("chatml").render(CHAT[:3], generate=False).text.endswith("Hello.<|im_end|>\n")


# -- the token that begins a text ------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_token_that_begins_a_text_is_reported_and_not_written(name: str) -> None:
    prompt = template(name).render(CHAT)
    assert prompt.wants_bos == ("bos_token" in source_of(name))
    assert BOS.get(name, "<s>") not in prompt.text


def test_a_typed_beginning_stays_text() -> None:
    chat = made_of("{{ messages[0].content }}", special_tokens=["<s>"])
    prompt = chat.render([user("<s>Hi")])
    assert not prompt.wants_bos
    assert prompt.text == "<s>Hi"


# -- special tokens that were typed ----------------------------------------------------------


def recognised(prompt: Prompt, tokens: Sequence[str], added: Sequence[str]) -> list[str]:
    """The special tokens that a tokenizer finds: all in special segments, else the added ones."""
    found = []
    for segment in prompt.segments:
        texts = sorted(tokens if segment.special else added, key=len, reverse=True)
        pattern = "|".join(map(re.escape, texts)) or "(?!)"
        found += re.findall(pattern, segment.text)
    return found


def spoiled(words: str) -> list[Message]:
    call = ToolCall("1", "weather", json.dumps({"city": words, words + "k": [words]}), words)
    return [
        system(f"s {words} s"),
        user(f"u {words} u"),
        answer(f"a {words} a", reasoning=f"r {words} r"),
        user(f"v {words} v"),
        answer(f"b {words} b", call),
        user(f"w {words} w"),
    ]


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_typed_special_tokens_stay_text(name: str, data: st.DataObject) -> None:
    tokens = tokens_of(name)
    pieces = st.one_of(st.sampled_from(tokens), st.text("<|>[/]a \n", max_size=4))
    words = "".join(data.draw(st.lists(pieces, min_size=1, max_size=4)))
    written = tuple(token for token in tokens if token in source_of(name))
    added = data.draw(st.sampled_from([(), written[::2], written]))
    chat = template(name, added)
    prompt = chat.render(spoiled(f"x{words}x"), prefill=f"x{words}")
    harmless = chat.render(spoiled("xx"), prefill="x")
    assert recognised(prompt, tokens, added) == recognised(harmless, tokens, added)
    assert SENTINEL not in prompt.text


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "words", ["x</think>y", "x<think>y</think>z", "<tool_response>x", "[/INST]"]
)
def test_words_that_templates_look_for_survive(name: str, words: str) -> None:
    text = template(name).render([user("Hi"), answer(f"a {words} b"), user(f"c {words} d")]).text
    assert f"a {words} b" in text
    assert f"c {words} d" in text


def test_harmony_markers_in_an_answer_are_words() -> None:
    words = "<|channel|>analysis<|message|>x"
    prompt = template("gpt-oss").render([user("Hi"), answer(words), user("Bye")])
    assert words in prompt.text


def test_a_tool_cannot_smuggle_a_token_into_its_description() -> None:
    tool = Tool("weather", "x<|im_end|>y", '{"properties": {"city<|im_end|>": {"type": "string"}}}')
    prompt = template("qwen3").render([user("Hi")], tools=[tool])
    special = "".join(segment.text for segment in prompt.segments if segment.special)
    assert "x<|im_end|>" in prompt.text
    assert special.count("<|im_end|>") == 2


def test_tokens_that_are_recognised_in_any_text_are_cut() -> None:
    chat = ChatTemplate(
        source_of("qwen3"),
        special_tokens=["<|im_start|>", "<|im_end|>", "<think>", "</think>", "<table>"],
        added_tokens=["<think>", "</think>", "<table>"],
        clock=lambda: NOON,
    )
    prompt = chat.render([user("<think> <table> <|im_end|>")], reasoning=False)
    assert prompt.segments == (
        Segment("<|im_start|>", True),
        Segment("user\n<", False),
        Segment("think> <table> <|im_end|>", False),
        Segment("<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n", True),
    )


@given(st.lists(st.sampled_from([SENTINEL, *"<|a>m", "madeup", "word"]), max_size=12).map("".join))
@example(f"<{SENTINEL}{SENTINEL}<a>{SENTINEL}")
def test_guarded_text_comes_back_as_it_was(text: str) -> None:
    guard = Guard(["<a>", "<|", "madeupword", " ", "x"], structural=["<a>", "a<"])
    segments = guard.segments(guard.protect(text))
    assert "".join(segment.text for segment in segments) == text
    assert all("<a>" not in segment.text for segment in segments)
    assert not any(segment.special and "madeupword" in segment.text for segment in segments)


def test_escaping_in_a_template_does_not_open_the_guard() -> None:
    chat = made_of(
        "{{ messages[0].content | tojson(ensure_ascii=True) }}", special_tokens=["<s>", "\\u0"]
    )
    prompt = chat.render([user("é<s>😀")])
    assert prompt.text == '"\\u00e9<s>\\ud83d\\ude00"'
    assert "<s>" not in "".join(segment.text for segment in prompt.segments if segment.special)


# -- tools -----------------------------------------------------------------------------------

WITH_TOOLS = [name for name in NAMES if template(name).supports_tools]


def test_templates_that_know_tools_are_recognised() -> None:
    without = {"chatml", "deepseek-r1", "gemma2", "gemma3", "phi4", "smollm2", "typed"}
    assert set(NAMES) - set(WITH_TOOLS) == without | {"qwen3-thinking"}


@pytest.mark.parametrize("name", WITH_TOOLS)
def test_tools_are_offered(name: str) -> None:
    with_tools = template(name).render(CHAT, tools=[WEATHER]).text
    assert "weather" in with_tools
    assert "Tells the weather." in with_tools
    assert "weather" not in template(name).render(CHAT).text


def test_tools_stand_in_the_system_message_where_a_template_looks_for_them() -> None:
    said = json.dumps([_function(WEATHER)])
    assert template("phi4-mini").render([user("Hi")], tools=[WEATHER]).text == (
        f"<|system|><|tool|>{said}<|/tool|><|end|><|user|>Hi<|end|><|assistant|>"
    )


def _function(tool: Tool) -> dict[str, object]:
    parameters = json.loads(tool.parameters)
    return {"name": tool.name, "description": tool.description, "parameters": parameters}


def test_tools_for_a_template_without_a_place_for_them_are_refused() -> None:
    with pytest.raises(ModelError, match="no place for tools"):
        template("gemma2").render(CHAT, tools=[WEATHER])


def test_a_tool_whose_parameters_are_no_json_is_named() -> None:
    with pytest.raises(ModelError, match="the tool broken are not JSON"):
        template("qwen3").render(CHAT, tools=[Tool("broken", "", "{")])


TOOL_CHAT = [user("Weather?"), answer("", PARIS, OSLO), answer("Mixed."), user("Thanks")]


@pytest.mark.parametrize("name", NAMES)
def test_calls_and_results_are_in_the_prompt_whatever_the_template(name: str) -> None:
    text = template(name).render(TOOL_CHAT).text
    order = [text.index(word) for word in ["Weather?", "Paris", "Oslo", "Mixed.", "Thanks"]]
    assert order == sorted(order)
    assert text.index("Paris") < text.index("Rain") < text.index("Mixed.")
    assert text.index("Oslo") < text.index("Sun") < text.index("Mixed.")


QWEN_CALLS = (
    "<|im_start|>assistant\n<tool_call>\n"
    '{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call>\n<tool_call>\n'
    '{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call><|im_end|>\n'
    "<|im_start|>user\n<tool_response>\nRain\n</tool_response>\n<tool_response>\nSun\n"
    "</tool_response><|im_end|>\n"
)


def test_calls_are_written_as_the_model_writes_them() -> None:
    assert QWEN_CALLS in template("qwen3").render(TOOL_CHAT).text
    assert '<|tool_call|>[{"name": "weather", "arguments": {"city": "Paris"}}, ' in (
        template("granite3").render(TOOL_CHAT).text
    )


def test_a_template_that_takes_one_call_at_a_time_gets_them_so() -> None:
    text = template("llama3.1").render(TOOL_CHAT).text
    words = ["Paris", "Rain", "Oslo", "Sun", "Mixed."]
    assert sorted(words, key=text.index) == words


def test_arguments_are_text_where_the_template_adds_them_to_text() -> None:
    text = template("deepseek-r1").render(TOOL_CHAT).text
    assert '```json\n{"city": "Paris"}\n```' in text
    assert text.count(R1["assistant"]) == 2


def test_call_ids_have_the_length_that_mistral_wants() -> None:
    text = template("mistral-v3").render(TOOL_CHAT).text
    ids = re.findall(r'"id": "([0-9a-zA-Z]+)"', text)
    assert [len(call_id) for call_id in ids] == [9, 9]
    assert re.findall(r'"call_id": "([0-9a-zA-Z]+)"', text) == ids
    kept = ToolCall("abc123XYZ", "weather", "{}", "")
    assert '"id": "abc123XYZ"' in template("mistral-v3").render([user("a"), answer("", kept)]).text


def test_a_call_that_never_ran_has_a_result_that_says_so() -> None:
    pending = ToolCall("1", "weather", "{}")
    text = template("qwen3").render([user("Hi"), answer("", pending), user("Well?")]).text
    assert "<tool_response>\nThe function was not run.\n</tool_response>" in text


def test_a_message_of_a_tool_is_the_result_of_its_call() -> None:
    first, second = ToolCall("1", "weather", "{}"), ToolCall("2", "weather", "{}")
    path = [
        user("Hi"),
        answer("", first, second),
        message(Role.TOOL, "two", calls=(second,)),
        message(Role.TOOL, "one"),
    ]
    text = template("mistral-v7").render(path).text
    ids = re.findall(r"\[CALL_ID\](\w+)", text)
    results = re.findall(r"\[TOOL_RESULTS\](\w+)\[TOOL_CONTENT\](\w+)", text)
    assert results == [(ids[1], "two"), (ids[0], "one")]


def test_a_message_of_a_tool_that_nothing_called_is_words() -> None:
    text = template("gpt-oss").render([user("Hi"), message(Role.TOOL, "result")]).text
    assert "<|start|>user<|message|>result<|end|>" in text


def test_arguments_that_are_no_object_are_kept() -> None:
    odd = ToolCall("1", "weather", "Paris!", "Rain")
    text = template("qwen3").render([user("Hi"), answer("", odd)]).text
    assert '"arguments": {"input": "Paris!"}' in text


def test_arguments_that_are_nested_without_end_are_words() -> None:
    for depth in (900, 100_000):
        deep = ToolCall("1", "weather", '{"a": ' + "[" * depth + "]" * depth + "}", "Rain")
        text = template("mistral-v7").render([user("Hi"), answer("", deep)]).text
        assert "[" * 500 in text


def test_arguments_may_be_anything_json_knows() -> None:
    call = ToolCall("1", "weather", '{"a<|im_end|>": [1, 2.5, null, true]}', "Rain")
    text = template("qwen3").render([user("Hi"), answer("", call)]).text
    assert '"arguments": {"a<|im_end|>": [1, 2.5, null, true]}' in text


def test_text_beside_calls_and_reasoning_is_kept_where_a_template_takes_only_one() -> None:
    path = [user("Hi"), answer("Look.", PARIS, reasoning="Hm.")]
    text = template("gpt-oss").render(path, tools=[WEATHER]).text
    assert "<|channel|>analysis<|message|>Hm.\n\nLook.<|end|>" in text


def test_reasoning_between_calls_is_kept_where_the_template_keeps_it() -> None:
    text = template("qwen3").render([user("Hi"), answer("", PARIS, reasoning="Hm.")]).text
    assert "<think>\nHm.\n</think>\n\n<tool_call>" in text


@pytest.mark.parametrize("name", WITH_TOOLS)
def test_the_parser_reads_what_the_template_writes(name: str) -> None:
    chat = template(name)
    call = ToolCall("abcdefghi", "weather", '{"city": "Pa\\"r{i}s"}', "Rain")
    path = [user("Hi"), answer("", call)]
    before = chat.render(path[:1], tools=[WEATHER], reasoning=True).text
    whole = chat.render(path, tools=[WEATHER], reasoning=True).text
    written = whole[len(before) if whole.startswith(before) else len(before) - 1 :]
    written = written.removeprefix("\n")
    written = re.split(r"<\|im_end\|>|<\|eot_id\|>|</s>|<\|end_of_text\|>|<turn\|>", written)[0]
    written = re.split(r"<\|call\|>|<\|tool_response>|<\|observation\|>", written)[0]
    written = written.removesuffix("<|END_OF_TURN_TOKEN|>")
    parser = AnswerParser(chat.format, tools=[WEATHER], new_id=lambda: "id")
    parsed = [*parser.feed(written), *parser.finish()]
    calls = [event.call for event in parsed if isinstance(event, ToolCalled)]
    assert [(made.name, json.loads(made.arguments)) for made in calls[:1]] == [
        ("weather", {"city": 'Pa"r{i}s'})
    ]


# -- reasoning -------------------------------------------------------------------------------


def test_reasoning_can_be_switched_off() -> None:
    off = {
        "qwen3": "<think>\n\n</think>\n\n",
        "smollm3": "<think>\n\n</think>\n",
        "glm4": "<think></think>",
        "gemma4": "<|channel>thought\n<channel|>",
        "command-r7b": "<|START_THINKING|><|END_THINKING|>",
    }
    for name, end in off.items():
        assert template(name).render(CHAT, reasoning=False).text.endswith(end)
        assert not template(name).render(CHAT, reasoning=True).text.endswith(end)


def test_reasoning_that_only_the_prompt_opens_is_closed_again() -> None:
    prompt = template("deepseek-r1").render(CHAT, reasoning=False)
    assert prompt.text.endswith("<think>\n\n</think>\n\n")
    assert prompt.start is Start.ANSWER


def test_other_names_for_thinking_are_known() -> None:
    budget = made_of("{{ thinking_budget }}").render(CHAT, reasoning=False)
    effort = made_of("{{ reasoning_effort }}").render(CHAT, reasoning=False)
    assert (budget.text, effort.text) == ("0", "none")


def test_effort_is_what_gpt_oss_calls_it() -> None:
    assert "Reasoning: low" in template("gpt-oss").render(CHAT, reasoning=False).text
    assert "Reasoning: medium" in template("gpt-oss").render(CHAT, reasoning=True).text


def test_granite_is_told_to_think() -> None:
    assert "<think></think>" in template("granite3").render([user("Hi")], reasoning=True).text


@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_says_whether_it_opens_reasoning(name: str) -> None:
    opened = name in ("deepseek-r1", "qwen3-thinking")
    assert template(name).render(CHAT).start is (Start.REASONING if opened else Start.ANSWER)


# -- answers that are begun already ----------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_can_be_continued(name: str) -> None:
    prompt = template(name).render(CHAT, prefill="Once upon <a> time")
    assert prompt.text.endswith("Once upon <a> time")
    assert prompt.start is Start.TEXT
    parser = AnswerParser(template(name).format, start=prompt.start, new_id=lambda: "id")
    assert parser.feed(" there was") == [TextDelta(" there was")]


def test_a_continued_answer_stands_outside_of_reasoning() -> None:
    assert (
        template("deepseek-r1")
        .render(CHAT, prefill="Once")
        .text.endswith("<think>\n\n</think>\n\nOnce")
    )
    assert (
        template("gpt-oss")
        .render(CHAT, prefill="Once")
        .text.endswith("<|start|>assistant<|channel|>final<|message|>Once")
    )


def test_a_continued_answer_of_command_is_a_response() -> None:
    text = template("command-r7b").render(CHAT, prefill="Once").text
    assert text.endswith("<|END_THINKING|><|START_RESPONSE|>Once")


# -- the end of an answer --------------------------------------------------------------------


def test_what_a_template_writes_after_an_answer_ends_one() -> None:
    assert template("chatml").render(CHAT).stops == ("<|im_end|>",)
    assert template("gemma2").render(CHAT).stops == ("<end_of_turn>",)
    assert template("gpt-oss").render(CHAT).stops == ()
    alpaca = made_of(
        "{% for m in messages %}### {{ m.role }}:\n{{ m.content }}\n\n{% endfor %}### assistant:\n"
    )
    assert alpaca.render(CHAT).stops == ("\n\n### user:",)


# -- models without a template ---------------------------------------------------------------


def test_a_model_without_a_template_gets_a_plain_one() -> None:
    prompt = made_of("  ").render(CHAT)
    assert prompt.text == "Be brief.\n\nUser: Hi\n\nAssistant: Hello.\n\nUser: Bye\n\nAssistant:"
    assert prompt.stops == ("\nUser:", "\nAssistant:")
    assert not prompt.wants_bos


def test_a_plain_answer_can_be_continued() -> None:
    assert made_of("").render(CHAT, prefill="Once").text.endswith("Assistant: Once")


def test_a_vocabulary_with_the_tokens_of_chatml_gets_chatml() -> None:
    chat = made_of("", special_tokens=["<|im_start|>", "<|im_end|>"])
    assert chat.render(CHAT).text == EXPECTED["chatml"]
    assert chat.render(CHAT).stops == ("<|im_end|>",)


# -- templates that fail ---------------------------------------------------------------------


def test_a_template_that_cannot_be_read_is_an_error_with_its_line() -> None:
    for source, words in [
        ("\n{% if %}", "Expected an expression"),
        ("\n{{ x | nosuchfilter }}", "nosuchfilter"),
        ("\n{% nosuchtag %}", "nosuchtag"),
    ]:
        with pytest.raises(ModelError, match="cannot be read") as caught:
            made_of(source)
        assert words in caught.value.message
        assert "line 2" in caught.value.message
        assert "another model file" in caught.value.hint


def test_a_template_that_cannot_render_says_why_and_where() -> None:
    chat = made_of(
        "{% for m in messages %}\n{% if m.content == 'no' %}\n"
        "{{ raise_exception('I do not like this') }}{% endif %}{{ m.content }}{% endfor %}"
    )
    with pytest.raises(ModelError, match="cannot render this chat") as caught:
        chat.render([user("yes"), answer("no"), user("yes")])
    assert "I do not like this" in caught.value.message
    assert "(line 3 of the template)" in caught.value.message
    assert caught.value.detail == "at message 2 of 3, role assistant"
    assert caught.value.hint


def test_every_error_of_a_template_is_a_model_error() -> None:
    for expression in [
        "messages[99].content.x",
        "1 // 0",
        "'a' + 1",
        "messages | tojson(5, 6, 7, 8, 9)",
        "[] | first | upper + none",
        "undefined_name.attribute",
        "'%d' % 'x'",
        "{}['x']['y']",
    ]:
        with pytest.raises(ModelError):
            made_of("{{ " + expression + " }}").render(CHAT)


HOSTILE = {
    "loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "too long a range": "{% for a in range(10 ** 9) %}{% endfor %}",
    "recursion": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "wide recursion": "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}"
    "{% endmacro %}{{ f(60) }}",
    "doubling": "{% set ns = namespace(s='x') %}{% for a in range(99) %}"
    "{% set ns.s = ns.s + ns.s %}{% endfor %}",
    "doubling by joining": "{% set ns = namespace(s='x') %}{% for a in range(99) %}"
    "{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "doubling a list": "{% set ns = namespace(s=[1]) %}{% for a in range(99) %}"
    "{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
    "doubling into json": "{% set ns = namespace(s=[1]) %}{% for a in range(60) %}"
    "{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s | tojson }}",
    "repetition": "{{ 'x' * 10 ** 10 }}",
    "repetition the other way": "{{ 10 ** 10 * 'x' }}",
    "a long list": "{{ [1] * 10 ** 10 }}",
    "a giant number": "{{ 10 ** 10 ** 10 }}",
    "a giant product": "{% set ns = namespace(n=9) %}{% for a in range(99) %}"
    "{% set ns.n = ns.n * ns.n %}{% endfor %}",
    "a wide format": "{{ '%10000000000d' % 1 }}",
    "a wide format by argument": "{{ '%*d' % (10 ** 10, 1) }}",
    "a wide format by filter": "{{ '%10000000000d' | format(1) }}",
    "a wide format by method": "{{ '{:10000000000}'.format(1) }}",
    "a wide format by nesting": "{{ '{:{}}'.format(1, 10 ** 10) }}",
    "padding": "{{ 'x'.ljust(10 ** 10) }}",
    "replacement": "{{ ('x' * 10 ** 6).replace('x', 'y' * 10 ** 6) }}",
    "replacement by filter": "{{ ('x' * 10 ** 6) | replace('x', 'y' * 10 ** 6) }}",
    "a long separator": "{{ (['x'] * 10 ** 6) | join('y' * 10 ** 6) }}",
    "a long separator by method": "{{ ('y' * 10 ** 6).join(['x'] * 10 ** 6) }}",
    "a deep indent": "{{ ('\\n' * 10 ** 6) | indent('x' * 10 ** 6) }}",
    "a deep json": "{{ [1] | tojson(indent=10 ** 9) }}",
    "much text in a loop": "{% for a in range(99999) %}" + "x" * 10_000 + "{% endfor %}",
    "much text in a macro": "{% macro f() %}" + "x" * 10_000 + "{% endmacro %}"
    "{% set ns = namespace(l=[]) %}{% for a in range(99999) %}{% set ns.l = f() %}{% endfor %}",
    "python": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "python by name": "{{ raise_exception.__globals__['__builtins__'] }}",
    "python of the clock": "{{ strftime_now.__globals__.x }}",
    "changing what it was given": "{{ messages.append(1) }}",
    "other files": "{% include '/etc/passwd' %}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_template_fails_soon(name: str) -> None:
    begin = time.process_time()
    with pytest.raises(ModelError):
        made_of(HOSTILE[name]).render(CHAT)
    assert time.process_time() - begin < 5


def test_a_template_that_works_for_long_without_result_is_stopped() -> None:
    source = "{% for a in range(9) %}{% set x = [3, 1] | sort %}{% endfor %}"
    hours = itertools.count(0, 2)
    sandbox = Sandbox(source, clock=lambda: NOON, monotonic=lambda: float(next(hours)))
    with pytest.raises(TemplateFailure, match="takes too long") as caught:
        sandbox.render({}, messages=0, characters=0)
    assert caught.value.endless


@pytest.mark.parametrize(
    "expression",
    ["'' | attr('__class__')", "'{0.__class__}'.format('')", "''['__class__']", "cycler.__init__"],
)
def test_a_template_does_not_see_python(expression: str) -> None:
    assert made_of("{{ " + expression + " }}").render(CHAT).text == ""


def test_a_template_that_is_too_long_is_refused() -> None:
    with pytest.raises(ModelError, match="characters long"):
        made_of("x" * (1 << 21))


def test_long_chats_are_no_hostility() -> None:
    path = [user("u" * 50), answer("a" * 50, PARIS), *CHAT[1:3]] * 100
    for name in ["gpt-oss", "gemma4", "qwen3", "hermes3"]:
        text = template(name).render([*path, user("last")]).text
        assert text.count("u" * 50) == 100
    assert "x" * 5_000_000 in template("qwen3").render([user("x" * 5_000_000)]).text


def test_rendering_costs_little() -> None:
    path = [user("Hi"), answer("Hello there. " * 20)] * 50
    template("qwen3").render([*path, user("last")])
    begin = time.process_time()
    template("qwen3").render([*path, user("last")])
    assert time.process_time() - begin < 0.5


# -- what templates rely on ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ {'a': 'é<'} | tojson }}", '{"a": "é<"}'),
        ("{{ [1, 2] | tojson(indent=1) }}", "[\n 1,\n 2\n]"),
        ("{{ {'b': 1, 'a': 2} | tojson(sort_keys=true, separators=(',', ':')) }}", '{"a":2,"b":1}'),
        ("{{ 'a<' + ({'b': 1} | tojson | safe) }}", 'a<{"b": 1}'),
        ("{{ '<' ~ 1 ~ none ~ [1] }}", "<1None[1]"),
        ("{{ '<&' | escape + '<' }}", "&lt;&amp;<"),
        ("{{ '%s-%d' % ('a', 1) }} {{ '%s' | format('b') }} {{ '%(a)s' % {'a': 1} }}", "a-1 b 1"),
        ("{{ '{}-{a}'.format(1, a=2) }}", "1-2"),
        ("{{ 'a b'.replace('a', 'c').split(' ') | join('-') }}", "c-b"),
        ("{{ 'aaa' | replace('a', 'b', 2) }} {{ ', '.join(['a', 'b']) }}", "bba a, b"),
        ("{{ [{'x': 1}, {'x': 2}] | join(',', attribute='x') }}", "1,2"),
        ("{{ 'a\nb' | indent(2) }}|{{ 'a\n\nb' | indent('>', true, true) }}", "a\n  b|>a\n>\n>b"),
        ("{% for a in [1, 2, 3] %}{% if a == 2 %}{% break %}{% endif %}{{ a }}{% endfor %}", "1"),
        ("{% generation %}\n  a{% endgeneration %}b", "  ab"),
        ("  {% if true %}\n  a\n  {% endif %}\nb", "  a\nb"),
        ("{{ strftime_now('%Y-%m-%d') }} {{ date_string }}", "2026-05-17 17 May 2026"),
        (
            "{{ 2 * 3 + 1 }} {{ 'ab' * 2 }} {{ 2 ** 3 }} {{ 7 % 4 }} {{ [1] + [2] }}",
            "7 abab 8 3 [1, 2]",
        ),
        ("{{ '{\"a\": 1}' | from_json | tojson }}", '{"a": 1}'),
        (
            "{% macro f(x) %}<{{ caller() }}{{ x }}>{% endmacro %}{% call f(1) %}y{% endcall %}",
            "<y1>",
        ),
        ("{{ eos_token }}{{ nothing }}{{ tools }}", "None"),
    ],
)
def test_a_template_can_do_what_it_can_elsewhere(source: str, text: str) -> None:
    assert made_of(source).render(CHAT).text == text


def test_reasoning_is_no_part_of_an_answers_text() -> None:
    prompt = template("deepseek-r1").render(CHAT)
    parser = AnswerParser(template("deepseek-r1").format, start=prompt.start, new_id=lambda: "id")
    assert parser.feed("Hm.</think>Yes.") == [ReasoningDelta("Hm."), TextDelta("Yes.")]
