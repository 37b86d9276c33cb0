"""Responses and conversations, with the official client."""

from __future__ import annotations

import base64
import json
import time
from typing import Any, Literal

import openai
import pytest
from openai.types.responses import FunctionToolParam, ResponseInputParam
from pydantic import BaseModel

from tests.pictures import png
from tests.server.world import world

TALK = "Tell me of the sea"
SMALL: dict[str, Any] = {"max_output_tokens": 12, "temperature": 0}
WEATHER: FunctionToolParam = {
    "type": "function",
    "name": "weather",
    "strict": True,
    "description": "Tell the weather",
    "parameters": {
        "type": "object",
        "properties": {"place": {"enum": ["sea", "harbour"]}},
        "required": ["place"],
        "additionalProperties": False,
    },
}


class Colour(BaseModel):
    colour: Literal["red", "green"]


# -- one response ----------------------------------------------------------------------------


def test_a_response_is_answered_and_kept(client: openai.OpenAI) -> None:
    made = client.responses.create(
        model="echo", input="one two three", metadata={"for": "test"}, instructions="Be brief"
    )
    assert made.output_text == "one two three"
    assert made.status == "completed"
    assert made.usage is not None
    assert made.usage.total_tokens == made.usage.input_tokens + 3
    kept = client.responses.retrieve(made.id)
    assert kept.to_dict() == made.to_dict()
    assert kept.metadata == {"for": "test"}
    asked = client.responses.input_items.list(made.id).data
    assert [getattr(item, "content")[0].text for item in asked] == ["one two three"]  # noqa: B009
    client.responses.delete(made.id)
    for gone in (client.responses.retrieve, client.responses.delete):
        with pytest.raises(openai.NotFoundError):
            gone(made.id)


def test_a_response_that_is_not_kept_is_gone(client: openai.OpenAI) -> None:
    made = client.responses.create(model="echo", input="hush", store=False)
    assert made.output_text == "hush"
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="echo", input="more", previous_response_id=made.id)
    assert caught.value.param == "previous_response_id"


def test_a_limit_leaves_a_response_incomplete(client: openai.OpenAI) -> None:
    made = client.responses.create(model="tiny", input=TALK, **SMALL)
    assert made.status == "incomplete"
    assert made.incomplete_details is not None
    assert made.incomplete_details.reason == "max_output_tokens"
    assert made.output_text


def test_a_response_goes_on_from_another(client: openai.OpenAI) -> None:
    first = client.responses.create(model="echo", input="one", instructions="Only here")
    second = client.responses.create(model="echo", input="two", previous_response_id=first.id)
    third = client.responses.create(model="echo", input="three", previous_response_id=second.id)
    assert third.usage is not None
    assert third.usage.input_tokens == 5
    items = client.responses.input_items.list(third.id, order="asc").data
    texts = [getattr(item, "content")[0].text for item in items]  # noqa: B009
    assert texts == ["one", "one", "two", "two", "three"]
    newest = client.responses.input_items.list(third.id, limit=2)
    assert [getattr(item, "content")[0].text for item in newest.data] == ["three", "two"]  # noqa: B009
    assert len(list(newest)) == 5
    client.responses.delete(first.id)
    with pytest.raises(openai.BadRequestError, match="was deleted"):
        client.responses.create(model="echo", input="four", previous_response_id=third.id)


def test_an_earlier_item_can_be_named(client: openai.OpenAI) -> None:
    first = client.responses.create(model="echo", input="one")
    item = first.output[0].id
    assert item
    again = client.responses.create(
        model="echo",
        previous_response_id=first.id,
        input=[{"type": "item_reference", "id": item}, {"role": "user", "content": "two"}],
    )
    assert again.output_text == "two"
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="echo", input=[{"type": "item_reference", "id": "msg_x"}])


def test_an_answer_is_held_to_a_schema(client: openai.OpenAI) -> None:
    parsed = client.responses.parse(
        model="tiny", input=TALK, text_format=Colour, max_output_tokens=100
    )
    assert isinstance(parsed.output_parsed, Colour)
    loose = client.responses.create(
        model="tiny", input=TALK, text={"format": {"type": "json_object"}}, **SMALL
    )
    assert loose.output_text.startswith("{")


def test_probabilities_come_where_they_are_wanted(client: openai.OpenAI) -> None:
    made = client.responses.create(
        model="tiny",
        input=TALK,
        include=["message.output_text.logprobs"],
        top_logprobs=2,
        **SMALL,
    )
    (message,) = made.output
    assert message.type == "message"
    (part,) = message.content
    assert part.type == "output_text"
    assert part.logprobs is not None
    assert "".join(item.token for item in part.logprobs) == part.text
    assert all(len(item.top_logprobs) == 2 for item in part.logprobs)


def test_thoughts_are_an_item_of_their_own(client: openai.OpenAI) -> None:
    made = client.responses.create(model="thinks", input=TALK, **SMALL)
    (thought,) = made.output
    assert thought.type == "reasoning"
    assert thought.content
    assert thought.content[0].text
    assert made.usage is not None
    assert made.usage.output_tokens_details.reasoning_tokens == made.usage.output_tokens > 0
    quiet = client.responses.create(
        model="thinks", input=TALK, reasoning={"effort": "none"}, **SMALL
    )
    assert [item.type for item in quiet.output] == ["message"]
    assert quiet.usage is not None
    assert quiet.usage.output_tokens_details.reasoning_tokens == 0


def test_pictures_are_seen_and_kept(client: openai.OpenAI) -> None:
    def see(colour: tuple[int, int, int]) -> Any:
        url = "data:image/png;base64," + base64.b64encode(png(colour)).decode()
        parts: Any = [
            {"type": "input_text", "text": "What is this?"},
            {"type": "input_image", "image_url": url, "detail": "auto"},
        ]
        return client.responses.create(
            model="sees", input=[{"role": "user", "content": parts}], **SMALL
        )

    red, blue = see((200, 10, 10)), see((10, 10, 200))
    assert red.output_text != blue.output_text
    again = [
        client.responses.create(model="sees", input="And?", previous_response_id=one.id, **SMALL)
        for one in (red, blue)
    ]
    assert again[0].output_text != again[1].output_text


def test_what_a_response_goes_on_from_is_not_read_again(client: openai.OpenAI) -> None:
    first = client.responses.create(model="guide", input="What is chatterm?", max_output_tokens=30)
    second = client.responses.create(
        model="guide", input="And more?", previous_response_id=first.id, max_output_tokens=5
    )
    assert first.usage is not None
    assert second.usage is not None
    cached = second.usage.input_tokens_details.cached_tokens
    assert cached >= first.usage.total_tokens - 2


def test_tokens_can_be_counted_before(client: openai.OpenAI) -> None:
    counted = client.responses.input_tokens.count(model="tiny", input=TALK)
    made = client.responses.create(model="tiny", input=TALK, **SMALL)
    assert made.usage is not None
    assert counted.input_tokens == made.usage.input_tokens


# -- tools -----------------------------------------------------------------------------------


def test_a_call_is_answered_and_gone_on_from(client: openai.OpenAI) -> None:
    made = client.responses.create(
        model="calls", input=TALK, tools=[WEATHER], tool_choice="required"
    )
    (call,) = made.output
    assert call.type == "function_call"
    assert call.name == "weather"
    assert json.loads(call.arguments)["place"] in ("sea", "harbour")
    result: ResponseInputParam = [
        {"type": "function_call_output", "call_id": call.call_id, "output": "windy"}
    ]
    after = client.responses.create(
        model="calls",
        input=result,
        previous_response_id=made.id,
        tools=[WEATHER],
        tool_choice="none",
        **SMALL,
    )
    assert after.output_text
    by_hand = client.responses.create(
        model="calls",
        input=[
            {"role": "user", "content": TALK},
            call.to_dict(),  # type: ignore[list-item]
            *result,
        ],
        **SMALL,
    )
    assert by_hand.output_text == after.output_text


def test_a_call_can_be_parsed(client: openai.OpenAI) -> None:
    class Look(BaseModel):
        place: Literal["sea", "harbour"]

    tool: Any = {"type": "function"}
    tool |= openai.pydantic_function_tool(Look, name="look")["function"]
    parsed = client.responses.parse(
        model="calls",
        input=TALK,
        tools=[tool],
        tool_choice={"type": "function", "name": "look"},
        max_output_tokens=200,
    )
    (call,) = parsed.output
    assert call.type == "function_call"
    assert call.parsed_arguments


# -- streams ---------------------------------------------------------------------------------


def test_a_stream_tells_everything_in_order(client: openai.OpenAI) -> None:
    events = list(client.responses.create(model="echo", input="one two", stream=True))
    assert [event.type for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(10))


def test_the_helper_for_streams_follows(client: openai.OpenAI) -> None:
    with client.responses.stream(model="echo", input="one two") as stream:
        text = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert text == final.output_text == "one two"
    with client.responses.stream(
        model="tiny", input=TALK, text_format=Colour, max_output_tokens=100
    ) as parsed:
        assert isinstance(parsed.get_final_response().output_parsed, Colour)
    with client.responses.stream(
        model="calls", input=TALK, tools=[WEATHER], tool_choice="required"
    ) as calling:
        kinds = {event.type for event in calling}
        (call,) = calling.get_final_response().output
    assert call.type == "function_call"
    assert "response.function_call_arguments.done" in kinds


def test_thoughts_are_streamed(client: openai.OpenAI) -> None:
    kinds = [
        event.type
        for event in client.responses.create(model="thinks", input=TALK, stream=True, **SMALL)
    ]
    assert "response.reasoning_text.delta" in kinds
    assert kinds[-1] == "response.incomplete"


async def test_the_asynchronous_client_does_the_same(aclient: openai.AsyncOpenAI) -> None:
    made = await aclient.responses.create(model="echo", input="one two")
    assert (await aclient.responses.retrieve(made.id)).output_text == "one two"
    async with aclient.responses.stream(
        model="echo", input="three", previous_response_id=made.id
    ) as stream:
        async for _ in stream:
            pass
        final = await stream.get_final_response()
    assert len([item async for item in aclient.responses.input_items.list(final.id)]) == 3
    talk = await aclient.conversations.create(items=[{"role": "user", "content": "hello"}])
    assert len([item async for item in aclient.conversations.items.list(talk.id)]) == 1
    await aclient.responses.delete(made.id)
    assert (await aclient.conversations.delete(talk.id)).deleted


# -- in the background -----------------------------------------------------------------------


def settled(client: openai.OpenAI, response_id: str) -> Any:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = client.responses.retrieve(response_id)
        if found.status not in ("queued", "in_progress"):
            return found
        time.sleep(0.05)
    raise AssertionError("it never ended")


def test_a_response_in_the_background_goes_on_alone(client: openai.OpenAI) -> None:
    made = client.responses.create(model="slow", input="a b c d e f", background=True)
    assert made.status == "queued"
    assert settled(client, made.id).output_text == "a b c d e f"


def test_a_response_in_the_background_can_be_followed_and_left(client: openai.OpenAI) -> None:
    stream = client.responses.create(
        model="slow", input="a b c d e f g h", background=True, stream=True
    )
    seen: list[Any] = []
    for event in stream:
        seen.append(event)
        if event.type == "response.output_text.delta":
            break
    stream.close()
    response_id = seen[0].response.id
    last = seen[-1].sequence_number
    rest = list(client.responses.retrieve(response_id, stream=True, starting_after=last))
    numbers = [event.sequence_number for event in [*seen, *rest]]
    assert numbers == list(range(len(numbers)))
    deltas = [e.delta for e in [*seen, *rest] if e.type == "response.output_text.delta"]
    assert "".join(deltas) == "a b c d e f g h"
    again = [event.type for event in client.responses.retrieve(response_id, stream=True)]
    assert again[0] == "response.created"
    assert again[-1] == "response.completed"


def test_a_response_in_the_background_can_be_stopped(client: openai.OpenAI) -> None:
    made = client.responses.create(model="slow", input="word " * 400, background=True)
    while client.responses.retrieve(made.id).status == "queued":
        time.sleep(0.02)
    stopped = client.responses.cancel(made.id)
    assert stopped.status == "cancelled"
    assert client.responses.retrieve(made.id).status == "cancelled"
    assert client.responses.cancel(made.id).status == "cancelled"
    client.responses.delete(made.id)
    plain = client.responses.create(model="echo", input="done")
    with pytest.raises(openai.BadRequestError, match="in the background"):
        client.responses.cancel(plain.id)


# -- conversations ---------------------------------------------------------------------------


def test_a_conversation_gathers_what_is_said_in_it(client: openai.OpenAI) -> None:
    talk = client.conversations.create(
        metadata={"topic": "sea"}, items=[{"type": "message", "role": "user", "content": "zero"}]
    )
    assert client.conversations.retrieve(talk.id).metadata == {"topic": "sea"}
    first = client.responses.create(model="echo", input="one", conversation=talk.id)
    second = client.responses.create(model="echo", input="two", conversation={"id": talk.id})
    assert first.conversation is not None
    assert first.conversation.id == talk.id
    assert second.usage is not None
    assert second.usage.input_tokens == 4
    items = list(client.conversations.items.list(talk.id, order="asc", limit=2))
    texts = [getattr(item, "content")[0].text for item in items]  # noqa: B009
    assert texts == ["zero", "one", "one", "two", "two"]
    after = client.responses.create(model="echo", input="x", previous_response_id=second.id)
    assert after.usage is not None
    assert after.usage.input_tokens == 6


def test_items_of_a_conversation_can_be_added_shown_and_deleted(client: openai.OpenAI) -> None:
    talk = client.conversations.create()
    added = client.conversations.items.create(
        talk.id,
        items=[
            {"role": "user", "content": "hello"},
            {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "sea"},
        ],
    )
    assert [item.type for item in added.data] == [
        "message",
        "function_call",
        "function_call_output",
    ]
    first = added.data[0]
    assert first.id
    shown = client.conversations.items.retrieve(first.id, conversation_id=talk.id)
    assert shown.to_dict() == first.to_dict()
    client.conversations.items.delete(first.id, conversation_id=talk.id)
    with pytest.raises(openai.NotFoundError):
        client.conversations.items.retrieve(first.id, conversation_id=talk.id)
    assert client.conversations.update(talk.id, metadata={"a": "b"}).metadata == {"a": "b"}
    assert client.conversations.delete(talk.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.conversations.items.list(talk.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="echo", input="a", conversation=talk.id)


# -- over restarts ---------------------------------------------------------------------------


def test_what_was_kept_is_there_after_a_restart(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = tmp_path_factory.mktemp("r")
    with world(home) as served, _client(served.url) as client:
        made = client.responses.create(model="echo", input="one")
        talk = client.conversations.create(items=[{"role": "user", "content": "zero"}])
        client.responses.create(model="echo", input="one", conversation=talk.id)
        lost = client.responses.create(model="slow", input="word " * 400, background=True)
    with world(home) as served, _client(served.url) as client:
        assert client.responses.retrieve(made.id).to_dict() == made.to_dict()
        after = client.responses.create(model="echo", input="two", previous_response_id=made.id)
        assert after.usage is not None
        assert after.usage.input_tokens == 3
        assert len(list(client.conversations.items.list(talk.id))) == 3
        failed = client.responses.retrieve(lost.id)
        assert failed.status == "failed"
        assert failed.error is not None
        again = [event.type for event in client.responses.retrieve(lost.id, stream=True)]
        assert again[-1] == "response.failed"


def _client(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)


# -- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "param"),
    [
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": [{"type": "computer_call"}]}, "input.0.type"),
        ({"input": [{"role": "user"}]}, "input.0.content"),
        ({"input": [{"type": "message", "content": "a"}]}, "input.0.role"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file"}]}]},
            "input.0.content.0.type",
        ),
        ({"input": [{"type": "function_call", "call_id": "a", "name": "b"}]}, "input.0.arguments"),
        ({"tools": [{"type": "web_search"}]}, "tools.0.type"),
        ({"tool_choice": {"type": "function", "name": "x"}}, "tool_choice"),
        ({"text": {"format": {"type": "json_schema", "name": "a"}}}, "text.format.schema"),
        ({"previous_response_id": "resp_x"}, "previous_response_id"),
        ({"previous_response_id": "a", "conversation": "b"}, "previous_response_id"),
        ({"background": True, "store": False}, "background"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"metadata": {"a": 1}}, "metadata.a"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(client: openai.OpenAI, wish: dict[str, Any], param: str) -> None:
    body = {"model": "tiny", "input": "a", **wish}
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/responses", body=body, cast_to=object)
    assert caught.value.param == param


def test_a_chat_that_does_not_fit_is_refused_unless_it_may_be_cut(client: openai.OpenAI) -> None:
    turns: ResponseInputParam = [
        {"role": "user", "content": "word " * 400},
        {"role": "assistant", "content": "yes " * 400},
    ]
    asked: ResponseInputParam = [*turns * 8, {"role": "user", "content": TALK}]
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="tiny", input=asked, **SMALL)
    assert caught.value.code == "context_length_exceeded"
    cut = client.responses.create(model="tiny", input=asked, truncation="auto", **SMALL)
    assert cut.output_text
