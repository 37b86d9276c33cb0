"""Running a server: health, figures, the log, the end, TLS."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from chatterm.server.keys import Scope
from tests.cli.program import COMMAND, slow_echo
from tests.server.program import Program, served_program
from tests.server.serving import Served, add_user, people, serving

SECRET = "xyzzy-plover"


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as found:
        yield found


def chat(url: str, text: str, model: str = "echo", **more: Any) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": text}], "stream": False}
    return httpx.post(f"{url}/api/chat", json={**body, **more}, timeout=60)


def test_it_says_that_it_is_alive_and_ready(served: Served) -> None:
    for path in ("/health", "/health/live", "/health/ready"):
        reply = httpx.get(served.url + path)
        assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


def test_while_it_stops_it_is_alive_and_not_ready() -> None:
    with serving() as served:
        served.server.jobs._closing = True
        assert httpx.get(f"{served.url}/health/ready").status_code == 503
        assert httpx.get(f"{served.url}/health/live").status_code == 200


def test_every_answer_has_an_id_and_a_proxy_may_give_it(served: Served) -> None:
    ids = {httpx.get(f"{served.url}/health").headers["x-request-id"] for _ in range(2)}
    assert len(ids) == 2
    given = httpx.get(f"{served.url}/health", headers={"X-Request-Id": "proxy-7"})
    assert given.headers["x-request-id"] == "proxy-7"
    odd = httpx.get(f"{served.url}/nothing", headers={"X-Request-Id": "a b"})
    assert odd.status_code == 404 and odd.headers["x-request-id"] not in ("a b", "")


def test_what_is_counted(served: Served) -> None:
    chat(served.url, "one two three")
    chat(served.url, "x", model="nobody")
    httpx.get(f"{served.url}/made/up/path")
    said = httpx.get(f"{served.url}/metrics")
    assert said.headers["content-type"].startswith("text/plain; version=0.0.4")
    figures = dict(
        line.rsplit(" ", 1) for line in said.text.splitlines() if not line.startswith("#")
    )
    route = 'method="POST",route="/api/chat"'
    assert figures[f'chatterm_requests_total{{{route},status="200"}}'] == "1"
    assert figures[f'chatterm_requests_total{{{route},status="404"}}'] == "1"
    assert figures[f"chatterm_request_seconds_count{{{route}}}"] == "2"
    assert figures['chatterm_jobs_total{model="echo",state="complete"}'] == "1"
    assert figures['chatterm_tokens_total{model="echo",kind="completion"}'] == "3"
    assert figures["chatterm_jobs_running"] == "0"
    assert int(figures["chatterm_resident_bytes"]) > 1_000_000
    assert "made/up" not in said.text and 'route="unknown"' in said.text
    buckets = [int(v) for key, v in figures.items() if "request_seconds_bucket" in key]
    assert buckets and all(line for line in said.text.splitlines())


def test_figures_are_for_those_who_may_read_them() -> None:
    admin, ada = add_user("root", is_admin=True), add_user("ada")
    with people() as known:
        user = known.users.named("ada")
        assert user is not None
        collector = known.keys.add(user, scopes=(Scope.METRICS,))[1]
    with serving() as served:

        def status(path: str, key: str = "") -> int:
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            return httpx.get(served.url + path, headers=headers).status_code

        assert [status("/metrics", key) for key in ("", ada, collector, admin)] == [
            401,
            403,
            200,
            200,
        ]
        assert status("/api/tags", collector) == 403
        assert status("/health/live") == 200


def test_a_body_that_is_too_large_is_not_read() -> None:
    with serving(body_mb=0.01) as served:
        reply = chat(served.url, "x" * 20_000)
        assert reply.status_code == 413 and "too large" in reply.json()["error"]
        # A body without a length is counted while it comes.
        parts = iter([b'{"model": "', b"x" * 20_000, b'"}'])
        reply = httpx.post(f"{served.url}/api/chat", content=parts)
        assert reply.status_code == 413


def log_lines(program: Program) -> list[dict[str, Any]]:
    lines = program.said.splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


@pytest.mark.parametrize("form", ["json", "plain"])
def test_the_log_tells_of_requests_and_never_what_is_in_them(tmp_path: Path, form: str) -> None:
    key = add_user("ada")
    with served_program(tmp_path, log=form) as program:
        url, headers = program.url, {"Authorization": f"Bearer {key}", "X-Request-Id": "r1"}
        message = {"role": "user", "content": f"{SECRET} and more"}
        for path, body in (
            ("/api/chat", {"model": "echo", "messages": [message]}),
            ("/api/chat", {"model": f"{SECRET}", "messages": [message]}),
            ("/api/chat", {"model": "echo", "messages": [message], "format": {"type": SECRET}}),
            ("/api/generate", {"model": "guide", "prompt": SECRET, "options": {"num_predict": 2}}),
            ("/v1/chat/completions", {"model": "echo", "messages": [message]}),
            ("/v1/chat/completions", {"model": SECRET, "messages": [message]}),
            ("/v1/responses", {"model": "echo", "input": SECRET}),
            (f"/{SECRET}?{SECRET}", {SECRET: SECRET}),
        ):
            httpx.post(url + path, json=body, headers=headers, timeout=60)
        httpx.post(f"{url}/api/chat", json={}, headers={"Authorization": f"Bearer ck-{SECRET}"})
        program.ask_to_stop()
        assert program.ended() == 0
        said = program.said
    assert SECRET not in said and key not in said and "plover" not in said
    assert "/api/chat" in said and "status" in said and "r1" in said
    if form == "json":
        lines = log_lines(program)
        requests = [line for line in lines if line["event"] == "request"]
        first = requests[0]
        assert first["request"] == "r1" and first["user"] and first["status"] == 200
        assert first["route"] == "/api/chat" and first["ms"] > 0
        assert first["completion_tokens"] == 3 and first["prompt_tokens"] == 3
        jobs = [line for line in lines if line["event"] == "job"]
        assert jobs[0]["job"] in first["jobs"] and jobs[0]["state"] == "complete"
        assert requests[-1]["status"] == 401 and requests[-1]["user"] == ""


def test_asked_to_stop_it_lets_short_answers_end(home: Path, tmp_path: Path) -> None:
    slow_echo(home, 20)
    with served_program(tmp_path, grace_seconds=20) as program:
        said = begin(program, "word " * 19 + "end")
        first = next(said)
        program.ask_to_stop()
        lines = [first, *said]
        assert program.ended() == 0
    assert lines[-1]["done"] is True and lines[-1]["eval_count"] == 20


def test_after_the_grace_it_says_that_it_stops(home: Path, tmp_path: Path) -> None:
    slow_echo(home, 20)
    with served_program(tmp_path, grace_seconds=0.5) as program:
        said = begin(program, "word " * 20_000)
        first = next(said)
        program.ask_to_stop()
        *lines, last = [first, *said]
        assert program.ended() == 0
    assert lines and "stopped" in last["error"]


def begin(program: Program, prompt: str) -> Iterator[dict[str, Any]]:
    body = {"model": "slow", "prompt": prompt}
    with httpx.stream("POST", f"{program.url}/api/generate", json=body, timeout=60) as reply:
        for line in reply.iter_lines():
            yield json.loads(line)


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no systemd")
@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told_when_it_is_ready_and_when_it_stops(tmp_path: Path, abstract: bool) -> None:
    # Not under tmp_path, which may be longer than the address of a socket.
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
    ):
        name = f"{folder}/notify"
        systemd.bind("\0" + name if abstract else name)
        systemd.settimeout(60)
        env = {"NOTIFY_SOCKET": f"@{name}" if abstract else name}
        with served_program(tmp_path, env=env) as program:
            assert systemd.recv(100) == b"READY=1"
            assert httpx.get(f"{program.url}/health/ready").status_code == 200
            program.ask_to_stop()
            assert systemd.recv(100) == b"STOPPING=1"
            assert program.ended() == 0


@pytest.mark.skipif(os.name == "nt", reason="no pseudo-terminals")
def test_it_ends_with_its_terminal_as_if_it_was_asked_to() -> None:
    import pty

    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(COMMAND[0], [*COMMAND, "serve", "--port", "0"])
    said = b""
    while b"Ctrl-C stops it" not in said:
        said += os.read(terminal, 4096)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
