"""A plain HTTP client of the Open-Assistant dialect, as thin as it can be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

PATIENCE = 120.0
"""Seconds: a machine that is busy with other tests is no failure."""


def request(method: str, url: str, **more: Any) -> httpx.Response:
    return httpx.request(method, url, timeout=PATIENCE, **more)


def get(url: str, **more: Any) -> httpx.Response:
    return request("GET", url, **more)


def post(url: str, **more: Any) -> httpx.Response:
    return request("POST", url, **more)


class Asking:
    """One user at one server; every reply is the raw one unless a name says otherwise."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        # No connection outlives its request, so there is nothing to be closed.
        alone = httpx.Limits(max_keepalive_connections=0)
        self.http = httpx.Client(
            base_url=url, headers=dict(headers or {}), timeout=PATIENCE, limits=alone
        )

    @classmethod
    def by_name(cls, url: str, name: str) -> Asking:
        """Logged in as the text clients log in."""
        reply = get(f"{url}/auth/callback/debug", params={"code": name})
        token = reply.raise_for_status().json()["access_token"]
        return cls(url, {"Authorization": f"Bearer {token['access_token']}"})

    @classmethod
    def by_key(cls, url: str, key: str) -> Asking:
        return cls(url, {"Authorization": f"Bearer {key}"})

    def new_chat(self) -> str:
        chat_id: str = self.http.post("/chats", json={}).raise_for_status().json()["id"]
        return chat_id

    def prompt(self, chat_id: str, text: str, parent_id: str | None = None) -> httpx.Response:
        body = {"parent_id": parent_id, "content": text}
        return self.http.post(f"/chats/{chat_id}/prompter_message", json=body)

    def answer(self, chat_id: str, parent_id: str, model: str = "echo", **more: Any) -> Any:
        body = {"parent_id": parent_id, "model_config_name": model, **more}
        return self.http.post(f"/chats/{chat_id}/assistant_message", json=body)

    def asked(self, chat_id: str, text: str, parent: str | None = None, model: str = "echo") -> str:
        """The id of the answer to a new prompt."""
        prompt_id = self.prompt(chat_id, text, parent).raise_for_status().json()["id"]
        answer_id: str = self.answer(chat_id, prompt_id, model).raise_for_status().json()["id"]
        return answer_id

    def message(self, chat_id: str, message_id: str) -> Any:
        path = f"/chats/{chat_id}/messages/{message_id}"
        return self.http.get(path).raise_for_status().json()

    @contextmanager
    def events(
        self, chat_id: str, message_id: str, headers: Mapping[str, str] | None = None
    ) -> Iterator[Iterator[dict[str, Any]]]:
        """The events as they come, each with its ``id`` where it has one."""
        path = f"/chats/{chat_id}/messages/{message_id}/events"
        with self.http.stream("GET", path, headers=dict(headers or {})) as reply:
            assert reply.status_code == 200, reply.read()
            yield _parsed(reply.iter_lines())

    def heard(self, chat_id: str, message_id: str) -> list[dict[str, Any]]:
        """All events to the end; none where the message is finished already."""
        path = f"/chats/{chat_id}/messages/{message_id}/events"
        with self.http.stream("GET", path) as reply:
            if reply.status_code == 204:
                return []
            assert reply.status_code == 200, reply.read()
            return list(_parsed(reply.iter_lines()))

    def said(self, chat_id: str, message_id: str) -> str:
        """The text of an answer, when it is there."""
        self.heard(chat_id, message_id)
        content: str = self.message(chat_id, message_id)["content"]
        return content


def _parsed(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    number = None
    for line in lines:
        if line.startswith("id: "):
            number = int(line[4:])
        elif line.startswith("data: "):
            yield {"id": number, **json.loads(line[6:])}
            number = None
