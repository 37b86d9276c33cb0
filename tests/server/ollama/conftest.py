"""One server for all tests of a module; clients are the official ones, unmodified."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import ollama
import pytest

from tests.ggufs import make_gguf
from tests.server.serving import Served
from tests.server.world import CALLS, world

_GAP = ("pre", "suf", "mid")


def _models(folder: Path) -> dict[str, Path]:
    """One that fills gaps, and one that likes to begin a call."""
    gap: dict[str, object] = {
        f"tokenizer.ggml.fim_{part}_token_id": 700 + at for at, part in enumerate(_GAP)
    }
    gap["general.sampling.temp"] = 0.5
    return {
        "gaps": make_gguf(folder / "gaps.gguf", metadata=gap),
        "calls": make_gguf(folder / "calls.gguf", chat_template=CALLS, bias={"<": 2.0}),
    }


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with world(tmp_path_factory.mktemp("w"), more=_models) as found:
        yield found


@pytest.fixture
def client(served: Served) -> Iterator[ollama.Client]:
    with ollama.Client(served.url) as found:
        yield found


@pytest.fixture
async def aclient(served: Served) -> AsyncIterator[ollama.AsyncClient]:
    async with ollama.AsyncClient(served.url) as found:
        yield found
