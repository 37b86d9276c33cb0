"""What comes out of real llama.cpp, through the whole of the engine."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chatterm.engine.client import EngineBackend
from chatterm.engine.hosts import stop
from chatterm.errors import ConfigError, ModelError
from chatterm.events import Done, Event, Notice, Progress, ReasoningDelta, TextDelta, ToolCalled
from chatterm.messages import Message, Request, Role, Stop, Tool, Usage
from chatterm.params import Params
from tests.contract import suite
from tests.engines import Engine
from tests.ggufs import CHATML, make_bert, make_gguf

Engines = Callable[..., Engine]
_GAP = ("pre", "suf", "mid")
TALK = "Tell me about the sea, the wind and the harbour."


def asked(prompt: str = TALK, /, **params: Any) -> Request:
    said = {"temperature": 0.0, "max_tokens": 24, **params}
    return suite.request("tiny", prompt, params=Params.parse(said))


@pytest.fixture
async def backend(engine: Engines) -> AsyncIterator[EngineBackend]:
    made = engine(isolated=False)
    yield made.backend()
    await stop(made.home, made.key)


def done_of(events: list[Event]) -> Done:
    done = events[-1]
    assert isinstance(done, Done)
    return done


def usage_of(events: list[Event]) -> Usage:
    return done_of(events).usage


async def text(backend: EngineBackend, request: Request) -> str:
    return suite.text_of(await suite.collect(backend, request))


# -- sampling --------------------------------------------------------------------------------


async def test_greedy_says_the_same_every_time(backend: EngineBackend) -> None:
    assert await text(backend, asked()) == await text(backend, asked())


async def test_a_seed_repeats_itself_and_another_does_not(backend: EngineBackend) -> None:
    said = [await text(backend, asked(temperature=1.5, seed=seed)) for seed in (1, 1, 2)]
    assert said[0] == said[1]
    assert said[0] != said[2]


@pytest.mark.parametrize(
    "params",
    [
        {"top_k": 3},
        {"top_p": 0.5},
        {"min_p": 0.3},
        {"typical_p": 0.5},
        {"repeat_penalty": 1.5, "repeat_last_n": -1},
        {"frequency_penalty": 1.0, "presence_penalty": 1.0},
        {"dry_multiplier": 0.8},
        {"xtc_probability": 0.9, "xtc_threshold": 0.05},
        {"mirostat": 1},
        {"mirostat": 2, "mirostat_tau": 3.0, "mirostat_eta": 0.2},
    ],
)
async def test_every_sampler_writes_and_repeats_with_its_seed(
    backend: EngineBackend, params: dict[str, Any]
) -> None:
    request = asked(temperature=1.0, seed=3, **params)
    first = await suite.collect(backend, request)
    suite.check_order(first)
    assert suite.text_of(first) == await text(backend, request)


async def test_a_bias_forbids_and_forces_tokens(backend: EngineBackend) -> None:
    free = await suite.collect(backend, asked(logprobs=1, max_tokens=1))
    (first,) = [event for event in free if isinstance(event, TextDelta)]
    ids = range(768)
    forced = await text(backend, asked(logit_bias={"300": 1000.0}, max_tokens=3))
    assert len(set(forced[:: max(1, len(forced) // 3)])) <= 2
    others = {str(token): -1000.0 for token in ids if token != 300}
    assert await text(backend, asked(logit_bias=others, max_tokens=3)) == forced
    assert first.logprobs


async def test_logprobs_are_reported_for_every_token(backend: EngineBackend) -> None:
    events = await suite.collect(backend, asked(logprobs=3))
    items = [item for event in events if isinstance(event, TextDelta) for item in event.logprobs]
    assert len(items) == 24
    assert "".join(item.token for item in items) == suite.text_of(events)
    for item in items:
        assert item.logprob <= 0.0
        assert len(item.top) == 3
        assert item.top[0][1] == pytest.approx(item.logprob), "greedy takes the likeliest"
        assert sum(math.exp(logprob) for _, logprob in item.top) <= 1.0 + 1e-6


# -- where an answer ends --------------------------------------------------------------------


async def test_max_tokens_is_a_length(backend: EngineBackend) -> None:
    done = done_of(await suite.collect(backend, asked(max_tokens=7)))
    assert (done.stop, done.usage.completion_tokens) == (Stop.LENGTH, 7)


async def test_a_stop_string_never_shows(backend: EngineBackend) -> None:
    whole = await text(backend, asked())
    for start in range(4, len(whole) - 6, 5):
        word = whole[start : start + 4]
        events = await suite.collect(backend, asked(stop=[word]))
        assert suite.text_of(events) == whole[: whole.index(word)]
        assert done_of(events).stop is Stop.STOP


async def test_the_model_ends_its_turn(engine: Engines, tmp_path: Path) -> None:
    one = engine(make_gguf(tmp_path / "ends.gguf", ends=0.3), isolated=False)
    events = await suite.collect(one.backend(), asked(max_tokens=500))
    assert done_of(events).stop is Stop.END
    assert "<|im_end|>" not in suite.text_of(events)
    await stop(one.home, one.key)


async def test_a_full_context_is_a_length(engine: Engines) -> None:
    one = engine(isolated=False, context=256)
    done = done_of(await suite.collect(one.backend(), asked(max_tokens=5000)))
    assert done.stop is Stop.LENGTH
    assert done.usage.prompt_tokens + done.usage.completion_tokens == 256
    await stop(one.home, one.key)


# -- form ------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.0, 1.0])
async def test_a_schema_is_met(backend: EngineBackend, temperature: float) -> None:
    schema = json.dumps(
        {"type": "object", "properties": {"a": {"enum": ["x", "yy"]}}, "required": ["a"]}
    )
    request = asked(schema=schema, temperature=temperature, seed=5, max_tokens=200)
    assert json.loads(await text(backend, request))["a"] in ("x", "yy")


async def test_a_grammar_is_followed(backend: EngineBackend) -> None:
    request = asked(grammar='root ::= ("yes" | "no") " " [0-9]{3}', max_tokens=50)
    said = await text(backend, request)
    assert said.split()[0] in ("yes", "no")
    assert said.split()[1].isdigit()


@pytest.mark.parametrize(
    "params", [{"grammar": "root ::= ("}, {"schema": {"type": "nonsense", "$ref": "#/nowhere"}}]
)
async def test_a_form_that_cannot_be_read_is_a_usage_error(
    backend: EngineBackend, params: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError):
        await text(backend, asked(**params))
    assert await text(backend, asked())


async def test_text_is_whole_characters_whatever_the_tokens(
    engine: Engines, tmp_path: Path
) -> None:
    """A model whose tokens are single bytes of a three-byte character, mostly."""
    one = engine(make_gguf(tmp_path / "other.gguf", seed=7), isolated=False)
    events = await suite.collect(one.backend(), asked(temperature=3.0, seed=2, max_tokens=300))
    suite.check_text(events)
    assert suite.text_of(events)
    await stop(one.home, one.key)


# -- prompts ---------------------------------------------------------------------------------


def chat(*texts: str, **params: object) -> Request:
    said = {"temperature": 0.0, "max_tokens": 12, **params}
    return suite.request("tiny", *texts, params=Params.parse(said))


async def test_special_tokens_typed_by_a_user_stay_text(backend: EngineBackend) -> None:
    plain = await backend.count(chat("a"))
    typed = await backend.count(chat("a<|im_end|>"))
    assert typed.text.count("<|im_end|>") == 2
    assert typed.tokens is not None and plain.tokens is not None
    assert typed.tokens >= plain.tokens + 5


async def test_the_model_adds_its_first_token_once(engine: Engines, tmp_path: Path) -> None:
    without = engine(make_gguf(tmp_path / "a.gguf"), isolated=False)
    with_one = engine(make_gguf(tmp_path / "b.gguf", add_bos=True), isolated=False)
    counts = [(await one.backend().count(chat("Hi"))).tokens for one in (without, with_one)]
    assert counts[0] is not None and counts[1] == counts[0] + 1
    for one in (without, with_one):
        await stop(one.home, one.key)


async def test_an_answer_can_be_gone_on_with(backend: EngineBackend) -> None:
    whole = await text(backend, asked(max_tokens=20))
    begun = await text(backend, asked(max_tokens=8))
    request = replace(asked(max_tokens=12), prefill=begun)
    rest = await text(backend, request)
    assert whole.startswith(begun)
    assert rest


async def test_a_model_without_a_template_still_chats(engine: Engines, tmp_path: Path) -> None:
    path = make_gguf(tmp_path / "base.gguf", chat_template=None)
    one = engine(path, isolated=False)
    assert await text(one.backend(), asked())
    await stop(one.home, one.key)


async def test_a_template_that_cannot_be_read_is_a_model_error(
    engine: Engines, tmp_path: Path
) -> None:
    path = make_gguf(tmp_path / "broken.gguf", chat_template="{% for m in %}")
    one = engine(path)
    with pytest.raises(ModelError, match="template"):
        await text(one.backend(), asked())


# -- context ---------------------------------------------------------------------------------


async def test_what_does_not_fit_is_announced_before_it_is_left_out(engine: Engines) -> None:
    one = engine(isolated=False, context=512)
    texts = [f"message {number} " + "word " * 30 for number in range(21)]
    events = await suite.collect(one.backend(), chat(*texts))
    notices = [event for event in events if isinstance(event, Notice)]
    assert len(notices) == 1
    reading = [
        at
        for at, event in enumerate(events)
        if isinstance(event, Progress) and event.stage == "prompt"
    ]
    assert events.index(notices[0]) < reading[0], "before anything is evaluated"
    assert "512" in notices[0].text
    assert usage_of(events).prompt_tokens < 512
    await stop(one.home, one.key)


async def test_the_system_message_and_the_last_prompt_stay(engine: Engines) -> None:
    one = engine(isolated=False, context=512)
    request = chat(*[f"message {number} " + "word " * 30 for number in range(21)])
    system = Message("s", None, Role.SYSTEM, "You are a lighthouse.", 0.0)
    counted = await one.backend().count(replace(request, path=(system, *request.path)))
    assert "You are a lighthouse." in counted.text
    assert "message 20" in counted.text
    assert "message 0 " not in counted.text
    assert counted.left_out > 0
    await stop(one.home, one.key)


async def test_a_cut_stays_where_it_is_for_some_turns(engine: Engines) -> None:
    one = engine(isolated=False, context=1024)
    texts = [f"message {number} " + "word " * 10 for number in range(81)]
    cuts = [
        (await one.backend().count(chat(*texts[:count]))).left_out for count in range(61, 81, 2)
    ]
    assert len(set(cuts)) <= 4
    await stop(one.home, one.key)


async def test_a_message_that_is_too_long_alone_names_both_numbers(engine: Engines) -> None:
    one = engine(isolated=False, context=256)
    with pytest.raises(ModelError, match="256") as failure:
        await text(one.backend(), asked("word " * 2000))
    assert failure.value.exit_code == 3
    assert "context" in failure.value.hint
    await stop(one.home, one.key)


# -- nothing twice ---------------------------------------------------------------------------


async def turn(backend: EngineBackend, texts: list[str], new: str) -> Usage:
    """One more turn of a chat; ``texts`` grows by the prompt and the answer."""
    texts.append(new)
    events = await suite.collect(backend, chat(*texts))
    texts.append(suite.text_of(events))
    return usage_of(events)


async def test_each_turn_evaluates_only_what_is_new(backend: EngineBackend) -> None:
    texts: list[str] = []
    held = 0
    for number in range(10):
        usage = await turn(backend, texts, f"question {number}, and more words")
        # The answer's last token was chosen when max_tokens ended it, and not evaluated.
        assert usage.evaluated_tokens == usage.prompt_tokens - max(held - 1, 0)
        held = usage.prompt_tokens + usage.completion_tokens


async def test_another_chat_between_changes_nothing(backend: EngineBackend) -> None:
    one: list[str] = []
    other: list[str] = []
    await turn(backend, one, "the first chat " * 20)
    await turn(backend, other, "a second chat " * 20)
    assert (await turn(backend, one, "go on")).evaluated_tokens < 30
    assert (await turn(backend, other, "go on")).evaluated_tokens < 30


async def test_forks_share_what_they_have_in_common(backend: EngineBackend) -> None:
    texts: list[str] = []
    await turn(backend, texts, "a long beginning " * 30)
    left, right = list(texts), list(texts)
    assert (await turn(backend, left, "this way")).evaluated_tokens < 30
    assert (await turn(backend, right, "that way")).evaluated_tokens < 30
    assert (await turn(backend, left, "further")).evaluated_tokens < 30


async def test_a_chat_goes_on_after_a_restart_from_its_snapshot(engine: Engines) -> None:
    one = engine()
    texts: list[str] = []
    before = await turn(one.backend(), texts, "a long beginning " * 30)
    await stop(one.home, one.key)
    after = await turn(one.backend(), texts, "go on")
    assert before.prompt_tokens > 100
    assert after.evaluated_tokens < 30


async def test_a_damaged_snapshot_is_not_used(engine: Engines) -> None:
    one = engine()
    texts: list[str] = []
    await turn(one.backend(), texts, "a long beginning " * 30)
    await stop(one.home, one.key)
    for path in (one.folder / "snapshots").glob("*/*.snap"):
        data = bytearray(path.read_bytes())
        data[-100] ^= 0xFF
        path.write_bytes(data)
    after = await turn(one.backend(), texts, "go on")
    assert after.cached_tokens == 0


async def test_more_chats_than_sequences_come_back_from_disk(engine: Engines) -> None:
    one = engine(isolated=False, sequences=2)
    chats: list[list[str]] = [[] for _ in range(4)]
    for number, texts in enumerate(chats):
        await turn(one.backend(), texts, f"chat {number} has a beginning of its own " * 12)
    for texts in chats:
        assert (await turn(one.backend(), texts, "go on")).evaluated_tokens < 40
    await stop(one.home, one.key)


async def test_eight_at_once_each_get_their_own_text(engine: Engines) -> None:
    one = engine(isolated=False, context=4096, snapshots="")
    requests = [asked(f"Client {number} says: {TALK * 2}", max_tokens=40) for number in range(8)]
    alone = [await text(one.backend(), request) for request in requests]
    together = await asyncio.gather(*(text(one.backend(), request) for request in requests))
    same = sum(first == second for first, second in zip(alone, together, strict=True))
    assert same >= 7, "one may part at a near tie"
    await stop(one.home, one.key)


async def test_a_recurrent_model_chats_too(engine: Engines, tmp_path: Path) -> None:
    one = engine(make_gguf(tmp_path / "mamba.gguf", arch="mamba"), isolated=False)
    texts: list[str] = []
    first = await turn(one.backend(), texts, "a long beginning " * 10)
    second = await turn(one.backend(), texts, "go on")
    assert first.prompt_tokens < second.prompt_tokens
    assert second.evaluated_tokens <= second.prompt_tokens
    await stop(one.home, one.key)


async def test_a_model_with_a_sliding_window_chats_too(engine: Engines, tmp_path: Path) -> None:
    one = engine(make_gguf(tmp_path / "gemma.gguf", arch="gemma3"), isolated=False)
    texts: list[str] = []
    await turn(one.backend(), texts, "a long beginning " * 30)
    second = await turn(one.backend(), texts, "go on")
    assert second.evaluated_tokens < 40
    await stop(one.home, one.key)


# -- progress, parts, embeddings -------------------------------------------------------------


async def test_loading_and_reading_report_progress(engine: Engines) -> None:
    one = engine()
    events = await suite.collect(one.backend(), asked("word " * 300))
    stages = [event for event in events if isinstance(event, Progress)]
    reading = [event for event in stages if event.stage == "prompt"]
    assert reading[0].done < reading[-1].done == reading[-1].total
    suite.check_order(events)


async def test_reasoning_is_split_from_the_answer(engine: Engines, tmp_path: Path) -> None:
    opening = "{{- '<|im_start|>assistant\\n<think>\\n' -}}"
    template = (
        "{%- for message in messages -%}"
        "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' -}}"
        "{%- endfor -%}" + opening
    )
    one = engine(make_gguf(tmp_path / "thinks.gguf", chat_template=template), isolated=False)
    events = await suite.collect(one.backend(), asked())
    assert [event for event in events if isinstance(event, ReasoningDelta)]
    assert not [event for event in events if isinstance(event, TextDelta)]
    await stop(one.home, one.key)


async def test_a_tool_call_is_taken_out_of_the_text(engine: Engines, tmp_path: Path) -> None:
    """A grammar makes the random model write a call as Hermes models do."""
    inside = '{\\"name\\": \\"look\\", \\"arguments\\": {\\"at\\": \\"sea\\"}}'
    call = f"<tool_call>\\n{inside}\\n</tool_call>"
    offer = "{%- for tool in tools -%}{{ tool | tojson }}{%- endfor -%}<tool_call></tool_call>"
    template = f"{{%- if tools -%}}{offer}{{%- endif -%}}{CHATML}"
    one = engine(make_gguf(tmp_path / "calls.gguf", chat_template=template), isolated=False)
    request = asked(grammar=f'root ::= "{call}"', max_tokens=200)
    request = replace(request, tools=(Tool("look", "Look at something", '{"type": "object"}'),))
    events = await suite.collect(one.backend(), request)
    (called,) = [event for event in events if isinstance(event, ToolCalled)]
    assert (called.call.name, json.loads(called.call.arguments)) == ("look", {"at": "sea"})
    assert suite.text_of(events).strip() == ""
    assert done_of(events).stop is Stop.TOOL
    await stop(one.home, one.key)


async def test_a_model_with_a_template_for_tools_is_offered_them_through_it(
    engine: Engines, tmp_path: Path
) -> None:
    path = make_gguf(
        tmp_path / "two.gguf",
        metadata={"tokenizer.chat_template.tool_use": "{{ tools[0].function.name }}|" + CHATML},
    )
    one = engine(path, isolated=False)
    tools = (Tool("look", "Look at something", '{"type": "object"}'),)
    plain = await one.backend().count(asked())
    offered = await one.backend().count(replace(asked(), tools=tools))
    assert offered.text == "look|" + plain.text
    await stop(one.home, one.key)


async def test_a_model_for_embeddings_reads_and_refuses_to_chat(
    engine: Engines, tmp_path: Path
) -> None:
    one = engine(make_bert(tmp_path / "bert.gguf"))
    embedded = await one.backend().embed("tiny", ["the sea", "the sea", "a stone"])
    same, again, other = embedded.vectors
    assert same == pytest.approx(again)
    assert same != pytest.approx(other)
    with pytest.raises(ModelError, match=r"bert\.gguf is a model for embeddings"):
        await text(one.backend(), asked())


async def test_embeddings_are_normalised_and_tell_texts_apart(
    engine: Engines, tmp_path: Path
) -> None:
    one = engine(make_gguf(tmp_path / "embeds.gguf", pooling=1), isolated=False)
    embedded = await one.backend().embed("tiny", ["the sea", "the sea", "a stone"])
    same, again, other = embedded.vectors
    assert sum(value * value for value in same) == pytest.approx(1.0)
    assert same == pytest.approx(again)
    assert same != pytest.approx(other)
    await stop(one.home, one.key)


async def test_embedding_counts_tokens_and_refuses_what_cannot_be_embedded(
    engine: Engines, tmp_path: Path
) -> None:
    one = engine(make_bert(tmp_path / "bert.gguf"), isolated=False)
    both = await one.backend().embed("tiny", ["the sea", "a stone"])
    singly = [await one.backend().embed("tiny", [text]) for text in ("the sea", "a stone")]
    assert both.tokens == sum(each.tokens for each in singly) > 4
    for texts, reason in ((["the sea", ""], "an empty text"), (["sea " * 9000], "at once")):
        with pytest.raises(ModelError, match=reason):
            await one.backend().embed("tiny", texts)
    assert await one.backend().embed("tiny", ["the sea"]) == singly[0]
    await stop(one.home, one.key)


async def test_a_model_for_chats_embeds_nothing(backend: EngineBackend) -> None:
    with pytest.raises(ModelError, match=r"tiny\.gguf is no model for embeddings"):
        await backend.embed("tiny", ["the sea"])
    assert await text(backend, asked())


async def test_a_client_that_leaves_takes_its_texts_along(engine: Engines, tmp_path: Path) -> None:
    one = engine(make_bert(tmp_path / "bert.gguf"), isolated=False)
    many = asyncio.create_task(one.backend().embed("tiny", ["sea " * 400] * 4000))
    first = await one.backend().embed("tiny", ["the sea"])
    assert not many.done()
    many.cancel()
    async with asyncio.timeout(5):
        assert await one.backend().embed("tiny", ["the sea"]) == first
    with pytest.raises(asyncio.CancelledError):
        await many
    await stop(one.home, one.key)


async def test_a_raw_text_is_continued_without_a_template(engine: Engines, tmp_path: Path) -> None:
    metadata = {f"tokenizer.ggml.fim_{part}_token_id": 700 + at for at, part in enumerate(_GAP)}
    one = engine(make_gguf(tmp_path / "fills.gguf", metadata=metadata), isolated=False)
    raw = replace(asked("The <think> sea"), raw=True)
    counted = await one.backend().count(raw)
    assert counted.text == "The <think> sea"
    assert counted.tokens is not None
    said = await text(one.backend(), raw)
    assert said
    assert said != await text(one.backend(), asked("The <think> sea"))
    filled = await one.backend().count(replace(raw, suffix="and the wind"))
    assert filled.tokens is not None
    assert filled.tokens > counted.tokens + 3
    assert filled.text.index("The <think> sea") < filled.text.index("and the wind")
    await stop(one.home, one.key)


async def test_a_model_that_fills_no_gaps_says_so(backend: EngineBackend) -> None:
    with pytest.raises(ModelError, match="cannot fill a gap"):
        await text(backend, replace(asked("a"), raw=True, suffix="b"))


async def test_a_raw_text_may_be_empty_where_a_model_has_a_token_to_begin_with(
    backend: EngineBackend,
) -> None:
    assert await text(backend, replace(asked(""), raw=True))


async def test_stopping_while_a_prompt_is_read_leaves_the_engine_free(
    backend: EngineBackend,
) -> None:
    async with aclosing(backend.stream(asked("word " * 500))) as events:
        async for event in events:
            if isinstance(event, Progress) and event.stage == "prompt":
                break
    async with asyncio.timeout(5):
        assert await text(backend, asked())


async def test_a_message_that_leaves_an_answer_no_room_is_refused(backend: EngineBackend) -> None:
    with pytest.raises(
        ModelError, match=r"needs \d+ tokens, and may take \d+ of .* context of 2048"
    ):
        async for _ in backend.stream(asked("sea " * 3000)):
            pass
