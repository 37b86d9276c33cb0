"""Ollama's own dialect."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chatterm.errors import BadReply, Busy, ModelError, RemoteError
from chatterm.events import Done, Event, Notice, Progress, ReasoningDelta, TextDelta, ToolCalled
from chatterm.messages import Attachment, Message, Request, Role, Stop, Tool, ToolCall
from chatterm.params import Params
from chatterm.remote._http import Cut
from chatterm.remote.ollama import OllamaBackend
from tests.contract.suite import collect, request, text_of
from tests.remote.connections import http_to
from tests.servers.openai import NDJSON, OllamaServer, line, refusal, scripted


@pytest.fixture
async def server() -> AsyncIterator[OllamaServer]:
    async with OllamaServer() as running:
        yield running


@pytest.fixture
async def backend(server: OllamaServer) -> AsyncIterator[OllamaBackend]:
    made = OllamaBackend(http_to(server))
    yield made
    await made.aclose()


async def said(backend: OllamaBackend, asked: Request | None = None) -> list[Event]:
    return await collect(backend, asked or request("lab/parrot", "hello there"))


async def test_loading_is_shown_until_the_model_is_in_memory(backend: OllamaBackend) -> None:
    assert [isinstance(e, Progress) for e in (await said(backend))[:1]] == [True]
    assert not any(isinstance(e, Progress) for e in await said(backend))


async def test_turns_share_one_connection(backend: OllamaBackend, server: OllamaServer) -> None:
    for _ in range(3):
        await said(backend)
    assert server.connections == 1


async def test_the_end_tells_what_it_cost(backend: OllamaBackend) -> None:
    done = (await said(backend))[-1]
    assert isinstance(done, Done)
    assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (2, 2)
    assert done.timings.load_ms == 2.0


async def test_thinking_and_calls_are_kept_apart(
    backend: OllamaBackend, server: OllamaServer
) -> None:
    calls = [{"function": {"name": "look", "arguments": {"x": "ä"}}}]
    server.next.append(
        scripted(
            line(content="", thinking="hm"),
            line(content="so"),
            line(content="", tool_calls=calls),
            line(content="", done=True, done_reason="stop"),
            kind=NDJSON[1],
        )
    )
    events = [e for e in await said(backend) if not isinstance(e, Progress)]
    assert events[:3] == [
        ReasoningDelta("hm"),
        TextDelta("so"),
        ToolCalled(ToolCall("call_0", "look", '{"x": "ä"}')),
    ]
    assert isinstance(events[-1], Done)
    assert events[-1].stop is Stop.TOOL


@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("cleanly", [False, True])
async def test_a_stream_that_ends_early_keeps_what_came_and_says_so(
    backend: OllamaBackend, server: OllamaServer, at: int, inside: bool, cleanly: bool
) -> None:
    sent = [line(content="a"), line(content="b")][:at]
    server.next.append(
        scripted(*sent, *([b'{"mess'] if inside else []), end=cleanly, kind=NDJSON[1])
    )
    got: list[Event] = []
    with pytest.raises(Cut):
        async for event in backend.stream(request("lab/parrot", "x")):
            got.append(event)
    assert text_of(got) == "ab"[:at]


async def test_an_error_inside_the_stream_is_raised(
    backend: OllamaBackend, server: OllamaServer
) -> None:
    server.next.append(scripted(line(content="a"), b'{"error":"boom"}\n', kind=NDJSON[1]))
    with pytest.raises(RemoteError, match="boom"):
        await said(backend)


async def test_a_web_page_is_a_bad_reply(backend: OllamaBackend, server: OllamaServer) -> None:
    server.next.append(refusal(200, b"<html>", ("content-type", "text/html")))
    with pytest.raises(BadReply):
        await said(backend)


async def test_an_unknown_model_says_how_to_fetch_it(backend: OllamaBackend) -> None:
    with pytest.raises(ModelError, match="'nobody'") as caught:
        await said(backend, request("lab/nobody", "x"))
    assert "ollama pull nobody" in caught.value.hint


async def test_a_busy_server_is_asked_again_and_then_given_up(
    backend: OllamaBackend, server: OllamaServer
) -> None:
    server.next += [refusal(503, b'{"error":"server busy"}')]
    assert text_of(await said(backend)) == "hello there"
    server.next += [refusal(503, b'{"error":"server busy"}')] * 3
    with pytest.raises(Busy, match="server busy"):
        await said(backend)


async def test_parameters_have_the_names_of_the_dialect(
    backend: OllamaBackend, server: OllamaServer
) -> None:
    params = Params(
        max_tokens=5, context=99, stop=("x",), schema='{"type": "object"}', reasoning=True
    )
    await said(backend, request("lab/parrot", "x", params=params))
    body = server.asked[0]
    assert body["options"] == {"num_predict": 5, "num_ctx": 99, "stop": ["x"]}
    assert (body["format"], body["think"]) == ({"type": "object"}, True)


async def test_what_cannot_be_set_is_said(backend: OllamaBackend) -> None:
    events = await said(backend, request("lab/parrot", "x", params=Params(grammar="root ::= x")))
    assert events[0] == Notice("remote", "lab cannot set grammar")


async def test_calls_results_and_pictures_are_sent_as_ollama_wants_them(
    backend: OllamaBackend, server: OllamaServer
) -> None:
    deep = "[" * 100_000
    calls = (
        ToolCall("a", "look", '{"x": 1}', "seen"),
        ToolCall("b", "odd", "not json", "ok"),
        ToolCall("c", "odd", deep, "ok"),
    )
    path = (
        Message("m0", None, Role.USER, "w", 0.0, attachments=(Attachment("d", "n", "image/x", 1),)),
        Message("m1", "m0", Role.ASSISTANT, "", 0.0, reasoning="hm", tool_calls=calls),
        Message("m2", "m1", Role.USER, "go on", 0.0),
    )
    tool = Tool("look", "Looks.", '{"type": "object"}')
    await said(backend, Request("lab/parrot", path, "a", tools=(tool,), images={"d": b"p"}))
    user, answer, result, *_ = server.asked[0]["messages"]
    assert user["images"] == ["cA=="]
    assert answer["thinking"] == "hm"
    arguments = [c["function"]["arguments"] for c in answer["tool_calls"]]
    assert arguments == [{"x": 1}, {"input": "not json"}, {"input": deep}]
    assert (result["tool_name"], result["content"]) == ("look", "seen")


async def test_models_tell_their_size_and_whether_they_are_loaded(
    backend: OllamaBackend, server: OllamaServer
) -> None:
    server.loaded = True
    (info,) = await backend.models()
    assert (info.name, info.summary, info.size_bytes) == (
        "lab/parrot:latest",
        "1B, Q4_0, loaded",
        123,
    )
    assert info.capabilities == {"tools", "reasoning"}
