"""Our own client of this dialect, in front of our own server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from chatterm.errors import ModelError
from chatterm.events import Done
from chatterm.remote.ollama import OllamaBackend
from tests.contract.suite import collect, request, text_of
from tests.remote.connections import http_to
from tests.server.serving import Served


@pytest.fixture
async def backend(served: Served) -> AsyncIterator[OllamaBackend]:
    made = OllamaBackend(http_to(SimpleNamespace(url=served.url)))  # type: ignore[arg-type]
    yield made
    await made.aclose()


async def test_it_lists_and_asks_the_models(backend: OllamaBackend) -> None:
    models = {model.name: model for model in await backend.models()}
    assert models["lab/vectors:latest"].capabilities == {"embeddings"}
    for name in ("lab/echo:latest", "lab/echo"):
        events = await collect(backend, request(name, "hello there"))
        assert text_of(events) == "hello there"
        assert isinstance(events[-1], Done) and events[-1].usage.completion_tokens == 2


async def test_a_model_that_is_not_there_is_said_to_be_missing(backend: OllamaBackend) -> None:
    with pytest.raises(ModelError, match="no model"):
        await collect(backend, request("lab/nobody", "hello"))
