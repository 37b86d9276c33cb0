"""Embeddings are work like any other: limited, counted, and gone with their client."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.server.asking import PATIENCE, get, post
from tests.server.serving import Served
from tests.server.world import world

MANY = ["word " * 100] * 2048
ROUTES = {
    "/v1/embeddings": {"model": "vectors", "input": MANY},
    "/api/embed": {"model": "vectors", "input": MANY},
}


def until(true: Callable[[], bool]) -> None:
    """Ask again and again, since the server is in another thread."""
    again = threading.Event()
    for _ in range(3000):
        if true():
            return
        again.wait(0.01)
    raise AssertionError("it never came true")


def begun(served: Served, path: str) -> socket.socket:
    """A client that waits for vectors; its work has begun."""
    place = urlsplit(served.url)
    body = json.dumps(ROUTES[path]).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    client = socket.create_connection((place.hostname, place.port), timeout=PATIENCE)
    client.sendall(head.encode() + body)
    until(lambda: served.server.jobs.running == 1)
    return client


@pytest.mark.parametrize("path", list(ROUTES))
def test_a_client_that_vanishes_frees_the_engine(tmp_path: Path, path: str) -> None:
    with world(tmp_path) as served:
        with begun(served, path):
            pass
        until(lambda: served.server.jobs.running == 0)
        told = get(f"{served.url}/metrics").text
        assert 'chatterm_jobs_total{model="vectors",state="stopped"} 1' in told


@pytest.mark.parametrize("path", list(ROUTES))
def test_embeddings_count_among_the_open_jobs_of_a_user(tmp_path: Path, path: str) -> None:
    with world(tmp_path, open_jobs=1) as served, begun(served, path):
        refused = post(f"{served.url}{path}", json={"model": "vectors", "input": "one"})
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) > 0


@pytest.mark.parametrize("path", list(ROUTES))
def test_a_full_queue_takes_no_more_texts(tmp_path: Path, path: str) -> None:
    with (
        world(tmp_path, queue_size=1, engine__sequences=1) as served,
        begun(served, path),
        begun_and_waiting(served, path),
    ):
        refused = post(f"{served.url}{path}", json={"model": "vectors", "input": "one"})
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0


def begun_and_waiting(served: Served, path: str) -> socket.socket:
    client = begun(served, path)
    until(lambda: served.server.jobs.waiting == 1)
    return client


@pytest.mark.parametrize("path", list(ROUTES))
def test_tokens_of_texts_count(tmp_path: Path, path: str) -> None:
    with world(tmp_path, tokens_per_day=5) as served:
        body = {"model": "vectors", "input": "one two three four five six"}
        assert post(f"{served.url}{path}", json=body).status_code == 200
        refused = post(f"{served.url}{path}", json=body)
        assert refused.status_code == 429
        assert 0 < int(refused.headers["Retry-After"]) <= 86400


def test_texts_that_are_too_long_are_cut_as_ollama_cuts_them(tmp_path: Path) -> None:
    with world(tmp_path) as served:
        long = {"model": "vectors", "input": "word " * 3000}
        cut = post(f"{served.url}/api/embed", json=long)
        assert cut.status_code == 200
        assert cut.json()["prompt_eval_count"] == 512
        whole = post(f"{served.url}/api/embed", json=long | {"truncate": False})
        assert whole.status_code == 400
        assert "tokens" in whole.json()["error"]
