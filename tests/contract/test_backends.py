"""Every backend keeps the contract of ``chatterm.backend``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from chatterm.backend import Backend
from chatterm.echo import EchoBackend
from chatterm.engine.hosts import stop
from chatterm.errors import ModelError
from chatterm.params import Params
from chatterm.remote.ollama import OllamaBackend
from chatterm.remote.openai import OpenAIBackend
from chatterm.remote.openassistant.backend import OpenAssistantBackend
from tests.contract import suite
from tests.engines import Engine
from tests.engines import engine as engine
from tests.engines import tiny as tiny
from tests.remote.connections import http_to
from tests.remote.talking import backend_to
from tests.scripted import ScriptedBackend, says
from tests.servers.openai import OllamaServer, OpenAIServer
from tests.servers.openassistant import GENERATIONS
from tests.servers.wire import WireServer


@dataclass(frozen=True)
class Subject:
    """A backend, and a model of it that writes more than a few words to any prompt."""

    backend: Backend
    model: str


PROMPT = "one two three four five äöü 漢字 🎉 and\nso on " * 3


def _scripted() -> ScriptedBackend:
    words = PROMPT.split(" ")
    return ScriptedBackend(*[says(*(f"{word} " for word in words)) for _ in range(4)])


BACKENDS = ["echo", "echo-slow", "scripted", "engine-process", "engine-thread", "openai", "ollama"]
BACKENDS += ["G5", "G4", "G3"]


@pytest.fixture(params=BACKENDS)
async def subject(
    request: pytest.FixtureRequest, engine: Callable[..., Engine], tmp_path: Path
) -> AsyncIterator[Subject]:
    made_engine: Engine | None = None
    server: WireServer | None = None
    match request.param:
        case "engine-process" | "engine-thread" as kind:
            made_engine = engine(isolated=kind == "engine-process")
            made = Subject(made_engine.backend(), "tiny")
        case "openai":
            server = OpenAIServer(pause=0.002)
            await server.start()
            made = Subject(OpenAIBackend(http_to(server, "/v1")), "lab/parrot")
        case "ollama":
            server = OllamaServer(pause=0.002)
            await server.start()
            made = Subject(OllamaBackend(http_to(server)), "lab/parrot:latest")
        case "G5" | "G4" | "G3" as generation:
            server = GENERATIONS[generation](pause=0.002)
            await server.start()
            made = Subject(await backend_to(server, tmp_path), "lab/_lorem")
        case "echo":
            made = Subject(EchoBackend({"echo": 0}), "echo")
        case "echo-slow":
            made = Subject(EchoBackend({"echo-slow": 400}), "echo-slow")
        case _:
            made = Subject(_scripted(), "scripted")
    yield made
    await made.backend.aclose()
    await made.backend.aclose()
    if made_engine is not None:
        await stop(made_engine.home, made_engine.key)
    if server is not None:
        await server.stop()


async def test_events_come_in_order_and_are_whole(subject: Subject) -> None:
    events = await suite.collect(subject.backend, suite.request(subject.model, PROMPT))
    suite.check_order(events)
    suite.check_text(events)
    assert suite.text_of(events).strip()


async def test_closing_the_stream_ends_the_answer(subject: Subject) -> None:
    asked = suite.request(subject.model, PROMPT)
    await suite.check_aclose_ends_it(subject.backend, asked)


async def test_cancelling_the_reader_ends_the_answer(subject: Subject) -> None:
    asked = suite.request(subject.model, PROMPT)
    await suite.check_cancel_ends_it(subject.backend, asked)


async def test_models_are_named_as_they_are_asked_for(subject: Subject) -> None:
    assert subject.model in [info.name for info in await subject.backend.models()]


class TestRealBackends:
    """What a script would only repeat."""

    @pytest.fixture
    def subject(self, subject: Subject) -> Subject:
        if isinstance(subject.backend, ScriptedBackend):
            pytest.skip("a script says what it was told")
        return subject

    async def test_usage_adds_up(self, subject: Subject) -> None:
        if isinstance(subject.backend, OpenAssistantBackend):
            pytest.skip("such a server tells nothing of tokens")
        events = await suite.collect(subject.backend, suite.request(subject.model, PROMPT))
        suite.check_usage(events)

    async def test_max_tokens_ends_the_answer(self, subject: Subject) -> None:
        if isinstance(subject.backend, OpenAssistantBackend):
            pytest.skip("such a server does not tell why an answer ended")
        asked = suite.request(subject.model, PROMPT, params=Params(max_tokens=3))
        await suite.check_limit(subject.backend, asked)

    async def test_an_unknown_model_is_an_error_not_an_event(self, subject: Subject) -> None:
        with pytest.raises(ModelError):
            await suite.collect(subject.backend, suite.request("nobody", PROMPT))
