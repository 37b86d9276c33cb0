"""32 streams at once for as long as told: whether all are answered, and what memory does meanwhile.

The engine keeps chats warm in memory up to a cap, so it grows until that is full: what it keeps is
told beside what it takes, and "flat" is asked of the time after the cap was reached.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.engine import say
from benchmarks.serve import Bench, seen, served
from benchmarks.serve_client import Stream, Told

STREAMS = 32
DIALECTS = ("openai", "ollama", "responses", "openassistant")
"""Each has its share of the streams, in a process of its own."""
FLAT = 0.05
_SAMPLE_SECONDS = 2.0
_TOLD_SECONDS = 30.0
_FULL = 0.97
"""Of the most that was ever parked: from then on something goes whenever something comes."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at both processes; memory in MB."""

    at: float
    server: float
    engine: float
    """Its own memory; the pages of the model's file are not counted."""
    file: float
    """The pages of the model's file that are in memory."""
    parked: float
    """Of the engine's: chats that are kept warm outside the context."""
    running: int


def under_load(bench: Bench, seconds: float) -> None:
    order = Told("", "", streams=STREAMS // len(DIALECTS), tokens=96, rounds=0, seconds=seconds)
    clients = [
        bench.start(replace(order, dialect=dialect), number)
        for number, dialect in enumerate(DIALECTS)
    ]
    began = time.monotonic()
    samples: list[Sample] = []
    while time.monotonic() - began < seconds and any(one.poll() is None for one in clients):
        time.sleep(min(_SAMPLE_SECONDS, seconds / 20))
        samples.append(_look(bench, time.monotonic() - began))
    found = [one for client in clients for one in seen(client)]
    _tell_answers(found, samples, time.monotonic() - began)
    _tell_memory(samples)


def _look(bench: Bench, at: float) -> Sample:
    said = bench.engine_says()
    own, file = memory_mb(said["pid"])
    return Sample(at, sum(memory_mb(bench.pid)), own, file, said["parked_mb"], said["running"])


def memory_mb(pid: int) -> tuple[float, float]:
    """What a process has in memory: its own, and of files."""
    values = {"RssAnon": 0.0, "RssShmem": 0.0, "RssFile": 0.0}
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in values:
                values[name] = int(value.split()[0]) * 1024 / 1e6
    return values["RssAnon"] + values["RssShmem"], values["RssFile"]


def _tell_answers(found: Sequence[Stream], samples: Sequence[Sample], took: float) -> None:
    errors = [one.error for one in found if one.error]
    tokens = sum(one.tokens for one in found)
    name = f"{STREAMS} streams for {took:.0f} s: answers, errors"
    say(name, f"{len(found)}, {len(errors)}", "0 errors")
    busy = statistics.median(sample.running for sample in samples)
    say("   at once in the engine, median", f"{busy:.0f}", "")
    say("   tokens a second of all", f"{tokens / took:.1f}", "")
    waits = sorted(one.first - one.began for one in found if one.first)
    say("   first token, median and p95", f"{_at(waits, 0.5):.2f} s, {_at(waits, 0.95):.2f} s", "")
    for error in sorted(set(errors))[:5]:
        print("   ", error)


def _tell_memory(samples: Sequence[Sample]) -> None:
    print("    second   server   engine   of them parked   file of the model   (MB)")
    told = -_TOLD_SECONDS
    for sample in samples:
        if sample.at - told >= _TOLD_SECONDS or sample is samples[-1]:
            told = sample.at
            print(
                f"    {sample.at:6.0f} {sample.server:8.1f} {sample.engine:8.0f}"
                f" {sample.parked:16.0f} {sample.file:19.0f}"
            )
    most = max(sample.parked for sample in samples)
    full = next(sample.at for sample in samples if sample.parked >= _FULL * most)
    warm = [sample for sample in samples if sample.at >= max(full, samples[-1].at / 5)]
    say("   all that is kept warm is full after", f"{full:.0f} s, with {most:.0f} MB", "")
    times = [sample.at for sample in warm]
    _tell_growth("server", times, [sample.server for sample in warm])
    _tell_growth("engine", times, [sample.engine for sample in warm])


def _tell_growth(name: str, times: Sequence[float], values: Sequence[float]) -> None:
    """How it grew from the first fifth of the time to the last, and how steeply."""
    if len(values) < 10:
        say(f"   memory of the {name} afterwards", "too short a run to tell", "flat: <= 5 %")
        return
    fifth = len(values) // 5
    first = statistics.median(values[:fifth])
    grown = statistics.median(values[-fifth:]) - first
    slope = statistics.linear_regression(times, values).slope * 60
    verdict = "flat" if grown <= FLAT * first else "NOT FLAT"
    span = f"in {times[-1] - times[0]:.0f} s"
    figure = f"{grown:+.1f} MB of {first:.0f} {span}, {slope:+.1f} MB a minute: {verdict}"
    say(f"   memory of the {name} afterwards", figure, f"flat: <= {FLAT:.0%}")


def _at(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def main(seconds: float = 60.0) -> None:
    with tempfile.TemporaryDirectory(prefix="cb") as folder, served(Path(folder)) as bench:
        bench.clients(Told("", "openai", tokens=16, seed=1))
        under_load(bench, seconds)
