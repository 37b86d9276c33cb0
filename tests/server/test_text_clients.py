"""The text clients of three generations, request by request as the recordings have them."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from chatterm.remote.openassistant.generation import Generation
from tests.server.asking import PATIENCE, get
from tests.server.serving import serving


def client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=PATIENCE)


def data_lines(reply: httpx.Response) -> list[dict[str, Any]]:
    """What the clients read: lines that begin with ``data:``, each a JSON object."""
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    raw = reply.read()
    raw.decode("ascii")
    assert raw.endswith(b"\r\n\r\n")
    return [json.loads(line[6:]) for line in raw.split(b"\r\n") if line.startswith(b"data: ")]


def test_the_text_client_of_the_end_talks_twice() -> None:
    with (
        serving(by_name=True) as served,
        httpx.Client(base_url=served.url, timeout=PATIENCE) as http,
    ):
        configs = http.get("/configs/model_configs").json()
        assert {"name", "description", "parameter_configs"} <= configs[0].keys()
        assert "echo" in [config["name"] for config in configs]
        tokens = http.get("/auth/callback/debug", params={"code": "tc1"}).json()
        assert tokens["access_token"]["token_type"] == "bearer"
        auth = {"Authorization": f"Bearer {tokens['access_token']['access_token']}"}
        chat = http.post("/chats", json={}, headers=auth).json()
        parent_id = None
        for text in ("first", "second"):
            prompt = http.post(
                f"/chats/{chat['id']}/prompter_message",
                json={"parent_id": parent_id, "content": text},
                headers=auth,
            ).json()
            assert (prompt["role"], prompt["state"]) == ("prompter", "manual")
            answer = http.post(
                f"/chats/{chat['id']}/assistant_message",
                json={
                    "parent_id": prompt["id"],
                    "model_config_name": "echo",
                    "sampling_parameters": {
                        "top_p": 0.95,
                        "top_k": 50,
                        "repetition_penalty": 1.2,
                        "temperature": 1.0,
                    },
                },
                headers=auth,
            ).json()
            assert answer["content"] is None
            path = f"/chats/{chat['id']}/messages/{answer['id']}"
            events = http.get(f"{path}/events", headers={**auth, "Accept": "text/event-stream"})
            if events.status_code == 204:
                said = http.get(path, headers=auth).json()["content"]
            else:
                heard = [e for e in data_lines(events) if e["event_type"] != "pending"]
                said = "".join(e["text"] for e in heard if e["event_type"] == "token")
                assert heard[-1]["event_type"] == "message"
                assert heard[-1]["message"]["content"] == said
            assert said == text
            parent_id = answer["id"]


def test_the_text_client_of_march_26_sends_both_messages_at_once() -> None:
    with (
        serving(by_name=True) as served,
        httpx.Client(base_url=served.url, timeout=PATIENCE) as http,
    ):
        assert "debug" in http.get("/auth/providers").json()
        redirect = http.get("/auth/login/debug", params={"username": "a&b=c", "state": "{}"})
        assert redirect.status_code == 302
        tokens = http.get(redirect.headers["location"]).json()
        auth = {"Authorization": f"Bearer {tokens['access_token']['access_token']}"}
        assert http.get("/configs/model_configs").json()
        chat = http.post("/chats", json={}, headers=auth).json()
        both = http.post(
            f"/chats/{chat['id']}/messages",
            json={
                "parent_id": None,
                "content": "Hello",
                "model_config_name": "echo",
                "sampling_parameters": {"top_k": 50, "top_p": 0.95, "temperature": 1.0},
            },
            headers=auth,
        ).json()
        assert both["prompter_message"]["content"] == "Hello"
        assert both["assistant_message"]["state"] == "pending"
        path = f"/chats/{chat['id']}/messages/{both['assistant_message']['id']}"
        http.get(f"{path}/events", headers=auth)
        assert http.get(path, headers=auth).json()["content"] == "Hello"


def test_the_text_client_of_march_18_has_a_flat_token_and_work_parameters() -> None:
    with (
        serving(by_name=True) as served,
        httpx.Client(base_url=served.url, timeout=PATIENCE) as http,
    ):
        token = http.get("/auth/login/debug", params={"username": "ann"}).json()
        assert token["token_type"] == "bearer"
        auth = {"Authorization": f"Bearer {token['access_token']}"}
        models = http.get("/configs/models").json()
        assert models[0]["parameter_configs"][0]["work_parameters"]["model_name"]
        chat = http.post("/chats/", json={}, headers=auth).json()
        assert http.get("/chats/", headers=auth).json()["chats"][0]["id"] == chat["id"]
        both = http.post(
            f"/chats/{chat['id']}/messages",
            json={"parent_id": None, "content": "Hello", "work_parameters": {"model_name": "echo"}},
            headers=auth,
        ).json()
        path = f"/chats/{chat['id']}/messages/{both['assistant_message']['id']}/events"
        events = http.get(path, headers=auth)
        for event in data_lines(events) if events.status_code == 200 else []:
            if event["event_type"] == "token":
                assert event["token"]["text"] == event["text"], "as before there were types"
                assert event["error"] is None


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
