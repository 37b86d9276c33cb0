"""Answers whose final text is not what was streamed, and events that are told once more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from chatterm.events import Done, Event, ReasoningDelta, Replaced, TextDelta, ToolCalled
from chatterm.messages import Stop, ToolCall, Usage
from chatterm.server.openai.writing import ChatChunks, Heading
from chatterm.server.openai_common.answer import Onward
from chatterm.server.responses.writing import Writer, told_again
from tests.clocks import Clock

DONE = Done(Stop.END, Usage(5, 2, 3, 4))


@pytest.mark.parametrize(
    ("events", "sent"),
    [
        ([TextDelta("a"), TextDelta("b")], ["a", "b"]),
        ([TextDelta("ab"), Replaced("abc")], ["ab", "c"]),
        ([TextDelta("ab"), Replaced(""), TextDelta("a"), TextDelta("bc")], ["ab", "c"]),
        ([TextDelta("ab"), Replaced("a"), TextDelta("b")], ["ab"]),
        ([TextDelta("thought"), Replaced(""), TextDelta("Yes")], ["thought", "Yes"]),
        ([Replaced("all")], ["all"]),
    ],
)
def test_text_that_was_sent_is_not_sent_again(events: Sequence[Event], sent: list[str]) -> None:
    onward = Onward()
    assert [text for event in events if (text := onward.take(event))] == sent


def written(*events: Event, streamed: bool = True) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    numbers = iter(range(100))
    response: dict[str, Any] = {"id": "resp_1", "status": "in_progress", "output": []}
    writer = Writer(
        response, lambda: str(next(numbers)), Clock(), logprobs=False, streamed=streamed
    )
    told = [*writer.begin(), *writer.progress()]
    for event in events:
        told += writer.take(event)
    return response, told


def test_a_thought_that_was_taken_for_the_answer_is_put_right_where_nobody_read_along() -> None:
    events = (TextDelta("hm"), Replaced(""), ReasoningDelta("hm"), TextDelta("Yes"), DONE)
    response, _ = written(*events, streamed=False)
    assert [item["type"] for item in response["output"]] == ["reasoning", "message"]
    assert response["output"][1]["content"][0]["text"] == "Yes"
    response, _ = written(*events, streamed=True)
    texts = [item["content"][0]["text"] for item in response["output"]]
    assert texts == ["hm", "hm", "Yes"]


def test_what_is_told_again_ends_like_what_was_told() -> None:
    call = ToolCall("7", "look", '{"at": 1}')
    response, told = written(ReasoningDelta("so"), TextDelta("It is"), ToolCalled(call), DONE)
    again = list(told_again(response))
    assert [event["type"] for event in again] == [event["type"] for event in told]
    assert again[-1] == told[-1]
    assert response["output"][2]["call_id"] == "call_7"
    assert response["usage"]["input_tokens_details"]["cached_tokens"] == 2


def test_every_event_says_how_things_stood_then() -> None:
    _, told = written(TextDelta("a"), DONE)
    created = told[0]["response"]
    assert (created["status"], created["output"]) == ("in_progress", [])
    assert told[-1]["response"]["status"] == "completed"


def test_a_failure_keeps_what_came_before_it() -> None:
    response: dict[str, Any] = {"id": "resp_1", "status": "in_progress", "output": []}
    writer = Writer(response, lambda: "1", Clock(), logprobs=False, streamed=True)
    list(writer.begin())
    list(writer.take(TextDelta("half")))
    *_, last = writer.fail({"message": "the engine died"})
    assert last["type"] == "response.failed"
    assert response["error"] == {"code": "server_error", "message": "the engine died"}
    (item,) = response["output"]
    assert (item["status"], item["content"][0]["text"]) == ("incomplete", "half")


def test_calls_are_numbered_in_the_chunks_of_a_chat() -> None:
    chunks = ChatChunks(Heading("c", 1, "m"), 0, logprobs=False)
    said = [
        chunk["choices"][0]["delta"]["tool_calls"][0]
        for at in range(2)
        for chunk in chunks.take(ToolCalled(ToolCall(f"{at}", "look", "{}")))
    ]
    assert [piece["index"] for piece in said] == [0, 0, 1, 1]
    assert [piece.get("id") for piece in said] == ["call_0", None, "call_1", None]
