"""Hundreds of runs that end badly at random moments: no prompt is lost, at most a second of answer.

`make faults` does 200 of each; `make test` a few.
"""

from __future__ import annotations

import os
import random
import select
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.program import COMMAND, ask, slow_echo, stored_messages

WORDS_PER_SECOND = 200
WORDS = [f"w{number:04}" for number in range(2000)]
LOST_SECONDS = 1.0


@dataclass(frozen=True)
class Run:
    """What one run was asked, and what of its answer had come out when it ended."""

    prompt: str
    seen: str
    code: int


def start(model: str, number: int) -> tuple[str, subprocess.Popen[bytes]]:
    prompt = f"prompt{number} " + " ".join(WORDS)
    process = subprocess.Popen(
        [*COMMAND, "ask", "-q", "-m", model, prompt],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    return prompt, process


def read_for(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    """What comes out in that time."""
    assert process.stdout is not None
    fd = process.stdout.fileno()
    deadline = time.monotonic() + seconds
    seen = b""
    while (left := deadline - time.monotonic()) > 0:
        if select.select([fd], [], [], left)[0]:
            data = os.read(fd, 65536)
            if not data:
                break
            seen += data
    return seen


def by_signal(number: signal.Signals) -> Callable[[str, int, float], Run]:
    def run(model: str, at: int, seconds: float) -> Run:
        prompt, process = start(model, at)
        seen = read_for(process, seconds)
        process.send_signal(number)
        rest, errors = process.communicate(timeout=20)
        # The interpreter itself may be interrupted before it has reached our first line.
        assert b"Traceback" not in errors or b"chatterm" not in errors, errors
        return Run(prompt, (seen + rest).decode(), process.returncode)

    return run


def by_closing_the_pipe(model: str, at: int, seconds: float) -> Run:
    prompt, process = start(model, at)
    seen = read_for(process, seconds)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    code = process.wait(timeout=20)
    assert errors == b""
    return Run(prompt, seen.decode(), code)


ENDINGS = {
    "sigkill": (by_signal(signal.SIGKILL), {-signal.SIGKILL}),
    "ctrl-c": (by_signal(signal.SIGINT), {130, -signal.SIGINT, 1}),
    "closed-pipe": (by_closing_the_pipe, {0}),
}


def check(home: Path, run: Run) -> None:
    """The prompt is there, and the answer but for its last second."""
    connection = sqlite3.connect(home / "data" / "chatterm.db")
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        stored = connection.execute(
            "SELECT p.id, a.text, a.state FROM messages p"
            " LEFT JOIN messages a ON a.parent_id = p.id WHERE p.role = 'user' AND p.text = ?",
            [run.prompt],
        ).fetchall()
    finally:
        connection.close()
    if not stored:
        assert run.seen == "", "an answer came out, and its prompt is not stored"
        return
    ((_, text, state),) = stored
    seen, kept = run.seen.split(), (text or "").split()
    assert len(seen) - len(kept) <= LOST_SECONDS * WORDS_PER_SECOND
    assert run.prompt.startswith(text or "")
    assert state in (None, "writing", "stopped", "complete")


def kill_many(home: Path, ending: str, count: int) -> None:
    run_once, codes = ENDINGS[ending]
    model = slow_echo(home, WORDS_PER_SECOND)
    chance = random.Random(ending)
    prompts_seen = 0
    for number in range(count):
        run = run_once(model, number, chance.uniform(0.0, 2.5))
        assert run.code in codes, run
        check(home, run)
        prompts_seen += bool(run.seen)
    assert prompts_seen > 0, "every run ended before its first word"
    ask("the next run finds what was left behind")
    assert "writing" not in [state for _, _, state in stored_messages(home)]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_few_runs_that_end_badly_lose_nothing(home: Path, ending: str) -> None:
    kill_many(home, ending, 6)


@pytest.mark.faults
@pytest.mark.parametrize("ending", ENDINGS)
def test_two_hundred_runs_that_end_badly_lose_nothing(home: Path, ending: str) -> None:
    kill_many(home, ending, 200)
