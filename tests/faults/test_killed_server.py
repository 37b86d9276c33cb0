"""A server that is killed under load: what it accepted is afterwards finished, or honestly failed.

`make faults` kills it a hundred times, `make test` a few. Four clients ask all the time, through
chats and through responses in the background; every answer whose id was handed out is looked up
after the next start, and the file is asked for any that is still open, handed out or not.
"""

from __future__ import annotations

import random
import sqlite3
import threading
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.program import slow_echo
from tests.server.asking import Asking
from tests.server.program import served_program

CLIENTS = 4
WORDS_PER_SECOND = 60
OPEN = (
    ("messages", "state", "('writing')"),
    ("server_jobs", "state", "('pending', 'in_progress')"),
    ("server_responses", "status", "('queued', 'in_progress')"),
)
FINAL = {"complete", "aborted_by_worker", "cancelled", "timeout"}


@dataclass
class Accepted:
    """An answer that the server has promised."""

    prompt: str
    chat_id: str = ""
    message_id: str = ""
    response_id: str = ""
    is_told: bool = False
    """Its client has read that it is complete."""


@dataclass
class Log:
    accepted: list[Accepted] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def client(url: str, number: int, chance: random.Random, log: Log) -> None:
    """Ask until the server is gone."""
    with suppress(httpx.TransportError):
        asking = Asking(url)
        for turn in range(1000):
            prompt = " ".join(f"{number}-{turn}-{word}" for word in range(chance.randrange(1, 60)))
            model = chance.choice(["slow", "echo"])
            if chance.random() < 0.3:
                _respond(asking, prompt, model, chance, log)
            else:
                _chat(asking, prompt, model, chance, log)


def _respond(asking: Asking, prompt: str, model: str, chance: random.Random, log: Log) -> None:
    body = {"model": model, "input": prompt, "background": True, "store": True}
    reply = asking.http.post("/v1/responses", json=body)
    if reply.status_code == 200:
        accepted = Accepted(prompt, response_id=reply.json()["id"])
        log.accepted.append(accepted)
        if chance.random() < 0.5:
            said = asking.http.get(f"/v1/responses/{accepted.response_id}").json()
            accepted.is_told = said["status"] == "completed"
    elif reply.status_code not in (429, 503):
        log.problems.append(reply.text)


def _chat(asking: Asking, prompt: str, model: str, chance: random.Random, log: Log) -> None:
    chat_id = asking.new_chat()
    body = {"content": prompt, "model_config_name": model}
    reply = asking.http.post(f"/chats/{chat_id}/messages", json=body)
    if reply.status_code in (429, 503):
        return
    if reply.status_code != 200:
        log.problems.append(reply.text)
        return
    accepted = Accepted(prompt, chat_id, reply.json()["assistant_message"]["id"])
    log.accepted.append(accepted)
    if chance.random() < 0.5:
        heard = asking.heard(chat_id, accepted.message_id)
        accepted.is_told = bool(heard) and heard[-1]["event_type"] == "message"


def check(url: str, log: Log) -> dict[str, int]:
    """How many are in which state; each is final, and has nothing that was not said."""
    asking, states = Asking(url), dict[str, int]()
    for accepted in log.accepted:
        if accepted.response_id:
            state, text, error = _response(asking, accepted)
        else:
            message = asking.message(accepted.chat_id, accepted.message_id)
            state, text, error = message["state"], message["content"] or "", message["error"]
            prompt = asking.message(accepted.chat_id, message["parent_id"])
            assert prompt["content"] == accepted.prompt
        assert state in FINAL, (accepted, state)
        assert accepted.prompt.startswith(text), (accepted, text)
        if state == "complete":
            assert text == accepted.prompt
        else:
            assert not accepted.is_told, "what was told to be complete stays so"
            assert error or state == "cancelled", "it says why it has no answer"
        states[state] = states.get(state, 0) + 1
    assert not log.problems
    log.accepted.clear()
    return states


def _response(asking: Asking, accepted: Accepted) -> tuple[str, str, Any]:
    told = asking.http.get(f"/v1/responses/{accepted.response_id}").raise_for_status().json()
    names = {"completed": "complete", "failed": "aborted_by_worker", "incomplete": "timeout"}
    parts = [part for item in told["output"] for part in item.get("content", ())]
    text = "".join(part.get("text", "") for part in parts)
    return names.get(told["status"], told["status"]), text, told["error"]


def nothing_is_open(home: Path) -> None:
    """Right after a start, before anybody asks: nothing waits for a server that is gone."""
    with closing(sqlite3.connect(home / "data" / "server.db")) as db:
        for table, column, words in OPEN:
            found = db.execute(f"SELECT count(*) FROM {table} WHERE {column} IN {words}").fetchone()
            assert found == (0,), table


def kill_many(home: Path, count: int, seed: str) -> dict[str, int]:
    slow_echo(home, WORDS_PER_SECOND)
    chance, log, states = random.Random(seed), Log(), dict[str, int]()
    for _ in range(count):
        with served_program(home.parent, requests_per_minute=0) as program:
            url = program.url
            nothing_is_open(home)
            for state, number in check(url, log).items():
                states[state] = states.get(state, 0) + number
            threads = [
                threading.Thread(target=client, args=(url, at, random.Random(chance.random()), log))
                for at in range(CLIENTS)
            ]
            for thread in threads:
                thread.start()
            threading.Event().wait(chance.uniform(0.0, 1.5))
            program.process.kill()
            for thread in threads:
                thread.join(30)
    with served_program(home.parent, requests_per_minute=0) as program:
        nothing_is_open(home)
        for state, number in check(program.url, log).items():
            states[state] = states.get(state, 0) + number
    return states


@pytest.mark.slow
def test_a_killed_server_keeps_its_promises(home: Path) -> None:
    states = kill_many(home, 4, "a few")
    assert sum(states.values()) > 4


@pytest.mark.faults
def test_a_server_killed_a_hundred_times_keeps_its_promises(home: Path) -> None:
    states = kill_many(home, 100, "a hundred")
    assert states["complete"] > 100
    assert states["aborted_by_worker"] > 100
