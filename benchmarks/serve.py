"""The server under load: clients in processes of their own, the engine alone beside it.

Ratios are medians of five pairs, both sides in turn. The model has random weights and the size of a
small model of today.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.engine import say
from benchmarks.model import benchmark_model, prompt_of
from benchmarks.serve_client import Stream, Told
from chatterm.backend import engine_home, open_backend
from chatterm.catalog import load_catalog
from chatterm.config_reading import load_config
from chatterm.engine.courtesy import let_the_engine_go_first
from chatterm.engine.hosts import EngineHome, running, stop
from chatterm.events import Done, TextDelta
from chatterm.messages import Message, Request, Role
from chatterm.params import Params
from chatterm.paths import Paths

ROUNDS = 5
BESIDE = 8
TOKENS = 128
CHUNK = 512
WARM = 2
SETTINGS = """
[serve]
open_jobs = 1000
queue_size = 1000
requests_per_minute = 0
log = "json"

[engine]
sequences = 40
context = 24576
keep_alive = 600.0
"""


@dataclass
class Bench:
    """One home, one server, one engine."""

    home: Path
    url: str = ""
    pid: int = 0

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "CHATTERM_HOME": str(self.home)}

    @property
    def paths(self) -> Paths:
        return Paths.from_environment(self.env)

    @property
    def engine(self) -> EngineHome:
        return engine_home(load_config(self.paths, self.env, {}), self.paths)

    def backend(self) -> Any:
        """The engine as the server opens it: the same settings are the same host."""
        config = load_config(self.paths, self.env, {})
        catalog = load_catalog(self.paths.user_models_file)
        return open_backend("bench", config=config, catalog=catalog, paths=self.paths)

    def clients(self, told: Told, processes: int = 1) -> list[Stream]:
        """Run clients to their end, and return what they saw."""
        started = [self.start(told, number) for number in range(processes)]
        return [one for client in started for one in seen(client)]

    def start(self, told: Told, number: int = 0) -> subprocess.Popen[bytes]:
        order = {**asdict(told), "url": self.url, "seed": told.seed + 100_000 * number}
        command = [sys.executable, "-m", "benchmarks.serve_client"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None
        with process.stdin as stdin:
            stdin.write(json.dumps(order).encode())
        return process

    def engine_says(self) -> dict[str, Any]:
        (host,) = asyncio.run(running(self.engine))
        return host


def seen(client: subprocess.Popen[bytes]) -> list[Stream]:
    assert client.stdout is not None
    with client.stdout as stdout:
        said = json.load(stdout)
    client.wait()
    return [Stream(**one) for one in said]


@contextmanager
def served(home: Path, models: str = "") -> Iterator[Bench]:
    """A server of the benchmark's model, or of those that are described."""
    bench = Bench(home)
    bench.paths.config_file.parent.mkdir(parents=True)
    bench.paths.config_file.write_text(SETTINGS)
    path = "" if models else benchmark_model().resolve()
    ours = f'[models.bench]\nbackend = "engine"\npath = "{path}"\n'
    bench.paths.user_models_file.write_text(models or ours)
    log = home / "log"
    with log.open("wb") as stderr:
        command = [sys.executable, "-m", "chatterm", "serve", "--port", "0"]
        process = subprocess.Popen(command, env=bench.env, stderr=stderr)
    try:
        while (found := re.search(r'"serving", "url": "([^"]+)"', log.read_text())) is None:
            if process.poll() is not None:
                raise RuntimeError(log.read_text())
            time.sleep(0.05)
        bench.url, bench.pid = found[1], process.pid
        yield bench
    finally:
        process.terminate()
        process.wait()
        for host in asyncio.run(running(bench.engine)):
            asyncio.run(stop(bench.engine, host["key"]))


# -- overhead --------------------------------------------------------------------------------


async def alone(bench: Bench, streams: int, tokens: int, seed: int) -> float:
    """Tokens a second of the engine without a server."""
    backend = bench.backend()

    async def one(number: int) -> tuple[float, float, int]:
        text = prompt_of(40, seed=seed + number)
        request = Request(
            "bench",
            (Message("m", None, Role.USER, text, 0.0),),
            "a",
            Params(temperature=0.0, max_tokens=tokens),
        )
        times, count = [], 0
        async with aclosing(backend.stream(request)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    times.append(time.monotonic())
                elif isinstance(event, Done):
                    count = event.usage.completion_tokens
        return times[0], times[-1], count

    return _speed([*await asyncio.gather(*map(one, range(streams)))])


def through(bench: Bench, dialect: str, streams: int, tokens: int, seed: int) -> float:
    told = Told("", dialect, streams=streams, tokens=tokens, seed=seed)
    found = bench.clients(told)
    _no_errors(found)
    # The last line of a stream, which has the count, comes right after the last text.
    return _speed([(one.first, one.last, one.tokens) for one in found])


def _speed(found: Sequence[tuple[float, float, int]]) -> float:
    """All tokens after each first one, from the first beginning to the last end."""
    tokens = sum(count - 1 for _, _, count in found)
    return tokens / (max(last for _, last, _ in found) - min(first for first, _, _ in found))


def overhead(bench: Bench, dialect: str, streams: int) -> None:
    pairs = []
    spent = _cpu(bench.pid)
    for number in range(ROUNDS):
        seed = 10_000 * streams + 100 * number
        # A text that the engine knows costs the other side nothing: each has its own.
        a = through(bench, dialect, streams, TOKENS, seed)
        b = asyncio.run(_alone_elsewhere(bench, streams, TOKENS, seed + 50))
        pairs.append((a, b))
    cost = statistics.median(b / a for a, b in pairs) - 1
    a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
    words = "stream" if streams == 1 else "streams"
    figure = f"{cost:+.1%}  ({a:.1f} : {b:.1f} tok/s)"
    say(f"overhead per token, {dialect}, {streams} {words}", figure, "<= 5 %")
    each = (_cpu(bench.pid) - spent) / (ROUNDS * streams * TOKENS)
    say("   processor time of the server for a token", f"{each * 1e6:.0f} µs", "")


async def _alone_elsewhere(bench: Bench, streams: int, tokens: int, seed: int) -> float:
    """The engine alone is asked from a process of its own too."""
    order = json.dumps([str(bench.home), streams, tokens, seed])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.serve", order), stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    return float(out)


# -- first token -----------------------------------------------------------------------------


def first_token(bench: Bench, seed: int, prompt: int = 20) -> float:
    (one,) = bench.clients(Told("", "openai", tokens=2, prompt=prompt, seed=seed))
    _no_errors([one])
    return one.first - one.began


def beside_others(bench: Bench) -> None:
    quiet = statistics.median(first_token(bench, 900_000 + n) for n in range(ROUNDS))
    chunk = statistics.median(first_token(bench, 910_000 + n, CHUNK) for n in range(3)) - quiet
    others = bench.start(Told("", "openai", streams=BESIDE, tokens=900, seed=920_000))
    _wait_until(lambda: bench.engine_says()["running"] == BESIDE)
    time.sleep(WARM)
    loaded = statistics.median(first_token(bench, 930_000 + n) for n in range(ROUNDS))
    still = bench.engine_says()["running"]
    _end(others)
    bar = 2 * quiet + chunk
    figure = f"{loaded * 1000:.0f} ms  (alone {quiet * 1000:.0f}, chunk {chunk * 1000:.0f})"
    say(f"first token beside {still} streams", figure, f"<= {bar * 1000:.0f} ms")


# -- those who vanish ------------------------------------------------------------------------


def vanishing(bench: Bench) -> None:
    for name, prompt, pieces in (("while it is written", 40, 3), ("while it is read", 6000, 0)):
        worst = max(_time_to_idle(bench, prompt, pieces, number) for number in range(ROUNDS))
        say(f"engine idle after a client vanishes {name}", f"{worst * 1000:.0f} ms", "<= 1000 ms")


def _time_to_idle(bench: Bench, prompt: int, pieces: int, number: int) -> float:
    told = Told("", "ollama", tokens=2000, prompt=prompt, seed=940_000 + number)
    client = bench.start(told)
    _wait_until(lambda: bench.engine_says()["running"] == 1)
    time.sleep(1.0 if pieces else 0.5)
    client.kill()
    began = time.monotonic()
    _wait_until(lambda: bench.engine_says()["running"] == 0)
    took = time.monotonic() - began
    _end(client)
    return took


# -- helpers ---------------------------------------------------------------------------------


def _no_errors(found: Sequence[Stream]) -> None:
    errors = [one.error for one in found if one.error]
    if errors:
        raise RuntimeError(errors[0])


def _end(client: subprocess.Popen[bytes]) -> None:
    client.kill()
    client.wait()
    if client.stdout is not None:
        client.stdout.close()


def _wait_until(is_so: Any) -> None:
    until = time.monotonic() + 120
    while not is_so():
        if time.monotonic() > until:
            raise RuntimeError("waited in vain")
        time.sleep(0.005)


def _cpu(pid: int) -> float:
    """Seconds of processor time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="cb") as folder, served(Path(folder)) as bench:
        bench.clients(Told("", "openai", tokens=16, seed=1))
        for dialect in ("openai", "ollama"):
            overhead(bench, dialect, 1)
        overhead(bench, "openai", 8)
        beside_others(bench)
        vanishing(bench)


if __name__ == "__main__":
    let_the_engine_go_first()
    home, streams, tokens, seed = json.loads(sys.argv[1])
    print(asyncio.run(alone(Bench(Path(home)), streams, tokens, seed)))
