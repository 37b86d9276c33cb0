"""One server for all tests of a module; clients are the official ones, unmodified."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ollama
import pytest

from chatterm.engine.hosts import EngineHome, running
from chatterm.paths import Paths
from tests.ggufs import CHATML, make_bert, make_gguf
from tests.pictures import make_projector
from tests.server.serving import Served, serving

_OFFER = "{%- for tool in tools -%}{{ tool | tojson }}{%- endfor -%}<tool_call></tool_call>"
CALLS = f"{{%- if tools -%}}{_OFFER}{{%- endif -%}}{CHATML}"
THINKS = CHATML + "{%- if add_generation_prompt -%}{{- '<think>\\n' -}}{%- endif -%}"
PACE = 20
"""Words per second of the model that takes its time."""


@contextmanager
def world(home: Path, **options: Any) -> Iterator[Served]:
    """Serve guide, echo, ``slow`` (an echo), and random weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHATTERM_HOME", str(home))
        paths = Paths.from_environment(os.environ)
        make_models(paths.user_models_file, home / "ggufs")
        try:
            with serving(**{"engine__keep_alive": 60.0, **options}) as served:
                yield served
        finally:
            end_engines(paths)


def make_models(file: Path, folder: Path) -> None:
    (folder / "eyes").mkdir(parents=True)
    make_projector(folder / "eyes" / "mmproj.gguf")
    gap = {f"tokenizer.ggml.fim_{part}_token_id": 700 + at for at, part in enumerate(_GAP)}
    made = {
        "tiny": make_gguf(folder / "tiny.gguf"),
        "gaps": make_gguf(folder / "gaps.gguf", metadata=gap),
        "calls": make_gguf(folder / "calls.gguf", chat_template=CALLS, bias={"<": 2.0}),
        "thinks": make_gguf(folder / "thinks.gguf", chat_template=THINKS),
        "vectors": make_bert(folder / "vectors.gguf"),
        "sees": make_gguf(folder / "eyes" / "sees.gguf"),
    }
    entries = [
        f'[models.{name}]\nbackend = "engine"\npath = "{path}"\n' for name, path in made.items()
    ]
    entries.append(f'[models.slow]\nbackend = "echo"\nwords_per_second = {PACE}\n')
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(entries))


_GAP = ("pre", "suf", "mid")


def end_engines(paths: Paths) -> None:
    home = EngineHome(paths.sockets, paths.log_dir, isolated=True)
    for host in asyncio.run(running(home)):
        if host["pid"] != os.getpid():
            os.kill(host["pid"], signal.SIGKILL)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with world(tmp_path_factory.mktemp("w")) as found:
        yield found


@pytest.fixture
def client(served: Served) -> Iterator[ollama.Client]:
    with ollama.Client(served.url) as found:
        yield found


@pytest.fixture
async def aclient(served: Served) -> AsyncIterator[ollama.AsyncClient]:
    async with ollama.AsyncClient(served.url) as found:
        yield found
