"""Chat completions, with the official client over a real socket."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any, Literal

import openai
import pytest
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel

from tests.pictures import png

TALK: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Tell me of the sea"}]
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tell the weather",
        "parameters": {
            "type": "object",
            "properties": {"place": {"enum": ["sea", "harbour"]}},
            "required": ["place"],
            "additionalProperties": False,
        },
    },
}
CLOCK: ChatCompletionToolParam = {"type": "function", "function": {"name": "clock"}}
SMALL: dict[str, Any] = {"max_tokens": 12, "temperature": 0, "seed": 1}


class Colour(BaseModel):
    colour: Literal["red", "green"]
    bright: bool


def said(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


# -- models ----------------------------------------------------------------------------------


def test_models_are_listed_and_shown(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert {"guide", "echo", "tiny", "vectors"} <= set(names)
    shown = client.models.retrieve("tiny")
    assert (shown.id, shown.object) == ("tiny", "model")
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("nobody")
    assert caught.value.code == "model_not_found"


# -- whole answers ---------------------------------------------------------------------------


def test_an_answer_comes_whole(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="echo", messages=said("one two three"))
    (choice,) = answer.choices
    assert answer.object == "chat.completion"
    assert (choice.message.role, choice.message.content) == ("assistant", "one two three")
    assert choice.finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 3


def test_the_guide_answers_and_counts_what_it_need_not_read_again(client: openai.OpenAI) -> None:
    messages = said("How do I get another model?")
    first = client.chat.completions.create(model="guide", messages=messages, max_tokens=20)
    again = client.chat.completions.create(model="guide", messages=messages, max_tokens=20)
    assert first.choices[0].finish_reason == "length"
    assert again.usage is not None
    assert again.usage.prompt_tokens_details is not None
    assert again.usage.prompt_tokens_details.cached_tokens


def test_several_choices_differ_and_a_seed_repeats_them(client: openai.OpenAI) -> None:
    wish: dict[str, Any] = {"model": "tiny", "messages": TALK, "n": 3, "seed": 7, "max_tokens": 16}
    one = client.chat.completions.create(**wish, temperature=2)
    two = client.chat.completions.create(**wish, temperature=2)
    texts = [choice.message.content for choice in one.choices]
    assert len(set(texts)) > 1
    assert texts == [choice.message.content for choice in two.choices]
    assert one.usage is not None
    assert one.usage.completion_tokens == 48


def test_a_stop_string_ends_an_answer_and_a_limit_cuts_it(client: openai.OpenAI) -> None:
    create = client.chat.completions.create
    stopped = create(model="echo", messages=said("one two three"), stop=[" three"])
    assert (stopped.choices[0].message.content, stopped.choices[0].finish_reason) == (
        "one two",
        "stop",
    )
    cut = create(model="echo", messages=said("one two three"), max_completion_tokens=1)
    assert (cut.choices[0].message.content, cut.choices[0].finish_reason) == ("one", "length")


def test_the_history_is_read_with_all_its_roles(client: openai.OpenAI) -> None:
    arguments = '{"place": "sea"}'
    messages: list[ChatCompletionMessageParam] = [
        {"role": "developer", "content": "Be brief"},
        {"role": "system", "content": [{"type": "text", "text": "and kind"}]},
        {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": arguments},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "windy"},
        {"role": "assistant", "content": "It is windy"},
        {"role": "user", "content": "Thank you"},
    ]
    create = client.chat.completions.create
    answer = create(model="calls", messages=messages, tools=[WEATHER], **SMALL)
    shorter = create(model="calls", messages=messages[-1:], **SMALL)
    assert answer.usage is not None
    assert shorter.usage is not None
    assert answer.usage.prompt_tokens > shorter.usage.prompt_tokens + 40


def test_probabilities_come_with_every_token(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="tiny", messages=TALK, logprobs=True, top_logprobs=3, **SMALL
    )
    told = answer.choices[0].logprobs
    assert told is not None
    assert told.content is not None
    assert len(told.content) == 12
    assert "".join(item.token for item in told.content) == answer.choices[0].message.content
    for item in told.content:
        assert item.logprob <= 0
        assert len(item.top_logprobs) == 3
        assert item.top_logprobs[0].logprob >= item.logprob - 1e-6
        assert bytes(item.bytes or ()) == item.token.encode()


def test_a_bias_makes_a_token_certain(client: openai.OpenAI) -> None:
    create = client.chat.completions.create
    biased = create(model="tiny", messages=TALK, logit_bias={"65": 100}, **SMALL)
    text = biased.choices[0].message.content
    assert text
    assert len(set(text)) == 1


def test_thoughts_are_apart_from_the_answer(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="thinks", messages=TALK, **SMALL)
    message = answer.choices[0].message
    assert not message.content
    assert getattr(message, "reasoning_content")  # noqa: B009
    assert answer.usage is not None
    assert thoughts_of(answer.usage) == answer.usage.completion_tokens > 0
    quiet = client.chat.completions.create(
        model="thinks", messages=TALK, reasoning_effort="none", **SMALL
    )
    assert quiet.choices[0].message.content
    assert thoughts_of(quiet.usage) == 0
    both = client.chat.completions.create(model="thinks", messages=TALK, n=2, **SMALL)
    assert both.usage is not None
    assert thoughts_of(both.usage) == both.usage.completion_tokens


def thoughts_of(usage: CompletionUsage | None) -> int | None:
    assert usage is not None
    assert usage.completion_tokens_details is not None
    return usage.completion_tokens_details.reasoning_tokens


# -- streams ---------------------------------------------------------------------------------


def test_a_stream_says_the_same_as_a_whole_answer(client: openai.OpenAI) -> None:
    wish: dict[str, Any] = {"model": "tiny", "messages": TALK, **SMALL}
    whole = client.chat.completions.create(**wish)
    chunks = list(
        client.chat.completions.create(**wish, stream=True, stream_options={"include_usage": True})
    )
    first, *_, last, usage = chunks
    assert {chunk.id for chunk in chunks} == {first.id}
    assert first.choices[0].delta.role == "assistant"
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert last.choices[0].finish_reason == whole.choices[0].finish_reason
    assert not usage.choices
    assert usage.usage is not None
    assert whole.usage is not None
    assert usage.usage.total_tokens == whole.usage.total_tokens
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_several_choices_are_streamed_side_by_side(client: openai.OpenAI) -> None:
    texts = {0: "", 1: ""}
    ends = {}
    for chunk in client.chat.completions.create(
        model="echo", messages=said("one two three"), n=2, stream=True
    ):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            if choice.finish_reason:
                ends[choice.index] = choice.finish_reason
    assert set(texts.values()) == {"one two three"}
    assert ends == {0: "stop", 1: "stop"}


def test_the_helper_for_streams_follows(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="echo", messages=said("one two three")) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert "content.delta" in kinds
    assert "content.done" in kinds
    assert final.choices[0].message.content == "one two three"


async def test_the_asynchronous_client_does_the_same(aclient: openai.AsyncOpenAI) -> None:
    create = aclient.chat.completions.create
    whole = await create(model="echo", messages=said("one two"))
    assert whole.choices[0].message.content == "one two"
    stream = await create(model="echo", messages=said("one two"), stream=True)
    pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
    assert "".join(pieces) == "one two"
    async with aclient.chat.completions.stream(model="echo", messages=said("a b")) as helped:
        async for _ in helped:
            pass
        assert (await helped.get_final_completion()).choices[0].message.content == "a b"
    assert [model.id async for model in aclient.models.list()]


def test_raw_and_streaming_responses_have_their_headers(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model="echo", messages=said("hi"))
    assert raw.headers["content-type"].startswith("application/json")
    assert raw.parse().choices[0].message.content == "hi"
    with client.chat.completions.with_streaming_response.create(
        model="echo", messages=said("hi"), stream=True
    ) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = list(response.iter_lines())
    assert lines[-2:] == ["data: [DONE]", ""]
    assert all(not line or line.startswith(("data: ", ":")) for line in lines)


# -- tools -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("required", {"weather", "clock"}),
        ({"type": "function", "function": {"name": "weather"}}, {"weather"}),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": "clock"}}],
                },
            },
            {"clock"},
        ),
    ],
)
def test_a_call_can_be_demanded(client: openai.OpenAI, choice: Any, names: set[str]) -> None:
    answer = client.chat.completions.create(
        model="calls", messages=TALK, tools=[WEATHER, CLOCK], tool_choice=choice, max_tokens=200
    )
    (chosen,) = answer.choices
    assert chosen.finish_reason == "tool_calls"
    assert chosen.message.content is None
    assert chosen.message.tool_calls
    (call,) = chosen.message.tool_calls
    assert call.type == "function"
    assert call.function.name in names
    arguments = json.loads(call.function.arguments)
    if call.function.name == "weather":
        assert arguments["place"] in ("sea", "harbour")


def test_a_call_is_streamed_as_clients_put_it_together(client: openai.OpenAI) -> None:
    named: Any = {"type": "function", "function": {"name": "weather"}}
    with client.chat.completions.stream(
        model="calls", messages=TALK, tools=[WEATHER], tool_choice=named, max_tokens=200
    ) as stream:
        done = [e for e in stream if e.type == "tool_calls.function.arguments.done"]
        final = stream.get_final_completion().choices[0]
    assert [event.name for event in done] == ["weather"]
    assert final.finish_reason == "tool_calls"
    assert final.message.tool_calls
    (call,) = final.message.tool_calls
    assert call.id.startswith("call_")
    assert json.loads(call.function.arguments)["place"] in ("sea", "harbour")


def test_no_tool_is_called_where_none_may_be(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="calls", messages=TALK, tools=[WEATHER], tool_choice="none", **SMALL
    )
    assert answer.choices[0].message.tool_calls is None
    assert answer.choices[0].message.content


# -- forms -----------------------------------------------------------------------------------


def test_an_answer_is_held_to_a_schema(client: openai.OpenAI) -> None:
    for seed in range(4):
        parsed = client.chat.completions.parse(
            model="tiny", messages=TALK, response_format=Colour, seed=seed, max_tokens=200
        )
        found = parsed.choices[0].message.parsed
        assert isinstance(found, Colour)


def test_a_streamed_answer_is_parsed_too(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        model="tiny", messages=TALK, response_format=Colour, max_tokens=200
    ) as stream:
        final = stream.get_final_completion()
    assert isinstance(final.choices[0].message.parsed, Colour)


def test_any_json_is_an_object(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="tiny", messages=TALK, response_format={"type": "json_object"}, **SMALL
    )
    assert (answer.choices[0].message.content or "").startswith("{")


# -- pictures --------------------------------------------------------------------------------


def shown(*pictures: bytes) -> list[ChatCompletionMessageParam]:
    parts: list[Any] = [{"type": "text", "text": "What is this?"}]
    for picture in pictures:
        url = "data:image/png;base64," + base64.b64encode(picture).decode()
        parts.append({"type": "image_url", "image_url": {"url": url, "detail": "low"}})
    return [{"role": "user", "content": parts}]


def test_a_model_that_sees_is_shown_pictures(client: openai.OpenAI) -> None:
    create = client.chat.completions.create
    red, blue = (
        create(model="sees", messages=shown(png(colour)), **SMALL).choices[0].message.content
        for colour in ((200, 10, 10), (10, 10, 200))
    )
    assert red != blue


def test_a_picture_that_cannot_be_seen_is_refused(client: openai.OpenAI) -> None:
    create = client.chat.completions.create
    with pytest.raises(openai.BadRequestError, match="cannot see"):
        create(model="tiny", messages=shown(png((1, 2, 3))), **SMALL)
    for url in (
        "https://example.org/a.png",
        "data:image/png;base64,!!",
        "data:image/png;base64,aGk=",
    ):
        part: Any = {"type": "image_url", "image_url": {"url": url}}
        with pytest.raises(openai.BadRequestError) as caught:
            create(model="sees", messages=[{"role": "user", "content": [part]}])
        assert caught.value.param == "messages.0.content.0.image_url.url"


# -- refusals --------------------------------------------------------------------------------


FORMAT = "response_format.json_schema.schema"


def schema(inner: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "it", "schema": inner}}


def nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    for _ in range(depth):
        inner = {"type": "array", "items": inner}
    return inner


@pytest.mark.parametrize(
    ("wish", "param"),
    [
        ({"temperature": 9}, "temperature"),
        ({"temperature": "warm"}, "temperature"),
        ({"n": 0}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stop": [""]}, "stop"),
        ({"stop": ["a"] * 100}, "stop"),
        ({"response_format": schema({"pattern": "a{99999999999}"})}, FORMAT),
        ({"response_format": schema({"type": "poem"})}, FORMAT),
        ({"response_format": schema(nested(80))}, FORMAT),
        ({"response_format": schema({"enum": ["a" * 200_000]})}, FORMAT),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": nested(500)}}]},
            "tools.0.function.parameters",
        ),
        ({"logit_bias": {"not a token": 1}}, "logit_bias"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "poem"}}, "response_format.type"),
        ({"tools": [{"type": "web_search"}]}, "tools.0.type"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "king", "content": "a"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "messages.0.tool_call_id"),
        (
            {"messages": [{"role": "user", "content": [{"type": "audio"}]}]},
            "messages.0.content.0.type",
        ),
        ({"functions": [{"name": "old"}]}, "functions"),
        ({"modalities": ["audio"]}, "modalities"),
    ],
)
def test_a_wrong_field_is_named(client: openai.OpenAI, wish: dict[str, Any], param: str) -> None:
    body = {"model": "tiny", "messages": TALK, **wish}
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/chat/completions", body=body, cast_to=object)
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b'"a"', b'{"model": NaN}', b'{"model": "\\ud800"}', b"\xff",
     b"[" * 100_000, b'{"model": "echo", "messages": 3}', b'{"temperature": 1e999}'],
)  # fmt: skip
def test_a_body_that_is_no_request_is_refused(client: openai.OpenAI, data: bytes) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.post(
            "/chat/completions",
            content=data,
            cast_to=object,
            options={"headers": {"Content-Type": "application/json"}},
        )
    assert caught.value.type == "invalid_request_error"


def test_a_chat_that_does_not_fit_is_refused_and_not_cut(client: openai.OpenAI) -> None:
    turn: list[ChatCompletionMessageParam] = [
        {"role": "user", "content": "word " * 400},
        {"role": "assistant", "content": "yes " * 400},
    ]
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(model="tiny", messages=[*turn * 8, *TALK], stream=stream)
        assert caught.value.code == "context_length_exceeded"
        with pytest.raises(openai.BadRequestError) as alone:
            client.chat.completions.create(
                model="tiny", messages=said("word " * 4000), stream=stream
            )
        assert alone.value.code == "context_length_exceeded"


def test_a_message_that_no_human_wrote_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="characters"):
        client.chat.completions.create(model="tiny", messages=said("a" * 1_000_001))


# -- many at once ----------------------------------------------------------------------------


async def test_nobody_sees_the_words_of_another(aclient: openai.AsyncOpenAI) -> None:
    async def ask(number: int) -> None:
        words = " ".join(f"w{number}-{at}" for at in range(20))
        stream = await aclient.chat.completions.create(
            model="echo", messages=said(words), stream=number % 2 == 0
        )
        if isinstance(stream, openai.AsyncStream):
            text = "".join([c.choices[0].delta.content or "" async for c in stream])
        else:
            text = stream.choices[0].message.content or ""
        assert text == words

    await asyncio.gather(*(ask(number) for number in range(16)))


async def test_the_guide_answers_many_as_it_answers_one(aclient: openai.AsyncOpenAI) -> None:
    questions = [
        "What is chatterm?",
        "How do I add a model?",
        "How do I quit?",
        "What is a remote?",
    ]

    async def ask(question: str) -> str:
        answer = await aclient.chat.completions.create(
            model="guide", messages=said(question), temperature=0, max_tokens=24
        )
        return answer.choices[0].message.content or ""

    alone = [await ask(question) for question in questions]
    together = await asyncio.gather(*(ask(question) for question in questions * 3))
    assert together == alone * 3
    assert len(set(alone)) == len(questions)


# -- kept ------------------------------------------------------------------------------------


def test_completions_that_were_kept_can_be_read_labelled_and_deleted(
    client: openai.OpenAI,
) -> None:
    kept = client.chat.completions
    made = [
        kept.create(model="echo", messages=said(f"keep {at}"), store=True, metadata={"at": str(at)})
        for at in range(3)
    ]
    kept.create(model="echo", messages=said("forget"))
    list(kept.create(model="echo", messages=said("streamed"), store=True, stream=True))
    assert len(list(kept.list(limit=2))) == 4
    assert [one.id for one in kept.list(metadata={"at": "1"})] == [made[1].id]
    assert kept.retrieve(made[0].id).choices[0].message.content == "keep 0"
    assert [one.content for one in kept.messages.list(made[2].id)] == ["keep 2"]
    assert kept.update(made[0].id, metadata={"new": "yes"}).metadata == {"new": "yes"}
    assert kept.delete(made[0].id).deleted
    for gone in (kept.retrieve, kept.delete, kept.messages.list):
        with pytest.raises(openai.NotFoundError):
            gone(made[0].id)
