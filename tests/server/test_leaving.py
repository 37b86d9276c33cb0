"""Clients that vanish, however they asked and wherever their answer stood: the engine is free.

The engine is the real one behind the real server. It answers one at a time, and its model goes on
for minutes, so that nothing is over by itself.
"""

from __future__ import annotations

import asyncio
import json
import random
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from chatterm.engine.hosts import EngineHome, running
from chatterm.server.work import Job, JobState
from tests.ggufs import make_gguf
from tests.server.asking import Asking
from tests.server.serving import Served
from tests.server.world import world

CONTEXT = 1 << 16
ENDLESS = 100_000
WORDS = "Tell me of the sea"
CHAT = [{"role": "user", "content": WORDS}]
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "openai chat": ("/v1/chat/completions", {"messages": CHAT, "max_tokens": ENDLESS}),
    "openai completions": ("/v1/completions", {"prompt": WORDS, "max_tokens": ENDLESS}),
    "responses": ("/v1/responses", {"input": WORDS, "max_output_tokens": ENDLESS}),
    "ollama chat": ("/api/chat", {"messages": CHAT, "options": {"num_predict": ENDLESS}}),
    "ollama generate": ("/api/generate", {"prompt": WORDS, "options": {"num_predict": ENDLESS}}),
}
"""Every way to ask for an answer that belongs to its connection."""
each_way = pytest.mark.parametrize("way", WAYS)
in_pieces_or_whole = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])


class Client:
    """A connection that sends one request and can be cut at any time."""

    def __init__(self, served: Served, path: str, body: dict[str, Any]) -> None:
        where = urlsplit(served.url)
        assert where.hostname is not None
        assert where.port is not None
        self._socket = socket.create_connection((where.hostname, where.port), timeout=60)
        data = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: {where.netloc}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        self._socket.sendall(head.encode() + data)

    def read(self) -> bytes:
        """What comes next."""
        data = self._socket.recv(1 << 16)
        assert data, "the server hung up"
        return data

    def read_text(self) -> None:
        """Wait until some of the answer itself is there."""
        said = self.read()
        assert said.startswith(b"HTTP/1.1 200"), said
        while not any(word in said for word in (b'"content":"', b'"text":"', b'"delta":"')):
            if b'"response":"' in said:
                return
            said += self.read()

    def has_heard_nothing(self) -> bool:
        return not select.select([self._socket], [], [], 0)[0]

    def vanish(self, *, rudely: bool = False) -> None:
        """As a process that ends does it; ``rudely`` is what a machine does that was reset."""
        if rudely:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


class Shop:
    """The server, its engine, and what became of its jobs."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.jobs: list[Job] = []
        served.server.jobs.listeners.append(self.jobs.append)

    def ask(self, way: str, *, stream: bool, **more: Any) -> Client:
        path, body = WAYS[way]
        return Client(self.served, path, {"model": "endless", "stream": stream, **body, **more})

    def engine(self, model: str = "endless") -> dict[str, Any]:
        paths = self.served.server.paths
        hosts = asyncio.run(running(EngineHome(paths.sockets, paths.log_dir, isolated=True)))
        said = [host for host in hosts if host["model"].endswith(f"{model}.gguf")]
        # While it loads it does not say yet what it does.
        return {"running": 0, "waiting": 0, "embedding": 0, **(said[0] if said else {})}

    def is_writing(self) -> bool:
        return bool(self.engine()["running"] == 1)

    def is_idle(self) -> bool:
        jobs, engine = self.served.server.jobs, self.engine()
        return not (jobs.running or jobs.waiting or engine["running"] or engine["waiting"])

    def states(self) -> list[JobState]:
        """What happened to the job that came last."""
        last = next(job.id for job in reversed(self.jobs) if job.state is JobState.PENDING)
        return [job.state for job in self.jobs if job.id == last]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    def more(folder: Path) -> dict[str, Path]:
        return {"endless": make_gguf(folder / "endless.gguf", context=CONTEXT)}

    options = {"engine__sequences": 1, "engine__context": CONTEXT}
    with world(tmp_path_factory.mktemp("w"), more=more, **options) as found:
        yield found


@pytest.fixture
def shop(served: Served) -> Iterator[Shop]:
    shop = Shop(served)
    yield shop
    served.server.jobs.listeners.remove(shop.jobs.append)


def soon(is_so: Callable[[], bool]) -> None:
    """Wait until something is so; a busy machine may take its time."""
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@contextmanager
def somebody_else(shop: Shop) -> Iterator[Client]:
    """Has the engine, and keeps it."""
    client = shop.ask("openai chat", stream=True)
    soon(shop.is_writing)
    yield client
    client.vanish()
    soon(shop.is_idle)


@each_way
def test_whoever_leaves_a_stream_frees_the_engine(shop: Shop, way: str) -> None:
    for rudely in (False, True):
        client = shop.ask(way, stream=True)
        client.read_text()
        assert shop.is_writing()
        client.vanish(rudely=rudely)
        soon(shop.is_idle)
        assert shop.states()[-1] is JobState.STOPPED


@each_way
def test_whoever_does_not_wait_for_the_whole_frees_the_engine(shop: Shop, way: str) -> None:
    client = shop.ask(way, stream=False)
    soon(shop.is_writing)
    assert client.has_heard_nothing()
    client.vanish()
    soon(shop.is_idle)
    assert shop.states()[-1] is JobState.STOPPED


@each_way
@in_pieces_or_whole
def test_whoever_leaves_the_queue_is_never_begun(shop: Shop, way: str, stream: bool) -> None:
    with somebody_else(shop) as writing:
        client = shop.ask(way, stream=stream)
        soon(lambda: shop.served.server.jobs.waiting == 1)
        client.vanish()
        soon(lambda: shop.served.server.jobs.waiting == 0)
        assert shop.states() == [JobState.PENDING, JobState.STOPPED]
        assert shop.is_writing()
        writing.read()


@each_way
@in_pieces_or_whole
def test_whoever_leaves_while_the_prompt_is_read(shop: Shop, way: str, stream: bool) -> None:
    long = " ".join(str(random.Random(way).random()) for _ in range(2000))
    named = {"messages": [{"role": "user", "content": long}], "prompt": long, "input": long}
    more = {name: value for name, value in named.items() if name in WAYS[way][1]}
    client = shop.ask(way, stream=stream, **more)
    soon(shop.is_writing)
    assert client.has_heard_nothing(), "nothing is written yet"
    client.vanish()
    soon(shop.is_idle)
    assert shop.states()[-1] is JobState.STOPPED


def test_a_chat_goes_on_without_readers_until_it_is_deleted(shop: Shop) -> None:
    asking = Asking(shop.served.url)
    body = {
        "content": WORDS,
        "model_config_name": "endless",
        "sampling_parameters": {"max_new_tokens": ENDLESS},
    }

    def asked() -> tuple[str, str]:
        chat_id = asking.new_chat()
        said = asking.http.post(f"/chats/{chat_id}/messages", json=body).raise_for_status().json()
        return chat_id, said["assistant_message"]["id"]

    (writing, answer_id), (waiting, _) = asked(), asked()
    with asking.events(writing, answer_id) as events:
        while next(events)["event_type"] != "token":
            pass
    assert shop.is_writing(), "its reader went, and may come back"
    with asking.events(writing, answer_id, {"Last-Event-ID": "1"}) as events:
        assert next(events)["event_type"] == "token"
    assert shop.served.server.jobs.waiting == 1
    asking.http.delete(f"/chats/{waiting}").raise_for_status()
    soon(lambda: shop.served.server.jobs.waiting == 0)
    assert shop.is_writing()
    asking.http.delete(f"/chats/{writing}").raise_for_status()
    soon(shop.is_idle)


def test_a_response_in_the_background_goes_on_until_it_is_cancelled(shop: Shop) -> None:
    url = f"{shop.served.url}/v1/responses"
    body = {"model": "endless", "input": WORDS, "max_output_tokens": ENDLESS, "background": True}
    writing, waiting = (httpx.post(url, json=body).raise_for_status().json() for _ in range(2))
    soon(shop.is_writing)
    for response, left in ((waiting, 1), (writing, 0)):
        said = httpx.post(f"{url}/{response['id']}/cancel").raise_for_status().json()
        assert said["status"] == "cancelled"
        soon(lambda left=left: shop.engine()["running"] == left)  # type: ignore[misc]
    soon(shop.is_idle)


@pytest.mark.parametrize("path", ["/v1/embeddings", "/api/embed"])
def test_whoever_does_not_wait_for_vectors_frees_the_engine(shop: Shop, path: str) -> None:
    text = " ".join(f"word{number}" for number in range(60))
    client = Client(shop.served, path, {"model": "vectors", "input": [text] * 2000})
    soon(lambda: shop.engine("vectors")["embedding"] == 1)
    assert client.has_heard_nothing()
    client.vanish()
    soon(lambda: shop.engine("vectors")["embedding"] == 0)


def test_a_crowd_that_vanishes_at_any_moment_leaves_nothing_behind(shop: Shop) -> None:
    chance = random.Random("a crowd")
    for _ in range(3):
        crowd = []
        for way in chance.choices(list(WAYS), k=12):
            crowd.append(shop.ask(way, stream=chance.random() < 0.5))
            if chance.random() < 0.5:
                time.sleep(chance.uniform(0, 0.05))
            if chance.random() < 0.5:
                crowd.pop(chance.randrange(len(crowd))).vanish(rudely=chance.random() < 0.5)
        chance.shuffle(crowd)
        for client in crowd:
            client.vanish(rudely=chance.random() < 0.5)
        soon(shop.is_idle)
    assert {job.state for job in shop.jobs if job.state.is_over} == {JobState.STOPPED}
    path, body = WAYS["ollama generate"]
    short = {"model": "endless", "stream": False, **body, "options": {"num_predict": 5}}
    said = httpx.post(shop.served.url + path, json=short, timeout=60).raise_for_status().json()
    assert said["eval_count"] == 5
