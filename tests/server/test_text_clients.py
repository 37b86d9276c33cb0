"""The text clients of four generations, request by request as the recordings have them."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from chatterm.remote.openassistant.generation import Generation
from tests.cli.program import slow_echo
from tests.server.asking import PATIENCE, get
from tests.server.serving import serving


def client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=PATIENCE)


class Terminal:
    """What all text clients do: one connection a request, and an exception at any refusal."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.auth: dict[str, str] = {}

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {**self.auth, "Connection": "close"}
        reply = httpx.request(
            method, f"{self.url}{path}", headers=headers, timeout=PATIENCE, **more
        )
        assert reply.status_code < 400, reply.text
        return reply

    def json(self, method: str, path: str, **more: Any) -> Any:
        return self.ask(method, path, **more).json()

    def bearer(self, token: dict[str, str]) -> None:
        assert token["token_type"] == "bearer"
        self.auth = {"Authorization": f"Bearer {token['access_token']}"}

    def events(self, path: str) -> Generator[dict[str, Any], None, None]:
        """The data of each event; whoever reads no further hangs up. None at all is 204."""
        headers = {**self.auth, "Accept": "text/event-stream", "Connection": "close"}
        with httpx.stream("GET", f"{self.url}{path}", headers=headers, timeout=PATIENCE) as reply:
            if reply.status_code == 204:
                return
            assert reply.status_code == 200
            assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
            for line in reply.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line[6:])

    def read(self, path: str) -> str:
        """Streams as clients since 11 March do: prints tokens, passes over what waits, stops at
        ``message``; what is finished already is fetched."""
        said = ""
        with closing(self.events(f"{path}/events")) as events:
            for event in events:
                match event["event_type"]:
                    case "token":
                        said += event["text"]
                    case "message":
                        return said
                    case kind:
                        assert kind == "pending", event
        assert not said
        content: str = self.json("GET", path)["content"]
        return content


TALK = ("first line", "second line")
SAMPLING = {"top_p": 0.95, "top_k": 50, "repetition_penalty": 1.2, "temperature": 1.0}


@pytest.fixture
def terminal(home: Path) -> Iterator[Terminal]:
    slow_echo(home, words_per_second=50)
    with serving(by_name=True) as served:
        yield Terminal(served.url)


def test_generation_5_configs_login_chat_then_prompt_answer_and_events_for_each_line(
    terminal: Terminal,
) -> None:
    """The client of the end, as recorded: models before the login and before each line."""

    def models() -> list[str]:
        return [config["name"] for config in terminal.json("GET", "/configs/model_configs")]

    assert "slow" in models()
    login = terminal.json("GET", "/auth/callback/debug?code=tc1")
    terminal.bearer(login["access_token"])
    assert login["refresh_token"]["token_type"] == "refresh"
    chat = terminal.json("POST", "/chats", json={})["id"]
    parent = None
    for text in TALK:
        assert "slow" in models()
        prompt = terminal.json(
            "POST", f"/chats/{chat}/prompter_message", json={"parent_id": parent, "content": text}
        )
        assert (prompt["role"], prompt["state"]) == ("prompter", "manual")
        body = {
            "parent_id": prompt["id"],
            "model_config_name": "slow",
            "sampling_parameters": SAMPLING,
        }
        answer = terminal.json("POST", f"/chats/{chat}/assistant_message", json=body)
        assert (answer["state"], answer["content"]) == ("pending", None)
        assert terminal.read(f"/chats/{chat}/messages/{answer['id']}") == text
        parent = answer["id"]


def test_generation_4_callback_login_and_both_messages_at_once(terminal: Terminal) -> None:
    assert "debug" in terminal.json("GET", "/auth/providers")
    redirect = terminal.ask("GET", "/auth/login/debug?username=a%26b%3Dc&state=%7B%7D")
    assert (redirect.status_code, redirect.headers["location"].partition("&state=")[0]) == (
        302,
        "/auth/callback/debug?code=a%26b%3Dc",
    )
    terminal.bearer(terminal.json("GET", redirect.headers["location"])["access_token"])
    configs = terminal.json("GET", "/configs/model_configs")
    presets = {config["name"]: config["parameter_configs"] for config in configs}["slow"]
    chat = terminal.json("POST", "/chats", json={})["id"]
    assert [one["id"] for one in terminal.json("GET", "/chats")["chats"]] == [chat]
    parent = None
    for text in TALK:
        body = {
            "parent_id": parent,
            "content": text,
            "model_config_name": "slow",
            "sampling_parameters": presets[1]["sampling_parameters"],
        }
        both = terminal.json("POST", f"/chats/{chat}/messages", json=body)
        assert both["prompter_message"]["content"] == text
        assert both["assistant_message"]["state"] == "pending"
        parent = both["assistant_message"]["id"]
        assert terminal.read(f"/chats/{chat}/messages/{parent}") == text
    assert len(terminal.json("GET", f"/chats/{chat}")["messages"]) == 4


def test_generation_3_flat_token_work_parameters_and_tagged_events(terminal: Terminal) -> None:
    terminal.bearer(terminal.json("GET", "/auth/login/debug?username=ann"))
    models = {model["name"]: model for model in terminal.json("GET", "/configs/models")}
    work = models["slow"]["parameter_configs"][1]["work_parameters"]
    assert work["model_name"] == "slow"
    chat = terminal.json("POST", "/chats/", json={})["id"]
    assert [one["id"] for one in terminal.json("GET", "/chats/")["chats"]] == [chat]
    parent = None
    for text in TALK:
        body = {"parent_id": parent, "content": text, "work_parameters": work}
        both = terminal.json("POST", f"/chats/{chat}/messages", json=body)
        parent = both["assistant_message"]["id"]
        assert terminal.read(f"/chats/{chat}/messages/{parent}") == text
        assert terminal.json("GET", f"/chats/{chat}/messages/{parent}")["state"] == "complete"


def test_generation_2_reads_tokens_and_errors_from_before_there_were_types(
    terminal: Terminal,
) -> None:
    terminal.bearer(terminal.json("GET", "/auth/login/debug?username=ann"))
    chat = terminal.json("POST", "/chats/", json={})["id"]
    parent = None
    for text in TALK:
        body = {
            "parent_id": parent,
            "content": text,
            "work_parameters": {"model_name": "slow", "top_k": 50, "top_p": 0.9},
        }
        both = terminal.json("POST", f"/chats/{chat}/messages", json=body)
        parent = both["assistant_message"]["id"]
        said, heard = "", False
        for event in terminal.events(f"/chats/{chat}/messages/{parent}/events"):
            heard = True
            assert event["error"] is None
            said += event["token"]["text"] if event["token"] is not None else ""
        # On a machine that was busy the answer may be there before it is asked for.
        assert said == (text if heard else "")


def test_generations_2_to_4_learn_why_an_answer_failed(terminal: Terminal) -> None:
    terminal.bearer(terminal.json("GET", "/auth/login/debug?username=ann"))
    chat = terminal.json("POST", "/chats/", json={})["id"]
    body = {"parent_id": None, "content": "word " * 500, "work_parameters": {"model_name": "slow"}}
    both = terminal.json("POST", f"/chats/{chat}/messages", json=body)
    path = f"/chats/{chat}/messages/{both['assistant_message']['id']}/events"
    heard = []
    with closing(terminal.events(path)) as events:
        for event in events:
            heard.append(event)
            if event["event_type"] == "token" and len(heard) < 100:
                terminal.ask("DELETE", f"/chats/{chat}")
                heard += events
    assert heard[-1]["event_type"] == "error"
    assert (heard[-1]["token"], bool(heard[-1]["error"])) == (None, True)


def test_a_client_that_says_nothing_of_a_model_gets_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHATTERM_MODEL", "echo")
    with serving() as served, client(served.url) as http:
        chat = http.post("/chats", json={}).json()
        both = http.post(f"/chats/{chat['id']}/messages", json={"content": "Hello"}).json()
        work = both["assistant_message"]["work_parameters"]
        assert work["model_config"]["model_id"] == "echo"


def test_the_description_shows_the_newest_generation() -> None:
    with serving() as served:
        paths = get(f"{served.url}/openapi.json").json()["paths"]
    assert "/chats/{chat_id}/prompter_message" in paths
    assert "/auth/callback/debug" in paths
    assert Generation().chats in paths
