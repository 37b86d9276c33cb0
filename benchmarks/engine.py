"""The engine against bare llama.cpp loops on the same model, in turn, in the same run.

Every ratio is a median of five pairs. The model has random weights, so nothing it says means
anything; what it costs is what a model of its size costs.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.model import benchmark_model, prompt_of
from chatterm.engine.client import EngineBackend
from chatterm.engine.hosts import EngineHome, running, stop
from chatterm.engine.machine import physical_cores
from chatterm.engine.settings import EngineSettings
from chatterm.events import Done, Progress, TextDelta
from chatterm.messages import Message, Request, Role
from chatterm.params import Params

ROUNDS = 5
TOKENS = 160
THREADS = physical_cores()


@dataclass
class Bench:
    """One home with one warm engine."""

    home: Path
    model: Path

    @property
    def settings(self) -> EngineSettings:
        """What `chatterm ask` opens the model with, so that both share one host."""
        snapshots = str(self.home / "cache" / "snapshots")
        return EngineSettings(str(self.model), snapshots=snapshots, snapshot_cap_bytes=4 * 10**9)

    @property
    def engine_home(self) -> EngineHome:
        from chatterm.paths import Paths

        paths = Paths.from_environment(self.env)
        return EngineHome(paths.sockets, paths.log_dir)

    @property
    def backend(self) -> EngineBackend:
        return EngineBackend(self.engine_home, {"bench": self.settings}, 600.0)

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "CHATTERM_HOME": str(self.home), "CHATTERM_TERMINAL": "bench"}

    def ask(self, prompt: str, *args: str, tokens: int = TOKENS) -> dict[str, Any]:
        command = [sys.executable, "-m", "chatterm", "ask", "-m", str(self.model), "--json"]
        options = ["-o", "temperature=0", "-o", f"max_tokens={tokens}", *args]
        ran = subprocess.run(
            [*command, *options, prompt],
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
        said: dict[str, Any] = json.loads(ran.stdout)
        return said


def bare(mode: str, **arguments: object) -> dict[str, float]:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.bare", mode, json.dumps(arguments)],
        capture_output=True,
        check=True,
    )
    said: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return said


def say(name: str, figure: str, bar: str) -> None:
    print(f"{name:58}{figure:>34}   {bar}", flush=True)


def ratios(ours: Callable[[int], float], theirs: Callable[[int], float]) -> tuple[str, float]:
    """Both in turn, and the median of the ratios of the pairs."""
    pairs = [(ours(number), theirs(number)) for number in range(ROUNDS)]
    ratio = statistics.median(a / b for a, b in pairs)
    a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
    return f"{ratio:.3f}  ({a:.1f} : {b:.1f} tok/s)", ratio


# -- speed -----------------------------------------------------------------------------------


def streamed(bench: Bench, prompt: str, *args: str, tokens: int = TOKENS) -> float:
    """Tokens a second as a reader of `chatterm ask` sees them come."""
    command = [sys.executable, "-m", "chatterm", "ask", "-m", str(bench.model), "--stream-json"]
    options = ["-o", f"max_tokens={tokens}", *args]
    times = []
    count = 0
    with subprocess.Popen(
        [*command, *options, prompt],
        env=bench.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if b'"event": "text"' in line:
                times.append(time.perf_counter())
            elif b'"event": "done"' in line:
                count = json.loads(line)["usage"]["completion_tokens"]
    return float((count - 1) / (times[-1] - times[0]))


def chat_text(text: str) -> str:
    return f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"


def decode_speed(bench: Bench) -> None:
    text = prompt_of(100)
    figure, _ = ratios(
        lambda _: streamed(bench, text, "-o", "temperature=0"),
        lambda _: bare(
            "decode", path=str(bench.model), threads=THREADS, count=TOKENS, prompt=chat_text(text)
        )["tokens_per_second"],
    )
    say("decode through ask, against a bare loop", figure, ">= 0.97")


def prompt_speed(bench: Bench) -> None:
    def ours(number: int) -> float:
        said = bench.ask(prompt_of(2000, seed=100 + number), tokens=1)
        return float(said["usage"]["evaluated_tokens"] / said["timings"]["prompt_ms"] * 1000)

    def theirs(number: int) -> float:
        text = chat_text(prompt_of(2000, seed=100 + number))
        return bare("prompt", path=str(bench.model), threads=THREADS, text=text)[
            "tokens_per_second"
        ]

    figure, _ = ratios(ours, theirs)
    say("prompt of 2,000 tokens, against a bare loop", figure, ">= 0.95")


def against_the_wrapper(bench: Bench) -> None:
    text = prompt_of(100)
    figure, _ = ratios(
        lambda _: streamed(bench, text),
        lambda _: bare("wrapper", path=str(bench.model), count=TOKENS, text=text)[
            "tokens_per_second"
        ],
    )
    say("default sampling, against create_chat_completion", figure, ">= 1.1")


def eight_at_once(bench: Bench) -> None:
    texts = [prompt_of(40, seed=200 + number) for number in range(8)]

    def ours(_: int) -> float:
        return asyncio.run(_together(bench, texts))

    def theirs(_: int) -> float:
        prompts = [chat_text(text) for text in texts]
        return bare("together", path=str(bench.model), threads=THREADS, count=64, prompts=prompts)[
            "tokens_per_second"
        ]

    figure, _ = ratios(ours, theirs)
    say("8 clients at once, against a bare batch of 8", figure, ">= 0.95")


async def _together(bench: Bench, texts: list[str]) -> float:
    """Tokens a second of all eight; several of a client's may come as one delta."""

    async def one(text: str) -> float:
        times: list[float] = []
        count = 0
        async for event in stream(bench, text, tokens=64):
            if isinstance(event, TextDelta):
                times.append(time.perf_counter())
            elif isinstance(event, Done):
                count = event.usage.completion_tokens
        return (count - 1) / (times[-1] - times[0])

    return sum(await asyncio.gather(*map(one, texts)))


def busy_core(bench: Bench) -> None:
    text = prompt_of(100)
    fixed: dict[int, list[float]] = {count: [] for count in range(1, THREADS + 1)}
    ours = []
    with busy_process():
        for _ in range(ROUNDS):
            ours.append(streamed(bench, text, "-o", "temperature=0"))
            for count, speeds in fixed.items():
                said = bare(
                    "decode",
                    path=str(bench.model),
                    threads=count,
                    count=TOKENS,
                    prompt=chat_text(text),
                )
                speeds.append(said["tokens_per_second"])
    medians = {count: statistics.median(speeds) for count, speeds in fixed.items()}
    best = max(medians, key=lambda count: medians[count])
    ratio = statistics.median(a / b for a, b in zip(ours, fixed[best], strict=True))
    shown = ", ".join(f"{count}: {speed:.1f}" for count, speed in medians.items())
    mine = statistics.median(ours)
    say(f"one core kept busy (fixed threads {shown})", f"{ratio:.3f}  ({mine:.1f})", ">= 0.9")


@contextlib.contextmanager
def busy_process() -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


# -- what is evaluated -----------------------------------------------------------------------


def evaluated(said: dict[str, Any]) -> int:
    return int(said["usage"]["evaluated_tokens"])


def turns(bench: Bench) -> None:
    said = before = bench.ask(prompt_of(60, seed=300), tokens=40)
    for number in range(1, 10):
        before = said
        said = bench.ask(prompt_of(20, seed=300 + number), "-c", tokens=40)
    held = before["usage"]["prompt_tokens"] + before["usage"]["completion_tokens"]
    # The last token of an answer that max_tokens ended was chosen and never evaluated.
    new = said["usage"]["prompt_tokens"] - held + (before["stop"] == "length")
    say("turn 10: evaluated, and new to the prompt", f"{evaluated(said)} : {new}", "equal")
    chat = said["chat_id"]
    other = bench.ask(prompt_of(300, seed=400), tokens=20)
    back = bench.ask(prompt_of(20, seed=401), "--chat", chat, tokens=20)
    _share("after another chat and back", bench, back)
    bench.ask(prompt_of(20, seed=402), "--chat", other["chat_id"], tokens=20)
    regenerated = _fork(bench, chat)
    _share("after a fork", bench, regenerated)
    asyncio.run(stop(bench.engine_home, bench.settings.key()))
    resumed = bench.ask(prompt_of(20, seed=403), "--chat", chat, tokens=20)
    _share("after engine stop, from the snapshot", bench, resumed)


def _fork(bench: Bench, chat: str) -> dict[str, Any]:
    """Fork in the middle of the chat and go on there."""
    from chatterm.ids import ulid_factory
    from chatterm.store import Store

    path = bench.home / "data" / "chatterm.db"
    with Store.open(path, clock=time.time, new_id=ulid_factory()) as store:
        messages = store.path(chat)
        fork = store.fork(chat, messages[-5].id)
    return bench.ask(prompt_of(20, seed=404), "--chat", fork.id, tokens=20)


def _share(name: str, bench: Bench, said: dict[str, Any]) -> None:
    """How much of what was known already was evaluated again."""
    usage = said["usage"]
    new = 40  # the new prompt of about 20 tokens, its markers, and an answer's last token
    again = max(0, usage["evaluated_tokens"] - new)
    share = again / usage["prompt_tokens"]
    figure = f"{share:.1%}  ({usage['evaluated_tokens']} of {usage['prompt_tokens']})"
    say(f"{name}: evaluated again", figure, "<= 5 %")


# -- manners ---------------------------------------------------------------------------------


async def stream(
    bench: Bench, text: str, *, tokens: int, params: Params | None = None
) -> AsyncIterator[Any]:
    asked = params or Params(temperature=0.0)
    message = Message("m", None, Role.USER, text, 0.0)
    request = Request("bench", (message,), "a", replace(asked, max_tokens=tokens))
    async with aclosing(bench.backend.stream(request)) as events:
        async for event in events:
            yield event


def texts_are_their_own(bench: Bench) -> None:
    texts = [prompt_of(40, seed=500 + number) for number in range(8)]
    params = Params(temperature=0.0, logprobs=2)

    async def one(text: str) -> list[Any]:
        return [
            item
            async for event in stream(bench, text, tokens=64, params=params)
            if isinstance(event, TextDelta)
            for item in event.logprobs
        ]

    async def both() -> tuple[list[list[Any]], list[list[Any]]]:
        alone = [await one(text) for text in texts]
        return alone, list(await asyncio.gather(*(one(text) for text in texts)))

    alone, together = asyncio.run(both())
    equal = 0
    gaps = []
    for first, second in zip(alone, together, strict=True):
        parted = next((a for a, b in zip(first, second, strict=False) if a.token != b.token), None)
        if parted is None:
            equal += 1
        else:
            gaps.append(parted.top[0][1] - parted.top[1][1])
    figure = f"{equal} of 8 equal"
    if gaps:
        figure += f", ties of {max(gaps):.4f}"
    say("greedy texts of 8 at once, against alone", figure, "equal, or near ties")


def long_prompt_beside_a_stream(bench: Bench) -> None:
    async def measure(number: int) -> tuple[float, float]:
        tokens: list[float] = []
        chunks: list[float] = []

        async def writer() -> None:
            async for event in stream(bench, prompt_of(50, seed=600 + number), tokens=400):
                if isinstance(event, TextDelta):
                    tokens.append(time.perf_counter())

        async def reader() -> None:
            while len(tokens) < 20:
                await asyncio.sleep(0.01)
            async for event in stream(bench, prompt_of(4000, seed=610 + number), tokens=1):
                if isinstance(event, Progress) and event.stage == "prompt":
                    chunks.append(time.perf_counter())

        writing = asyncio.create_task(writer())
        await reader()
        writing.cancel()
        await asyncio.wait([writing])
        inside = [at for at in tokens if chunks[0] - 1 < at < chunks[-1]]
        return longest(inside), longest(chunks)

    pairs = [asyncio.run(measure(number)) for number in range(3)]
    gap, chunk = (statistics.median(column) for column in zip(*pairs, strict=True))
    figure = f"{gap / chunk:.2f} chunks  ({gap * 1000:.0f} : {chunk * 1000:.0f} ms)"
    say("4,000-token prompt arrives: longest gap of a stream", figure, "<= 1 chunk")


def longest(times: list[float]) -> float:
    return max(later - earlier for earlier, later in itertools.pairwise(times))


def stopping(bench: Bench) -> None:
    async def idle_after(text: str, until: type, tokens: int) -> tuple[float, float]:
        seen: list[float] = []
        async with aclosing(stream(bench, text, tokens=tokens)) as events:  # type: ignore[type-var]
            async for event in events:
                if isinstance(event, until):
                    seen.append(time.perf_counter())
                if len(seen) == 4:
                    break
        stopped = time.perf_counter()
        while any(host["running"] for host in await running(bench.engine_home)):
            pass
        return time.perf_counter() - stopped, longest(seen)

    async def several(until: type, size: int, tokens: int, seed: int) -> list[tuple[float, float]]:
        return [
            await idle_after(prompt_of(size, seed=seed + number), until, tokens)
            for number in range(ROUNDS)
        ]

    decoding = asyncio.run(several(TextDelta, 50, 400, 700))
    worst = max(idle for idle, _ in decoding)
    say("stop while decoding, until idle (worst)", f"{worst * 1000:.0f} ms", "<= 100 ms")
    reading = asyncio.run(several(Progress, 4000, 1, 710))
    worst = max(idle / chunk for idle, chunk in reading)
    say("stop while reading a prompt (worst)", f"{worst:.2f} chunks", "<= 1 chunk")


def own_time(bench: Bench) -> None:
    text = prompt_of(20, seed=800)
    bench.ask(text, tokens=8)
    waits = []
    for _ in range(2 * ROUNDS):
        started = time.perf_counter()
        said = bench.ask(text, tokens=8)
        wall = (time.perf_counter() - started) * 1000
        timings = said["timings"]
        waits.append(wall - timings["first_token_ms"] - timings["generation_ms"])
    say("warm ask: our own time in all", f"{statistics.median(waits):.0f} ms", "<= 250 ms")


def memory(bench: Bench) -> None:
    (host,) = asyncio.run(running(bench.engine_home))
    known = host["buffers_mb"] + host["parked_mb"]
    figure = f"{host['memory_mb'] - known:.0f} MB  ({host['memory_mb']:.0f} - {known:.0f})"
    say("memory beyond model, cache and compute buffers", figure, "<= 150 MB")


PARTS: list[Callable[[Bench], None]] = [
    decode_speed,
    prompt_speed,
    against_the_wrapper,
    eight_at_once,
    turns,
    texts_are_their_own,
    long_prompt_beside_a_stream,
    stopping,
    own_time,
    memory,
    busy_core,
]


def main(only: list[str] | None = None) -> None:
    model = benchmark_model()
    print(f"{model.name}, {THREADS} threads, medians of {ROUNDS}")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), model)
        try:
            bench.ask("warm up", tokens=8)
            for part in PARTS:
                if not only or part.__name__ in only:
                    part(bench)
        finally:
            asyncio.run(stop(bench.engine_home, bench.settings.key()))


if __name__ == "__main__":
    main(sys.argv[1:])
