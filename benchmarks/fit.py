"""What models are said to take in memory, beside what the library says and the process shows.

First comes what it costs to read the header of a large file. The models are made here, one of each
shape that is counted in its own way. Each is loaded by the real engine, reads a prompt longer than
a chunk, and is then asked for its memory.
"""

from __future__ import annotations

import asyncio
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.model import benchmark_model
from chatterm.engine.client import EngineBackend
from chatterm.engine.gguf import read_header
from chatterm.engine.hosts import EngineHome, running, stop
from chatterm.engine.memory_need import Need
from chatterm.engine.settings import EngineSettings
from chatterm.messages import Message, Request, Role
from chatterm.params import Params
from tests.ggufs import make_gguf
from tests.headers import LLAMA, file_of, u32, vocabulary_entries

BAR = 0.1


@dataclass(frozen=True)
class Case:
    """A shape of model, and a way to open it."""

    name: str
    make: Callable[[Path], Path]
    settings: dict[str, Any]


def made(**shape: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / f"{abs(hash(tuple(sorted(shape.items()))))}.gguf"
        return path if path.exists() else make_gguf(path, quant="F16", **shape)

    return make


DENSE = made(layers=12, width=1024, heads=16, kv_heads=4, ff=3072, vocab=8192, context=32_768)
CASES = [
    Case("dense, grouped heads, 16k of context", DENSE, {}),
    Case("the same, 32k", DENSE, {"context": 32_768}),
    Case("the same, 32k in q8_0", DENSE, {"context": 32_768, "cache_type": "q8_0"}),
    Case(
        "many words",
        made(layers=4, width=768, heads=12, kv_heads=12, ff=2048, vocab=60_000, context=8192),
        {},
    ),
    Case(
        "experts",
        made(
            layers=6,
            width=768,
            heads=12,
            kv_heads=4,
            ff=768,
            vocab=8192,
            context=16_384,
            experts=16,
        ),
        {},
    ),
    Case(
        "sliding windows",
        made(
            layers=12,
            width=1024,
            heads=8,
            kv_heads=4,
            ff=2048,
            vocab=8192,
            context=16_384,
            arch="gemma3",
        ),
        {},
    ),
    Case(
        "recurrent",
        made(layers=12, width=1024, heads=8, ff=2048, vocab=8192, context=16_384, arch="mamba"),
        {},
    ),
    Case("K-quants, repacked by the processor", lambda _: benchmark_model(), {}),
]


def header_of_a_large_file(folder: Path) -> None:
    """40 GB of weights that are not there, 150,000 tokens, a thousand tensors."""
    words = vocabulary_entries(150_000, length=lambda n: 3 + n % 11)
    rows, columns = 16_384, 2_500
    size = rows * columns
    tensors = [(f"blk.{n}.ffn_up.weight", (rows, columns), 24, n * size) for n in range(1000)]
    path = folder / "large.gguf"
    path.write_bytes(file_of([LLAMA, ("llama.block_count", u32(1000)), *words], tensors))
    os.truncate(path, path.stat().st_size + 1000 * size)
    times = []
    for _ in range(9):
        start = time.perf_counter()
        read_header(path)
        times.append((time.perf_counter() - start) * 1000)
    figure = f"{statistics.median(times):.0f} ms  ({path.stat().st_size / 1e9:.0f} GB)"
    print(f"{'header of a large file':40}{figure:>36}   bar: < 50 ms")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        header_of_a_large_file(Path(folder))
    head = ("buffers", "reported", "process", "resident")
    print(f"{'estimated : found, in MB':40}{''.join(f'{word:>9}' for word in head)}")
    with tempfile.TemporaryDirectory() as folder:
        worst = [asyncio.run(measured(case, Path(folder))) for case in CASES]
    library, process = (max(column) for column in zip(*worst, strict=True))
    print(f"{'worst':40}{library:>18.1%}{process:>18.1%}   bar: {BAR:.0%}")


async def measured(case: Case, folder: Path) -> tuple[float, float]:
    """How far the estimate is from either, as shares."""
    settings = EngineSettings(str(case.make(folder)), **case.settings)
    home = EngineHome(folder / "s", folder / "logs")
    backend = EngineBackend(home, {"bench": settings}, 60.0)
    prompt = "one two three " * 500
    message = Message("m", None, Role.USER, prompt, 0.0)
    params = Params(max_tokens=4, temperature=0.0)
    request = Request("bench", (message,), "a", params)
    async with aclosing(backend.stream(request)) as events:
        async for _ in events:
            pass
    (host,) = await running(home)
    await stop(home, settings.key())
    reserved = buffers(Path(settings.model_path), host["context"], settings.cache_type) / 1e6
    library, process = (
        reserved / host["buffers_mb"] - 1,
        host["estimated_mb"] / host["memory_mb"] - 1,
    )
    figures = (reserved, host["buffers_mb"], host["estimated_mb"], host["memory_mb"])
    said = "".join(f"{figure:>9.0f}" for figure in figures)
    print(f"{case.name:40}{said}   {library:+.1%}, {process:+.1%}", flush=True)
    return abs(library), abs(process)


def buffers(path: Path, context: int, cache_type: str) -> int:
    """What the library reserves by our count."""
    need = Need(read_header(path))
    kind = "f16" if cache_type == "auto" else cache_type
    held = need.header.weights.total + need.cache(context, kind) + need.state() + need.output()
    return held + need.compute(context) + need.repacked(platform.machine())


if __name__ == "__main__":
    main()
