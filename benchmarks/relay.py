"""What the server itself spends on a token, beside the barest stream of the same bytes.

The model is an echo that says so many words a second, so that nothing but the server computes. The
other side is Starlette under uvicorn, which sends what the OpenAI dialect sends, at the same pace.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.engine import say
from benchmarks.serve import Bench, served
from benchmarks.serve_client import Told
from chatterm.engine.courtesy import let_the_engine_go_first

STREAMS = 16
PACE = 25
WORDS = 150
ROUNDS = 3
DIALECTS = ("openai", "completions", "ollama", "responses", "openassistant")
_MODELS = f'[models.paced]\nbackend = "echo"\nwords_per_second = {PACE}\n'
_CHUNK = {
    "id": "chatcmpl-01K000000000000000000000",
    "object": "chat.completion.chunk",
    "created": 1_800_000_000,
    "model": "paced",
    "choices": [
        {"index": 0, "delta": {"content": " word"}, "finish_reason": None, "logprobs": None}
    ],
    "usage": None,
}
_LAST = {**_CHUNK, "usage": {"completion_tokens": WORDS}}


def spent(bench: Bench, dialect: str) -> float:
    """Processor time of the server for a token, in microseconds."""
    text = " ".join(["word"] * WORDS)
    told = Told("", dialect, streams=STREAMS, tokens=WORDS, text=text, model="paced")
    before = processor_seconds(bench.pid)
    found = bench.clients(told)
    errors = [one.error for one in found if one.error]
    if errors:
        raise RuntimeError(errors[0])
    tokens = sum(one.tokens for one in found)
    return (processor_seconds(bench.pid) - before) / tokens * 1e6


def processor_seconds(pid: int) -> float:
    """What all threads of a process have computed, finer than the clock of /proc/PID/stat."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


@contextmanager
def bare(home: Path) -> Iterator[Bench]:
    """The other side, in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.relay"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        with process.stdout as stdout:
            url = stdout.readline().strip()
            yield Bench(home, url, process.pid)
    finally:
        process.terminate()
        process.wait()


def _serve_bare() -> None:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import StreamingResponse
    from starlette.routing import Route

    async def words() -> AsyncGenerator[bytes, None]:
        for _ in range(WORDS):
            yield f"data: {json.dumps(_CHUNK)}\n\n".encode()
            await asyncio.sleep(1 / PACE)
        yield f"data: {json.dumps(_LAST)}\n\n".encode()

    async def answer(_: Request) -> StreamingResponse:
        return StreamingResponse(words(), media_type="text/event-stream")

    class Telling(uvicorn.Server):
        async def startup(self, sockets: object = None) -> None:
            await super().startup()
            port = self.servers[0].sockets[0].getsockname()[1]
            print(f"http://127.0.0.1:{port}", flush=True)

    let_the_engine_go_first()
    app = Starlette(routes=[Route("/v1/chat/completions", answer, methods=["POST"])])
    Telling(uvicorn.Config(app, port=0, log_config=None, access_log=False)).run()


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="cb") as folder,
        served(Path(folder), _MODELS) as bench,
        bare(Path(folder)) as other,
    ):
        print(f"{STREAMS} streams of {PACE} words a second, medians of {ROUNDS}")
        rounds = [
            (spent(other, "openai"), *(spent(bench, dialect) for dialect in DIALECTS))
            for _ in range(ROUNDS)
        ]
        least, *ours = (statistics.median(column) for column in zip(*rounds, strict=True))
        say("processor time for a token: a bare stream", f"{least:.0f} µs", "")
        for dialect, each in zip(DIALECTS, ours, strict=True):
            say(f"   the server, {dialect}", f"{each:.0f} µs  ({each / least:.2f} x)", "")


if __name__ == "__main__":
    _serve_bare()
