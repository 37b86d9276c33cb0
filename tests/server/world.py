"""A server with one model of each kind, in a home of its own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chatterm.engine.hosts import EngineHome, running
from chatterm.paths import Paths
from tests.ggufs import CHATML, make_bert, make_gguf
from tests.pictures import make_projector
from tests.server.serving import Served, serving

OFFER = "{%- for tool in tools -%}{{ tool | tojson }}{%- endfor -%}<tool_call></tool_call>"
CALLS = f"{{%- if tools -%}}{OFFER}{{%- endif -%}}{CHATML}"
THINKS = CHATML + "{%- if add_generation_prompt -%}{{- '<think>\\n' -}}{%- endif -%}"
PACE = 20
"""Words per second of the model that takes its time."""


def _none(folder: Path) -> dict[str, Path]:
    return {}


@contextmanager
def world(
    home: Path, *, more: Callable[[Path], dict[str, Path]] = _none, **options: Any
) -> Iterator[Served]:
    """Serve ``guide``, ``echo``, ``slow`` (an echo), and random weights: ``tiny``, ``calls``,
    ``thinks``, ``vectors`` and ``sees``. ``more`` makes others, or others of these names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHATTERM_HOME", str(home))
        paths = Paths.from_environment(os.environ)
        if not paths.user_models_file.exists():
            _make_models(paths.user_models_file, home / "ggufs", more)
        try:
            # A suite asks more in a minute than any client may.
            base = {"engine__keep_alive": 60.0, "requests_per_minute": 0}
            with serving(**{**base, **options}) as served:
                yield served
        finally:
            _end_engines(paths)


def _make_models(file: Path, folder: Path, more: Callable[[Path], dict[str, Path]]) -> None:
    (folder / "eyes").mkdir(parents=True)
    make_projector(folder / "eyes" / "mmproj.gguf")
    made = {
        "tiny": make_gguf(folder / "tiny.gguf"),
        "calls": make_gguf(folder / "calls.gguf", chat_template=CALLS),
        "thinks": make_gguf(folder / "thinks.gguf", chat_template=THINKS),
        "vectors": make_bert(folder / "vectors.gguf"),
        "sees": make_gguf(folder / "eyes" / "sees.gguf"),
    } | more(folder)
    entries = [
        f'[models.{name}]\nbackend = "engine"\npath = "{path}"\n' for name, path in made.items()
    ]
    entries.append(f'[models.slow]\nbackend = "echo"\nwords_per_second = {PACE}\n')
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(entries))


def _end_engines(paths: Paths) -> None:
    home = EngineHome(paths.sockets, paths.log_dir, isolated=True)
    for host in asyncio.run(running(home)):
        if host["pid"] != os.getpid():
            os.kill(host["pid"], signal.SIGKILL)
