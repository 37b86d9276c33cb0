"""What others notice of an account that is removed: 2,000 chats of 20 messages, beside a stream.

The stream is an echo of even pace, so the longest gap between two pieces is what the removal adds.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.model import prompt_of
from chatterm.ids import ulid_factory
from chatterm.messages import Role
from chatterm.paths import Paths
from chatterm.server.keys import Scope
from chatterm.server.people import people_in
from chatterm.server.records import Records, open_records
from chatterm.server.users import User

CHATS = 2_000
MESSAGES = 20
RESPONSES = 2_000
WORDS_PER_SECOND = 200
BAR_MS = 100


def main(seconds: float = 5.0) -> None:
    with tempfile.TemporaryDirectory(prefix="cb") as folder:
        home = Path(folder)
        env = {**os.environ, "CHATTERM_HOME": str(home)}
        paths = Paths.from_environment(env)
        paths.user_models_file.parent.mkdir(parents=True, exist_ok=True)
        paths.user_models_file.write_text(
            f'[models.even]\nbackend = "echo"\nwords_per_second = {WORDS_PER_SECOND}\n'
        )
        leaving, staying = _filled(paths)
        with _served(env, home / "log") as url:
            alone = _beside(url, staying, lambda: time.sleep(seconds))
            began = time.monotonic()
            beside = _beside(url, staying, lambda: _leave(url, leaving))
            took = time.monotonic() - began
    print(f"longest gap of a stream alone           {alone:6.0f} ms")
    print(f"longest gap while an account is removed {beside:6.0f} ms   bar {BAR_MS} ms")
    print(f"the removal took                        {took:6.1f} s")


def _leave(url: str, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    httpx.delete(f"{url}/account/", headers=headers, timeout=600).raise_for_status()


def _beside(url: str, key: str, what: Callable[[], None]) -> float:
    """The longest gap, in ms, of a stream while something else is done."""
    over = threading.Event()
    begun = threading.Event()
    gaps: list[float] = []

    def read() -> None:
        body = {
            "model": "even",
            "stream": True,
            "messages": [{"role": "user", "content": "word " * 60_000}],
        }
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.stream(
            "POST", f"{url}/v1/chat/completions", json=body, headers=headers, timeout=600
        ) as reply:
            last = 0.0
            for line in reply.iter_lines():
                if not line.startswith("data: {"):
                    continue
                now = time.monotonic()
                if last:
                    gaps.append(now - last)
                    begun.set()
                last = now
                if over.is_set():
                    return

    reader = threading.Thread(target=read)
    reader.start()
    begun.wait()
    gaps.clear()
    what()
    over.set()
    reader.join()
    return max(gaps) * 1000


def _filled(paths: Paths) -> tuple[str, str]:
    """A file with the account that goes; the keys of that one and of another."""
    paths.server_database.parent.mkdir(parents=True, exist_ok=True)
    records = open_records(paths.server_database, clock=time.time, new_id=ulid_factory())
    try:
        people = people_in(records)
        leaving = people.users.add("leaving", "correct horse")
        staying = people.users.add("staying", "correct horse")
        for at in range(CHATS):
            with records.db.atomic():
                _chat(records, leaving, at)
        with records.db.atomic():
            for at in range(RESPONSES):
                _response(records, leaving, at)
        for at in range(CHATS // 4):
            with records.db.atomic():
                _chat(records, staying, 10_000 + at)
        return (
            people.keys.add(leaving, scopes=(Scope.USE,))[1],
            people.keys.add(staying, scopes=(Scope.USE,))[1],
        )
    finally:
        records.close()


def _chat(records: Records, user: User, seed: int) -> None:
    chat = records.store.create_chat()
    records.db.run(
        "INSERT INTO server_chats (chat_id, user_id, dialect) VALUES (?, ?, 'openassistant')",
        (chat.id, user.id),
    )
    parent = None
    for at in range(MESSAGES):
        role = Role.ASSISTANT if at % 2 else Role.USER
        text = prompt_of(60, seed=seed * MESSAGES + at)
        parent = records.store.add(chat.id, parent_id=parent, role=role, text=text).id


def _response(records: Records, user: User, seed: int) -> None:
    records.db.run(
        "INSERT INTO server_responses (id, user_id, created_at, status, body, input)"
        " VALUES (?, ?, ?, 'completed', ?, '[]')",
        (f"resp_{seed}", user.id, time.time(), json.dumps({"text": prompt_of(60, seed=seed) * 20})),
    )


@contextmanager
def _served(env: dict[str, str], log: Path) -> Iterator[str]:
    with log.open("wb") as stderr:
        command = [sys.executable, "-m", "chatterm", "serve", "--port", "0"]
        process = subprocess.Popen(command, env=env, stderr=stderr)
    try:
        while (found := re.search(r"serving at (\S+);", log.read_text())) is None:
            if process.poll() is not None:
                raise RuntimeError(log.read_text())
            time.sleep(0.05)
        yield found[1]
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
