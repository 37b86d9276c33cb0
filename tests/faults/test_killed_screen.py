"""The full-screen program, killed at random moments of a scripted use.

What was sent is stored, what was typed a second ago is a draft, and of an answer that was on the
screen at most the last second is gone. `make faults` kills it a hundred times.
"""

from __future__ import annotations

import os
import pty
import random
import select
import signal
import sqlite3
import struct
import sys
import termios
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cli.program import ask, slow_echo, stored_messages

WORDS_PER_SECOND = 100
LOST_SECONDS = 1.0
PATIENCE = 30.0


@dataclass
class Use:
    """What was done up to a moment, and when."""

    sent: list[str] = field(default_factory=list)
    typed: list[tuple[float, str]] = field(default_factory=list)
    """What stood in the composer at that time."""
    screen: bytearray = field(default_factory=bytearray)
    writing_since: float = 0.0
    """When the screen first said that an answer was being written."""
    killed_at: float = 0.0


class Window:
    """The program in a pseudo-terminal."""

    def __init__(self, use: Use) -> None:
        self._use = use
        self._process, self._fd = pty.fork()
        if not self._process:
            os.environ.pop("COLUMNS", None)
            os.environ.pop("LINES", None)
            os.environ["TERM"] = "xterm-256color"
            os.execv(sys.executable, [sys.executable, "-m", "chatterm", "-m", "slow"])
        size = struct.pack("HHHH", 24, 100, 0, 0)
        import fcntl

        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, size)

    def read_for(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self._fd], [], [], left)[0]:
                try:
                    self._use.screen += os.read(self._fd, 65536)
                except OSError:
                    return
            if not self._use.writing_since and b"tok/s" in self._use.screen:
                self._use.writing_since = time.monotonic()

    def wait_until_open(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while b"Enter" not in self._use.screen:
            assert time.monotonic() < deadline, bytes(self._use.screen)
            self.read_for(0.05)

    def press(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    def kill(self) -> None:
        self._use.killed_at = time.monotonic()
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        os.close(self._fd)


def use_and_kill(run: int, chance: random.Random) -> Use:
    """Type, send, go to a new chat, type a draft; dead somewhere on the way."""
    use = Use()
    window = Window(use)
    window.wait_until_open()
    end = time.monotonic() + chance.uniform(0.0, 6.0)
    prompt = f"run{run} " + " ".join(f"a{number:04}z" for number in range(400))

    def over() -> bool:
        return time.monotonic() >= end

    window.press(b"\x1b[200~" + prompt.encode() + b"\x1b[201~")
    window.read_for(min(0.3, max(0.0, end - time.monotonic())))
    if not over():
        window.press(b"\r")
        use.sent.append(prompt)
        window.read_for(min(chance.uniform(0.0, 1.5), max(0.0, end - time.monotonic())))
    draft = ""
    while not over() and use.sent:
        draft += chance.choice("abcdefgh ")
        window.press(draft[-1:].encode())
        use.typed.append((time.monotonic(), draft))
        window.read_for(0.05)
    window.kill()
    return use


def check(home: Path, use: Use) -> None:
    connection = sqlite3.connect(home / "data" / "chatterm.db")
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        prompts = {
            text for (text,) in connection.execute("SELECT text FROM messages WHERE role = 'user'")
        }
        answers = [
            text
            for (text,) in connection.execute(
                "SELECT text FROM messages WHERE role = 'assistant' ORDER BY n DESC LIMIT 1"
            )
        ]
        drafts = [text for (text,) in connection.execute("SELECT text FROM drafts")]
    finally:
        connection.close()
    # What an earlier run did not get sent stands before it: it was the draft of the new chat.
    stored = next((text for text in prompts if use.sent and text.endswith(use.sent[-1])), None)
    if use.writing_since:
        assert stored is not None, "an answer was begun, and its prompt is not stored"
        if use.killed_at - use.writing_since > LOST_SECONDS + 0.5:
            assert answers[0].startswith("run"), "nothing is left of what was on the screen"
            assert stored.startswith(answers[0])
    settled = [text for at, text in use.typed if use.killed_at - at > LOST_SECONDS + 0.5]
    if settled and stored is not None:
        wanted = settled[-1].rstrip()
        assert any(draft.startswith(wanted) for draft in drafts), (wanted, drafts)


def kill_many(home: Path, count: int) -> None:
    slow_echo(home, WORDS_PER_SECOND)
    ask("so that the database is there")
    chance = random.Random(7)
    sent = 0
    for run in range(count):
        use = use_and_kill(run, chance)
        check(home, use)
        sent += bool(use.sent)
    assert sent > 0
    ask("the next run finds what was left behind")
    assert "writing" not in [state for _, _, state in stored_messages(home)]


@pytest.mark.slow
def test_a_few_windows_that_are_killed_lose_nothing(home: Path) -> None:
    kill_many(home, 5)


@pytest.mark.faults
def test_a_hundred_windows_that_are_killed_lose_nothing(home: Path) -> None:
    kill_many(home, 100)
