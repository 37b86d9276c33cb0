"""Completions and embeddings, with the official client."""

from __future__ import annotations

import math
from typing import Any

import openai
import pytest

SMALL: dict[str, Any] = {"max_tokens": 10, "temperature": 0}


def test_a_text_is_continued_as_it_is(client: openai.OpenAI) -> None:
    first = client.completions.create(model="tiny", prompt="The sea", **SMALL)
    (choice,) = first.choices
    assert first.object == "text_completion"
    assert choice.text
    assert choice.finish_reason == "length"
    assert first.usage is not None
    chat = client.chat.completions.create(
        model="tiny", messages=[{"role": "user", "content": "The sea"}], **SMALL
    )
    assert chat.usage is not None
    assert first.usage.prompt_tokens < chat.usage.prompt_tokens
    whole = client.completions.create(model="tiny", prompt="The sea", echo=True, **SMALL)
    assert whole.choices[0].text == "The sea" + choice.text


def test_several_texts_are_continued_in_one_request(client: openai.OpenAI) -> None:
    prompts = ["The sea", "A stone"]
    both = client.completions.create(model="tiny", prompt=prompts, **SMALL)
    alone = [client.completions.create(model="tiny", prompt=one, **SMALL) for one in prompts]
    assert [choice.text for choice in both.choices] == [one.choices[0].text for one in alone]
    assert both.usage is not None
    assert both.usage.prompt_tokens == sum(one.usage.prompt_tokens for one in alone if one.usage)


def test_a_continuation_is_streamed(client: openai.OpenAI) -> None:
    whole = client.completions.create(model="tiny", prompt="The sea", **SMALL)
    chunks = list(
        client.completions.create(
            model="tiny",
            prompt="The sea",
            stream=True,
            echo=True,
            stream_options={"include_usage": True},
            **SMALL,
        )
    )
    text = "".join(chunk.choices[0].text for chunk in chunks if chunk.choices)
    assert text == "The sea" + whole.choices[0].text
    assert chunks[-1].usage is not None
    assert {chunk.object for chunk in chunks} == {"text_completion"}


def test_probabilities_come_in_the_old_form(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="tiny", prompt="The sea", logprobs=2, **SMALL)
    told = answer.choices[0].logprobs
    assert told is not None
    assert told.tokens is not None
    assert "".join(told.tokens) == answer.choices[0].text
    assert told.text_offset is not None
    assert told.text_offset[0] == 0
    assert told.top_logprobs is not None
    assert all(len(top) == 2 for top in told.top_logprobs)


async def test_the_asynchronous_client_continues_and_embeds(aclient: openai.AsyncOpenAI) -> None:
    whole = await aclient.completions.create(model="echo", prompt="one two")
    assert whole.choices[0].text == "one two"
    stream = await aclient.completions.create(model="echo", prompt="one two", stream=True)
    assert "".join([chunk.choices[0].text async for chunk in stream]) == "one two"
    vectors = await aclient.embeddings.create(model="vectors", input="the sea")
    assert len(vectors.data[0].embedding) == 64


@pytest.mark.parametrize(
    ("wish", "param"),
    [
        ({"suffix": "end"}, None),
        ({"best_of": 3}, "best_of"),
        ({"prompt": [1, 2, 3]}, "prompt.0"),
        ({"prompt": []}, "prompt"),
        ({"logprobs": 50}, "logprobs"),
    ],
)
def test_what_cannot_be_continued_is_refused(
    client: openai.OpenAI, wish: dict[str, Any], param: str | None
) -> None:
    body = {"model": "tiny", "prompt": "a", **wish}
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/completions", body=body, cast_to=object)
    assert caught.value.param == param


# -- embeddings ------------------------------------------------------------------------------


def test_texts_become_vectors_in_both_encodings(client: openai.OpenAI) -> None:
    texts = ["the sea", "the sea", "a stone"]
    packed = client.embeddings.create(model="vectors", input=texts)
    plain = client.embeddings.create(model="vectors", input=texts, encoding_format="float")
    same, again, other = (item.embedding for item in packed.data)
    assert same == again != other
    assert math.isclose(sum(value * value for value in same), 1, rel_tol=1e-5)
    for one, two in zip(packed.data, plain.data, strict=True):
        assert one.index == two.index
        assert one.embedding == pytest.approx(two.embedding, rel=1e-6)
    assert packed.usage.prompt_tokens == packed.usage.total_tokens > 6


def test_vectors_can_be_shorter(client: openai.OpenAI) -> None:
    made = client.embeddings.create(model="vectors", input="the sea", dimensions=8)
    assert len(made.data[0].embedding) == 8
    assert math.isclose(sum(value * value for value in made.data[0].embedding), 1, rel_tol=1e-5)


@pytest.mark.parametrize(
    ("wish", "param"),
    [
        ({"input": ""}, "input.0"),
        ({"input": []}, "input"),
        ({"input": [1, 2]}, "input.0"),
        ({"input": "word " * 3000}, None),
        ({"dimensions": 9999}, "dimensions"),
        ({"encoding_format": "morse"}, "encoding_format"),
        ({"model": "tiny"}, None),
        ({"model": "echo"}, None),
    ],
)
def test_what_cannot_be_embedded_is_refused(
    client: openai.OpenAI, wish: dict[str, Any], param: str | None
) -> None:
    body = {"model": "vectors", "input": "the sea", **wish}
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/embeddings", body=body, cast_to=object)
    assert caught.value.param == param
