"""Whoever should not get in, or not get anything for nothing: pages, guessers, slow clients."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from chatterm.errors import ConfigError
from chatterm.server import guard
from chatterm.server.connections import Connection
from tests.server.asking import PATIENCE, get, post, request
from tests.server.program import served_program
from tests.server.serving import Served, add_user, serving

EVERYWHERE = (
    "/",
    "/openapi.json",
    "/configs/models",
    "/health",
    "/v1/models",
    "/api/tags",
    "/nope",
)


@pytest.mark.parametrize("path", EVERYWHERE)
def test_a_name_that_somebody_let_point_here_is_answered_nothing(path: str) -> None:
    with serving() as served:
        for host in ("evil.example", "evil.example:8811", "127.0.0.1.evil.example", "[", "evil."):
            reply = get(served.url + path, headers={"Host": host})
            assert reply.status_code == 403, host
            assert "guide" not in reply.text
        for host in ("localhost", "localhost:1", "127.0.0.1", "[::1]:99", "app.localhost"):
            assert get(served.url + path, headers={"Host": host}).status_code in (200, 404)


def test_a_page_has_to_be_of_the_server_itself_port_and_all() -> None:
    with serving() as served:
        own = served.url
        assert get(f"{own}/v1/models", headers={"Origin": own}).status_code == 200
        for origin in ("http://127.0.0.1:1", "null", "http://[", "https://evil.example", ""):
            reply = post(f"{own}/api/generate", headers={"Origin": origin}, json={})
            assert reply.status_code == 403, origin


def test_a_page_somewhere_gets_no_answer_in_the_place_of_a_picture() -> None:
    """Browsers send no Origin for a picture; but they say that another site wants it."""
    with serving() as served:
        url = f"{served.url}/auth/login/debug?username=x"
        for site, mode, status in (
            ("cross-site", "no-cors", 403),
            ("same-site", "no-cors", 403),
            ("same-origin", "cors", 200),
            ("cross-site", "navigate", 200),
        ):
            headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
            assert get(url, headers=headers).status_code == status, headers


def test_let_in_from_everywhere_it_answers_to_names_of_this_network_and_those_it_is_given() -> None:
    with serving(host="0.0.0.0", no_auth=True, hosts=["chat.example.org"]) as served:
        port = served.url.rpartition(":")[2]
        for host, status in (
            ("evil.example", 403),
            ("chat.example.org", 200),
            ("192.168.7.7", 200),
            ("[fd00::1]:8811", 200),
            ("nas", 200),
            (f"box.local:{port}", 200),
        ):
            assert get(f"{served.url}/health", headers={"Host": host}).status_code == status, host


def test_where_everybody_logs_in_any_name_will_do() -> None:
    key = add_user("ada")
    with serving() as served:
        headers = {"Host": "chat.example.org", "Authorization": f"Bearer {key}"}
        assert get(f"{served.url}/v1/models", headers=headers).status_code == 200


def log_in(served: Served, password: str, **headers: str) -> int:
    body = {"username": "ada", "password": password}
    return post(f"{served.url}/auth/login", json=body, headers=headers).status_code


def test_guesses_that_come_at_once_are_counted_as_well() -> None:
    add_user("ada")
    with serving() as served, ThreadPoolExecutor(12) as pool:
        codes = list(pool.map(lambda n: log_in(served, f"wrong {n}"), range(12)))
    assert sorted(codes) == [401] * 5 + [429] * 7


def test_a_proxy_that_is_believed_tells_guessers_apart() -> None:
    add_user("ada")
    with serving(proxies=["127.0.0.1"]) as served:
        for number in range(5):
            assert log_in(served, f"no {number}", **{"X-Forwarded-For": "198.51.100.7"}) == 401
        assert log_in(served, "correct horse", **{"X-Forwarded-For": "198.51.100.7"}) == 429
        assert log_in(served, "correct horse", **{"X-Forwarded-For": "192.0.2.1"}) == 200


def test_nobody_else_can_say_where_they_come_from() -> None:
    add_user("ada")
    with serving(proxies=["10.0.0.0/8"]) as served:
        codes = [log_in(served, "no", **{"X-Forwarded-For": f"192.0.2.{n}"}) for n in range(6)]
    assert codes == [401] * 5 + [429]


@pytest.mark.parametrize(
    ("setting", "wrong"),
    [
        ("proxies", "*"),
        ("proxies", "proxy.example.org"),
        ("proxies", "10.0.0.1/8"),
        ("hosts", "https://chat.example.org"),
        ("hosts", "Chat.example.org"),
        ("cors_origins", "chat.example.org"),
        ("cors_origins", "https://chat.example.org/"),
        ("cors_origins", "*"),
    ],
)
def test_who_is_let_in_is_checked_at_the_start(setting: str, wrong: str) -> None:
    options: dict[str, Any] = {setting: [wrong]}
    with pytest.raises(ConfigError, match=f"serve.{setting}"), serving(**options):
        pass


def test_the_log_says_where_a_wrong_password_came_from(tmp_path: Path) -> None:
    add_user("ada")
    with served_program(tmp_path, log="json", proxies=["127.0.0.1"]) as program:
        body = {"username": "ada", "password": "wrong"}
        post(f"{program.url}/auth/login", json=body, headers={"X-Forwarded-For": "192.0.2.9"})
        program.ask_to_stop()
        assert program.ended() == 0
    lines = [json.loads(line) for line in program.said.splitlines()]
    assert [line["event"] for line in lines] == ["serving", "request", "stopping"]
    assert lines[0]["url"] == program.url
    told = {key: lines[1][key] for key in ("client", "route", "status")}
    assert told == {"client": "192.0.2.9", "route": "/auth/login", "status": 401}


def test_methods_and_paths_that_a_client_makes_up_are_not_counted_by_name() -> None:
    with serving() as served:
        for number in range(3):
            assert request(f"MADEUP{number}", f"{served.url}/v1/models").status_code == 405
        get(f"{served.url}/v1/models")
        said = get(f"{served.url}/metrics").text
    assert "MADEUP" not in said
    assert 'method="GET",route="/v1/models"' in said


def test_what_curl_sends_is_read_as_json() -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    with serving() as served:
        for path, body in (
            ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
            ("/v1/completions", {"prompt": "hi"}),
            ("/v1/responses", {"input": "hi"}),
            ("/api/generate", {"prompt": "hi"}),
            ("/chats", {}),
        ):
            said = json.dumps({"model": "echo", **body})
            assert post(served.url + path, content=said, headers=form).status_code == 200, path
        wrong = post(f"{served.url}/v1/responses", content="model=echo", headers=form)
        assert wrong.status_code == 400 and "not JSON" in wrong.text


def connect(served: Served) -> socket.socket:
    port = int(served.url.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def is_closed(client: socket.socket) -> bool:
    """Waits until the server has closed it."""
    try:
        while client.recv(1000):
            pass
    except ConnectionError:
        pass
    return True


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: b"])
def test_a_head_that_does_not_come_is_not_waited_for(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "head_seconds", 0.3)
    with serving() as served, connect(served) as client:
        client.sendall(said)
        assert is_closed(client)
        assert get(f"{served.url}/health").status_code == 200


def test_nor_is_the_head_of_a_second_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "head_seconds", 0.3)
    whole = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with serving() as served, connect(served) as client:
        for _ in range(2):
            client.sendall(whole)
            said = b""
            while b"ok" not in said:
                said += client.recv(4000)
        client.sendall(whole[:20])
        assert is_closed(client)


def test_a_stream_lasts_longer_than_a_head_may_take(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.cli.program import slow_echo

    slow_echo(home, words_per_second=10)
    monkeypatch.setattr(Connection, "head_seconds", 0.3)
    with serving() as served:
        body: dict[str, Any] = {"model": "slow", "prompt": "word " * 12}
        reply = post(f"{served.url}/api/generate", json=body)
        assert json.loads(reply.text.splitlines()[-1])["done"] is True


@pytest.mark.parametrize("limit", ["_PIECE_SECONDS", "_BODY_SECONDS"])
def test_a_body_that_does_not_come_is_told_so(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, limit, 0.3)
    head = b"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 90\r\n\r\n{"
    with serving() as served, connect(served) as client:
        client.sendall(head)
        assert client.recv(4000).startswith(b"HTTP/1.1 408")


def test_a_wish_for_a_websocket_is_answered_and_is_no_news(tmp_path: Path) -> None:
    with served_program(tmp_path) as program:
        headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
        assert get(f"{program.url}/health", headers=headers).status_code == 200
        program.ask_to_stop()
        assert program.ended() == 0
    assert "WebSocket" not in program.said and "pgrade" not in program.said


def test_a_head_that_is_too_large_is_refused() -> None:
    with serving() as served:
        try:
            reply = get(f"{served.url}/health", headers={"X-Large": "x" * 200_000})
        except httpx.HTTPError:
            return
        assert reply.status_code in (400, 431)


def test_more_connections_than_it_has_files_for_leave_it_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chatterm.server.connections.most_connections", lambda: 4)
    with serving() as served:
        idle = [connect(served) for _ in range(4)]
        with connect(served) as one_more:
            assert is_closed(one_more)
        for client in idle:
            client.close()
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                assert get(f"{served.url}/health").status_code == 200
                break
            except httpx.HTTPError:
                continue
