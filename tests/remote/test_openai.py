"""OpenAI's dialect, as the many servers that claim to speak it really do."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chatterm.errors import BadReply, Busy, ModelError, Refused, RemoteError, Unreachable
from chatterm.events import Done, Event, Notice, ReasoningDelta, TextDelta, ToolCalled
from chatterm.messages import (
    Attachment,
    Message,
    Request,
    Role,
    Stop,
    Timings,
    Tool,
    ToolCall,
    Usage,
)
from chatterm.params import Params
from chatterm.remote._http import Cut
from chatterm.remote.openai import OpenAIBackend
from tests.contract.suite import collect, request, text_of
from tests.remote.connections import http_to
from tests.servers.openai import JSON, OpenAIServer, chunk, refusal, scripted
from tests.servers.openai import event as sent
from tests.servers.wire import Connection
from tests.servers.wire import Request as Wired

DONE = b"data: [DONE]\n\n"


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as running:
        yield running


@pytest.fixture
async def backend(server: OpenAIServer) -> AsyncIterator[OpenAIBackend]:
    made = OpenAIBackend(http_to(server, "/v1"))
    yield made
    await made.aclose()


async def said(backend: OpenAIBackend, asked: Request | None = None) -> list[Event]:
    return await collect(backend, asked or request("lab/parrot", "hello there"))


def done(events: list[Event]) -> Done:
    assert isinstance(events[-1], Done)
    return events[-1]


ODD_STREAMS = {
    "comments and no space": [b": ping\n\ndata:" + chunk({"content": "hi"}, "stop")[6:], DONE],
    "no [DONE]": [chunk({"content": "hi"}, "stop")],
    "no last empty line": [chunk({"content": "hi"}), DONE[:-1]],
    "no finish reason": [chunk({"content": "hi"}), DONE],
    "CRLF": [chunk({"content": "hi"}, "stop").replace(b"\n", b"\r\n")],
    "a chunk without choices": [sent({"id": "c"}), chunk({"content": "hi"}, "stop"), DONE],
    "empty and null content": [
        chunk({"role": "assistant", "content": None}),
        chunk({"content": ""}),
        chunk({"content": "hi"}, "stop"),
    ],
    "nothing after [DONE] counts": [chunk({"content": "hi"}), DONE, chunk({"content": "!"})],
    "a message in place of a delta": [
        sent({"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]})
    ],
    "parts in place of text": [
        chunk({"content": [{"type": "text", "text": "h"}, {"type": "text", "text": "i"}]}, "stop")
    ],
    "another choice is left alone": [
        sent({"choices": [{"index": 1, "delta": {"content": "no"}}]}),
        chunk({"content": "hi"}, "stop"),
    ],
}


@pytest.mark.parametrize("chunks", ODD_STREAMS.values(), ids=ODD_STREAMS)
async def test_odd_streams_are_understood(
    backend: OpenAIBackend, server: OpenAIServer, chunks: list[bytes]
) -> None:
    server.next.append(scripted(*chunks))
    assert text_of(await said(backend)) == "hi"


async def test_a_reply_that_is_not_streamed_after_all_is_an_answer(
    backend: OpenAIBackend, server: OpenAIServer
) -> None:
    reply = {
        "choices": [{"index": 0, "message": {"content": "whole"}, "finish_reason": "length"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1},
    }
    server.next.append(refusal(200, json.dumps(reply).encode(), JSON))
    events = await said(backend)
    assert text_of(events) == "whole"
    assert done(events).stop is Stop.LENGTH


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_reasoning_is_kept_apart(
    backend: OpenAIBackend, server: OpenAIServer, field: str
) -> None:
    server.next.append(scripted(chunk({field: "hm"}), chunk({"content": "yes"}, "stop")))
    events = await said(backend)
    assert events[:2] == [ReasoningDelta("hm"), TextDelta("yes")]


def call(index: int | None, arguments: str, call_id: str = "", name: str = "") -> dict[str, Any]:
    piece: dict[str, Any] = {"function": {"arguments": arguments}}
    if index is not None:
        piece["index"] = index
    if call_id:
        piece |= {"id": call_id, "type": "function"}
    if name:
        piece["function"]["name"] = name
    return piece


@pytest.mark.parametrize("numbered", [True, False])
async def test_calls_come_in_pieces_and_leave_whole(
    backend: OpenAIBackend, server: OpenAIServer, numbered: bool
) -> None:
    zero, one = (0, 1) if numbered else (None, None)
    server.next.append(
        scripted(
            chunk({"tool_calls": [call(zero, "", "a", "look")]}),
            chunk({"tool_calls": [call(zero, '{"x"')]}),
            chunk({"tool_calls": [call(zero, ": 1}")]}),
            chunk({"tool_calls": [call(one, "{}", "b", "stop")]}),
            chunk({}, "tool_calls"),
            DONE,
        )
    )
    events = await said(backend)
    assert events[:-1] == [
        ToolCalled(ToolCall("a", "look", '{"x": 1}')),
        ToolCalled(ToolCall("b", "stop", "{}")),
    ]
    assert done(events).stop is Stop.TOOL


async def test_the_end_tells_what_it_cost_and_how_long_it_took(
    backend: OpenAIBackend, server: OpenAIServer
) -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }
    last = {"choices": [], "usage": usage, "timings": {"prompt_ms": 5, "predicted_ms": 7.5}}
    server.next.append(scripted(chunk({"content": "hi"}, "length"), sent(last), DONE))
    assert done(await said(backend)) == Done(
        Stop.LENGTH, Usage(10, 4, 6, 2, 1), Timings(prompt_ms=5.0, generation_ms=7.5)
    )


async def test_an_emoji_cut_in_two_comes_out_whole(
    backend: OpenAIBackend, server: OpenAIServer
) -> None:
    server.next.append(
        scripted(chunk({"content": "a\ud83c"}), chunk({"content": "\udf89b"}), chunk({}, "stop"))
    )
    assert [e for e in await said(backend) if isinstance(e, TextDelta)] == [
        TextDelta("a"),
        TextDelta("🎉b"),
    ]


async def test_logprobs_and_stop_words_are_told(
    backend: OpenAIBackend, server: OpenAIServer
) -> None:
    token = {"token": "hi", "logprob": -0.5, "top_logprobs": [{"token": "ho", "logprob": -1}]}
    choice = {"delta": {"content": "hi"}, "logprobs": {"content": [token]}}
    end = {"delta": {}, "finish_reason": "stop", "stop_reason": "END"}
    server.next.append(scripted(sent({"choices": [choice]}), sent({"choices": [end]})))
    events = await said(backend)
    assert isinstance(events[0], TextDelta)
    assert events[0].logprobs[0].top == (("ho", -1.0),)
    assert done(events).stop is Stop.STOP


CUTS = [chunk({"content": "one "}), chunk({"content": "two "}), chunk({"content": "three"})]


@pytest.mark.parametrize("at", range(len(CUTS) + 1))
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("cleanly", [False, True])
async def test_a_stream_that_ends_early_keeps_what_came_and_says_so(
    backend: OpenAIBackend, server: OpenAIServer, at: int, inside: bool, cleanly: bool
) -> None:
    sent = CUTS[:at] + ([b'data: {"choices": [{"del'] if inside else [])
    server.next.append(scripted(*sent, end=cleanly))
    got: list[Event] = []
    with pytest.raises(Cut):
        async for event in backend.stream(request("lab/parrot", "x")):
            got.append(event)
    assert text_of(got) == "".join(["one ", "two ", "three"][:at])


@pytest.mark.parametrize(
    "error",
    [
        sent({"error": {"message": "out of memory", "code": 500}}),
        sent({"error": "out of memory"}),
        sent({"object": "error", "message": "out of memory"}),
        b"event: error\n" + sent({"error": {"message": "out of memory", "type": "server_error"}}),
    ],
)
async def test_an_error_inside_the_stream_is_raised_with_its_words(
    backend: OpenAIBackend, server: OpenAIServer, error: bytes
) -> None:
    server.next.append(scripted(chunk({"content": "on"}), error))
    got: list[Event] = []
    with pytest.raises(RemoteError, match="out of memory"):
        async for event in backend.stream(request("lab/parrot", "x")):
            got.append(event)
    assert text_of(got) == "on"


async def test_a_limit_inside_the_stream_is_busy(
    backend: OpenAIBackend, server: OpenAIServer
) -> None:
    error = {"error": {"message": "slow down", "type": "rate_limit_error"}}
    server.next.append(scripted(sent(error)))
    with pytest.raises(Busy, match="slow down"):
        await said(backend)


@pytest.mark.parametrize(
    ("kind", "body"),
    [("text/html", b"<html>"), ("text/event-stream", b"data: what\n\n"), ("application/json", b"")],
)
async def test_what_is_no_answer_is_a_bad_reply(
    backend: OpenAIBackend, server: OpenAIServer, kind: str, body: bytes
) -> None:
    server.next.append(refusal(200, body, ("content-type", kind)))
    with pytest.raises(BadReply):
        await said(backend)


async def test_an_empty_500_is_an_error_with_a_way_on(
    backend: OpenAIBackend, server: OpenAIServer
) -> None:
    server.next.append(refusal(500, b""))
    with pytest.raises(RemoteError) as caught:
        await said(backend)
    assert caught.value.hint


async def test_a_busy_server_is_asked_again_when_it_says_so(
    backend: OpenAIBackend, server: OpenAIServer
) -> None:
    server.next += [
        refusal(429, b'{"error":"slow down"}', ("retry-after", "0.01")),
        refusal(503, b""),
    ]
    events = await said(backend)
    assert text_of(events) == "hello there"
    assert [isinstance(event, Notice) for event in events[:3]] == [True, True, False]


async def test_a_server_that_stays_busy_is_given_up(
    backend: OpenAIBackend, server: OpenAIServer
) -> None:
    server.next += [refusal(429, b"")] * 3
    with pytest.raises(Busy):
        await said(backend)
    assert len(server.asked) == 3


async def test_a_wait_that_is_too_long_is_left_to_the_user(
    backend: OpenAIBackend, server: OpenAIServer
) -> None:
    server.next.append(refusal(429, b"", ("retry-after", "3600")))
    with pytest.raises(Busy) as caught:
        await said(backend)
    assert caught.value.hint == "try again in 3600 s"


async def test_a_wrong_key_says_how_to_log_in(server: OpenAIServer) -> None:
    server.key = "right"
    backend = OpenAIBackend(http_to(server, "/v1", key="wrong"))
    with pytest.raises(Refused, match="Incorrect API key") as caught:
        await said(backend)
    assert caught.value.hint == "chatterm login lab"
    await backend.aclose()


async def test_an_unknown_model_is_named(backend: OpenAIBackend) -> None:
    with pytest.raises(ModelError, match="'nobody'"):
        await said(backend, request("lab/nobody", "x"))


@pytest.mark.parametrize(
    ("words", "gone", "stays"),
    [
        ("Unrecognized request argument: stream_options", "stream_options", "max_tokens"),
        ("use 'max_completion_tokens' instead of max_tokens", "max_tokens", "stream_options"),
    ],
)
async def test_what_a_server_does_not_know_is_left_out_for_good(
    backend: OpenAIBackend, server: OpenAIServer, words: str, gone: str, stays: str
) -> None:
    server.next.append(refusal(400, json.dumps({"error": {"message": words}}).encode()))
    asked = request("lab/parrot", "x", params=Params(max_tokens=9))
    await said(backend, asked)
    await said(backend, asked)
    assert [gone in body for body in server.asked] == [True, False, False]
    assert all(stays in body for body in server.asked)


async def test_every_parameter_that_was_set_is_sent(
    backend: OpenAIBackend, server: OpenAIServer
) -> None:
    params = Params(
        temperature=0.5,
        top_k=3,
        repeat_penalty=1.1,
        stop=("a", "b"),
        logit_bias=((5, -1.0),),
        logprobs=2,
        schema='{"type": "object"}',
        reasoning=False,
        seed=7,
    )
    await said(backend, request("lab/parrot", "x", params=params))
    body = server.asked[0]
    kept = {"temperature": 0.5, "top_k": 3, "repeat_penalty": 1.1, "seed": 7, "stop": ["a", "b"]}
    assert body.items() >= kept.items()
    assert body["logit_bias"] == {"5": -1.0}
    assert (body["logprobs"], body["top_logprobs"]) == (True, 2)
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert body["chat_template_kwargs"] == {"enable_thinking": False}


async def test_what_cannot_be_set_is_said(backend: OpenAIBackend) -> None:
    events = await said(backend, request("lab/parrot", "x", params=Params(context=4096)))
    assert isinstance(events[0], Notice)


def message(number: int, role: Role, text: str, **more: Any) -> Message:
    return Message(f"m{number}", f"m{number - 1}" if number else None, role, text, 0.0, **more)


async def test_the_whole_path_is_sent_with_calls_results_and_pictures(
    backend: OpenAIBackend, server: OpenAIServer
) -> None:
    picture = Attachment("d1", "cat.png", "image/png", 4)
    calls = (ToolCall("a", "look", "{}", "a cat"), ToolCall("b", "wait", "{}"))
    path = (
        message(0, Role.SYSTEM, "Be brief."),
        message(1, Role.USER, "What?", attachments=(picture,)),
        message(2, Role.ASSISTANT, "", tool_calls=calls),
        message(3, Role.ASSISTANT, ""),
        message(4, Role.USER, "And now?"),
    )
    tool = Tool("look", "Looks.", '{"type": "object"}')
    asked = Request("lab/parrot", path, "a1", tools=(tool,), images={"d1": b"\x89PNG"})
    await said(backend, asked)
    body = server.asked[0]
    roles = [m["role"] for m in body["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "tool", "user"]
    url = f"data:image/png;base64,{base64.b64encode(bytes([137]) + b'PNG').decode()}"
    assert body["messages"][1]["content"][1]["image_url"]["url"] == url
    assert body["messages"][2]["content"] is None
    assert [m["content"] for m in body["messages"][3:5]] == ["a cat", "(not run)"]
    assert body["tools"][0]["function"]["parameters"] == {"type": "object"}


async def test_a_tool_message_answers_its_call(
    backend: OpenAIBackend, server: OpenAIServer
) -> None:
    calls = (ToolCall("a", "look", "{}"), ToolCall("b", "wait", "{}"))
    path = (
        message(0, Role.USER, "go"),
        message(1, Role.ASSISTANT, "", tool_calls=calls),
        message(2, Role.TOOL, "waited", tool_calls=(ToolCall("b", "wait", "{}"),)),
        message(3, Role.TOOL, "looked"),
    )
    await said(backend, Request("lab/parrot", path, "a1"))
    sent = [m for m in server.asked[0]["messages"] if m["role"] == "tool"]
    assert [(m["tool_call_id"], m["content"]) for m in sent] == [("b", "waited"), ("a", "looked")]


async def test_what_an_answer_begins_with_is_sent_last(
    backend: OpenAIBackend, server: OpenAIServer
) -> None:
    asked = Request("lab/parrot", (message(0, Role.USER, "tell"),), "a1", prefill="Once")
    await said(backend, asked)
    assert server.asked[0]["messages"][-1] == {"role": "assistant", "content": "Once"}


@pytest.mark.parametrize(
    "models",
    [
        {"object": "list", "data": [{"id": "a", "max_model_len": 4096}]},
        {"data": [{"id": "a", "meta": {"n_ctx_train": 4096, "size": 9}}]},
        [{"id": "a", "context_length": 4096}, "odd", {}],
        {"models": [{"model": "a", "max_context_length": 4096}]},
    ],
)
async def test_models_are_listed_whatever_the_form(
    backend: OpenAIBackend, server: OpenAIServer, models: Any
) -> None:
    async def handle(_: Wired, connection: Connection) -> None:
        body = json.dumps(models).encode()
        await connection.reply(200, body, [("content-length", str(len(body))), JSON])

    server.handle = handle
    assert [(info.name, info.context) for info in await backend.models()] == [("lab/a", 4096)]


async def test_turns_share_one_connection(backend: OpenAIBackend, server: OpenAIServer) -> None:
    for _ in range(3):
        await said(backend)
    assert server.connections == 1


async def test_a_stream_that_breaks_after_its_answer_was_whole_has_done_its_work(
    backend: OpenAIBackend, server: OpenAIServer
) -> None:
    server.next.append(scripted(chunk({"content": "hi"}, "stop"), end=False))
    assert text_of(await said(backend)) == "hi"


async def test_stopping_closes_the_connection(server: OpenAIServer) -> None:
    server.pause = 0.02
    backend = OpenAIBackend(http_to(server, "/v1"))
    events = backend.stream(request("lab/parrot", "a b c " * 100))
    async for event in events:
        if isinstance(event, TextDelta):
            break
    await events.aclose()
    async with asyncio.timeout(5):
        await server.idle.wait()
    assert server.closed_by_client == 1
    await backend.aclose()


async def test_a_server_that_went_away_is_unreachable(
    backend: OpenAIBackend, server: OpenAIServer
) -> None:
    await said(backend)
    await server.stop()
    with pytest.raises(Unreachable):
        await said(backend)
