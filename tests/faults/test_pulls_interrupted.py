"""Pulls that are killed or stopped again and again end with the right file, and waste nothing.

`make faults` interrupts a pull of 200 MB fifty times; `make test` a small one a few times.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chatterm.engine.pull import origin
from chatterm.engine.pull.journal import read_notes
from chatterm.engine.pull.part import PIECE, journal_path
from chatterm.engine.pull.spans import Spans
from tests.cli.program import COMMAND
from tests.hub import Hub, gguf_bytes, running_hub
from tests.memory import peak_memory

NAME = "them/large/large-Q4_K_M.gguf"
CONNECTIONS = 4
IN_FLIGHT = 320 << 10
"""What may lie in the buffers of one connection's sockets when its reader is killed."""
MOST_MEMORY = 100e6


@dataclass
class Ended:
    """One run of the program."""

    code: int
    peak: int
    out: str
    err: str


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running_hub(tmp_path / "hub") as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        yield running


def start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, "models", "pull", f"hf:{NAME}", "--json", "--connections", str(CONNECTIONS)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run_until(over: Callable[[], bool], number: signal.Signals | None = None) -> Ended:
    """Run a pull, end it when ``over`` says so, and see how much memory it takes meanwhile."""
    process = start()
    peak = 0
    deadline = time.monotonic() + 120
    while process.poll() is None and not over() and time.monotonic() < deadline:
        peak = max(peak, peak_memory(process.pid))
        time.sleep(0.005)
    if number is not None:
        process.send_signal(number)
    out, err = process.communicate(timeout=60)
    return Ended(process.returncode, peak, out.decode(), err.decode())


def interrupt_after(hub: Hub, count: int, number: signal.Signals) -> Ended:
    """Start a pull, and end it once so many bytes have been sent."""
    wanted = hub.sent("cdn") + count
    return run_until(lambda: hub.sent("cdn") >= wanted, number)


def noted(target: Path) -> Spans:
    """What the journal says is here."""
    try:
        notes = read_notes(journal_path(target), PIECE)
    except OSError:
        return Spans()
    pieces = notes.pieces if notes is not None else {}
    return Spans((start, stop) for start, (stop, _) in pieces.items())


def pull_interrupted(home: Path, hub: Hub, size: int, times: int) -> None:
    chance = random.Random(times)
    data = gguf_bytes(size)
    hub.add(NAME, data)
    target = home / "data" / "models" / NAME
    runs = []
    for number in range(times):
        before, first = noted(target), len(hub.asked)
        # Slowly enough that what has been sent has been read.
        hub.habits.bytes_per_second = 25e6
        how = signal.SIGKILL if number % 2 == 0 else signal.SIGINT
        run = interrupt_after(hub, chance.randrange(1, 2 * size // (times + 2)), how)
        runs.append(run)
        assert run.code == (-signal.SIGKILL if how is signal.SIGKILL else 130), run
        if how is signal.SIGINT:
            assert "run it again to go on" in run.err
        assert not target.exists()
        for asked in hub.asked[first:]:
            # What is asked for to learn the size is the first byte.
            if asked.server == "cdn" and asked.stop != 1:
                assert asked.start is not None
                assert asked.stop is not None
                assert not before.overlaps(asked.start, asked.stop), "it was here already"
    hub.habits.bytes_per_second = 0
    final = run_until(lambda: False)
    runs.append(final)
    assert final.code == 0, final.err
    assert json.loads(final.out)["checked"]
    assert target.read_bytes() == data
    assert [path.name for path in target.parent.iterdir()].count(target.name) == 1
    assert origin.recall(target) is not None
    twice = hub.sent("cdn") - size
    killed = (times + 1) // 2
    peak = max(run.peak for run in runs)
    print(
        f"\n{times} interruptions of {size / 1e6:.0f} MB: {twice / 1e6:.1f} MB sent twice,"
        f" {twice / 1e3 / times / CONNECTIONS:.0f} kB an interruption and connection;"
        f" peak memory {peak / 1e6:.0f} MB"
    )
    assert twice <= CONNECTIONS * (killed * PIECE + times * IN_FLIGHT)
    assert peak < MOST_MEMORY


def test_a_pull_that_is_interrupted_a_few_times_wastes_nothing(home: Path, hub: Hub) -> None:
    pull_interrupted(home, hub, 16_000_000, 4)


@pytest.mark.faults
def test_a_pull_that_is_interrupted_fifty_times_wastes_nothing(home: Path, hub: Hub) -> None:
    pull_interrupted(home, hub, 200_000_000, 50)
