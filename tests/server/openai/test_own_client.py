"""chatterm as a client of chatterm: what one side writes the other reads."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from chatterm.events import Event, ReasoningDelta, TextDelta, ToolCalled
from chatterm.messages import Attachment, Message, Request, Role, Stop, Tool
from chatterm.params import Params
from chatterm.remote._http import Http
from chatterm.remote.address import parse_address
from chatterm.remote.openai import OpenAIBackend
from tests.contract import suite
from tests.pictures import png
from tests.server.serving import Served

WEATHER = Tool("weather", "Tell the weather", json.dumps({"type": "object", "properties": {}}))


@pytest.fixture
async def backend(served: Served) -> AsyncIterator[OpenAIBackend]:
    made = OpenAIBackend(Http("near", parse_address(f"{served.url}/v1")))
    yield made
    await made.aclose()


def asked(model: str, **params: Any) -> Request:
    said = Params.parse({"temperature": 0, "max_tokens": 12, **params})
    return suite.request(f"near/{model}", "Tell me of the sea", params=said)


async def test_an_answer_arrives_with_all_that_belongs_to_it(backend: OpenAIBackend) -> None:
    events = await suite.collect(backend, asked("tiny", logprobs=2))
    suite.check_order(events)
    suite.check_text(events)
    done: Any = events[-1]
    assert done.stop is Stop.LENGTH
    assert done.usage.completion_tokens == 12
    assert done.timings.generation_ms is not None
    told = [item for e in events if isinstance(e, TextDelta) for item in e.logprobs]
    assert len(told) == 12
    again = await suite.collect(backend, asked("tiny"))
    assert suite.text_of(again) == suite.text_of(events)


async def test_models_are_known_with_their_context(backend: OpenAIBackend) -> None:
    models = {info.name: info for info in await backend.models()}
    assert models["near/tiny"].context == 2048


async def test_thoughts_and_calls_arrive(backend: OpenAIBackend) -> None:
    thinking = await suite.collect(backend, asked("thinks"))
    assert [event for event in thinking if isinstance(event, ReasoningDelta)]
    request = replace(asked("calls", max_tokens=200), tools=(WEATHER,), must_call=("weather",))
    events: list[Event] = await suite.collect(backend, request)
    (called,) = [event for event in events if isinstance(event, ToolCalled)]
    assert called.call.name == "weather"
    assert getattr(events[-1], "stop", None) is Stop.TOOL


async def test_a_schema_and_a_picture_get_there(backend: OpenAIBackend) -> None:
    schema = json.dumps({"enum": ["red", "green"]})
    text = suite.text_of(await suite.collect(backend, asked("tiny", schema=schema)))
    assert json.loads(text) in ("red", "green")
    said = []
    for colour in ((200, 10, 10), (10, 10, 200)):
        data = png(colour)
        file = Attachment(base64.b16encode(data[-20:]).decode(), "a.png", "image/png", len(data))
        message = Message("m", None, Role.USER, "What is this?", 0.0, attachments=(file,))
        request = replace(asked("sees"), path=(message,), images={file.digest: data})
        said.append(suite.text_of(await suite.collect(backend, request)))
    assert said[0] != said[1]
