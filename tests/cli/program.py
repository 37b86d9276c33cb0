"""Runs the real program: under pipes, with stdout, stderr and exit code apart."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatterm.ids import ulid_factory
from chatterm.paths import Paths
from chatterm.store import Store

COMMAND = [sys.executable, "-m", "chatterm"]


@dataclass(frozen=True)
class Ran:
    """How one run of the program ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def chatterm(*args: str, stdin: str | bytes = "", cwd: Path | None = None) -> Ran:
    data = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [*COMMAND, *args], input=data, capture_output=True, timeout=60, check=False, cwd=cwd
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def ask(*args: str, stdin: str | bytes = "") -> Ran:
    return chatterm("ask", "-m", "echo", *args, stdin=stdin)


def new_chat(*words: str) -> str:
    """The id of a chat with this prompt and its answer."""
    ran = ask("--json", *words)
    assert ran.code == 0, ran.err
    chat_id: str = ran.json["chat_id"]
    return chat_id


def opened_store() -> Store:
    """The store that the program of this test uses."""
    path = Paths.from_environment(os.environ).database
    return Store.open(path, clock=time.time, new_id=ulid_factory())


def stored_messages(home: Path) -> list[tuple[str, str, str]]:
    """Role, text and state of every message, as any SQLite tool reads them."""
    with closing(sqlite3.connect(home / "data" / "chatterm.db")) as connection:
        return connection.execute("SELECT role, text, state FROM messages ORDER BY id").fetchall()


def slow_echo(home: Path, words_per_second: float = 100) -> str:
    """Describe a slow echo model in the user's own models.toml, and name it."""
    folder = home / "config"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "models.toml").write_text(
        f'[models.slow]\nbackend = "echo"\nwords_per_second = {words_per_second}\n'
    )
    return "slow"
