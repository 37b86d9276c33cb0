"""Many clients at once, of several users, in every dialect: each reads its own text and no other.

With the echo the text is the prompt, so every byte of every reply can be looked through for the
words of others. With the real engine an answer is compared with what the same prompt got alone.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import re
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.asking import PATIENCE
from tests.server.serving import Served, add_user
from tests.server.world import world

USERS = 6
ROUNDS = 3
TOKENS = 24
_MARK = re.compile(rb"u\d+t\d+w")
"""Every word of a prompt begins with its mark, which no other prompt has."""
Objects = Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Heard:
    """A text, and all bytes that came on the way."""

    text: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Client:
    """One user's program."""

    http: httpx.AsyncClient
    model: str
    turns: asyncio.Lock = field(default_factory=asyncio.Lock)
    """In Open-Assistant a new prompt takes back those of its user that still wait."""

    async def chat(self, prompt: str, *, stream: bool) -> Heard:
        body = {"messages": _messages(prompt), "temperature": 0, "max_tokens": TOKENS}
        said, raw = await self._said("/v1/chat/completions", body, stream)
        choices = [choice for one in said for choice in one["choices"]]
        parts = [choice.get("delta") or choice.get("message") or {} for choice in choices]
        return Heard("".join(part.get("content") or "" for part in parts), raw)

    async def completion(self, prompt: str, *, stream: bool) -> Heard:
        body = {"prompt": prompt, "temperature": 0, "max_tokens": TOKENS}
        said, raw = await self._said("/v1/completions", body, stream)
        return Heard("".join(choice["text"] for one in said for choice in one["choices"]), raw)

    async def response(self, prompt: str, *, stream: bool) -> Heard:
        body = {"input": prompt, "temperature": 0, "max_output_tokens": TOKENS}
        said, raw = await self._said("/v1/responses", body, stream)
        done = said[-1].get("response") or said[-1]
        kept = await self.http.get(f"/v1/responses/{done['id']}")
        deltas = [one["delta"] for one in said if one.get("type", "").endswith("text.delta")]
        text = "".join(part["text"] for item in done["output"] for part in item["content"])
        assert not stream or "".join(deltas) == text
        return Heard(text, raw + kept.content)

    async def ollama_chat(self, prompt: str, *, stream: bool) -> Heard:
        options = {"temperature": 0, "num_predict": TOKENS}
        said, raw = await self._said(
            "/api/chat", {"messages": _messages(prompt), "options": options}, stream
        )
        return Heard("".join(one["message"]["content"] for one in said), raw)

    async def ollama_generate(self, prompt: str, *, stream: bool) -> Heard:
        options = {"temperature": 0, "num_predict": TOKENS}
        said, raw = await self._said(
            "/api/generate", {"prompt": prompt, "options": options}, stream
        )
        return Heard("".join(one["response"] for one in said), raw)

    async def open_assistant(self, prompt: str, *, stream: bool) -> Heard:
        async with self.turns:
            return await self._chatted(prompt)

    async def _chatted(self, prompt: str) -> Heard:
        chat = (await self.http.post("/chats", json={})).raise_for_status().json()
        sampling = {"temperature": 0, "max_new_tokens": TOKENS}
        body = {"content": prompt, "model_config_name": self.model, "sampling_parameters": sampling}
        asked = await self.http.post(f"/chats/{chat['id']}/messages", json=body)
        path = f"/chats/{chat['id']}/messages/"
        path += asked.raise_for_status().json()["assistant_message"]["id"]
        events = (await self.http.get(f"{path}/events")).raise_for_status()
        kept = (await self.http.get(path)).raise_for_status()
        said = _objects(events.content)
        text: str = kept.json()["content"]
        tokens = [one["text"] for one in said if one["event_type"] == "token"]
        assert not tokens or "".join(tokens) == text
        return Heard(text, asked.content + events.content + kept.content)

    async def leaves(self, prompt: str) -> None:
        """Ask, read the beginning, and go."""
        body = {"model": self.model, "messages": _messages(prompt), "stream": True}
        async with self.http.stream("POST", "/v1/chat/completions", json=body) as reply:
            async for _ in reply.aiter_raw():
                return

    async def _said(self, path: str, body: dict[str, Any], stream: bool) -> tuple[Objects, bytes]:
        reply = await self.http.post(path, json={"model": self.model, "stream": stream, **body})
        reply.raise_for_status()
        return _objects(reply.content), reply.content


def _messages(prompt: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}]


def _objects(raw: bytes) -> Objects:
    lines = (line.removeprefix(b"data: ") for line in raw.splitlines())
    return [json.loads(line) for line in lines if line.startswith(b"{")]


Way = Callable[..., Coroutine[Any, Any, Heard]]
CHATS: list[Way] = [
    Client.chat,
    Client.response,
    Client.ollama_chat,
    Client.ollama_generate,
    Client.open_assistant,
]
"""Those that put the prompt to the model in the same way."""


@pytest.fixture(scope="module")
def keys() -> list[str]:
    return []


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, keys: list[str]) -> Iterator[Served]:
    home: Path = tmp_path_factory.mktemp("w")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHATTERM_HOME", str(home))
        keys += [add_user(f"user{number}") for number in range(USERS)]
    free: dict[str, Any] = {"open_jobs": 1000, "queue_size": 1000, "requests_per_minute": 0}
    with world(home, engine__sequences=6, **free) as found:
        yield found


def program(served: Served, key: str, model: str) -> Client:
    headers = {"Authorization": f"Bearer {key}"}
    limits = httpx.Limits(max_connections=None)
    http = httpx.AsyncClient(base_url=served.url, headers=headers, timeout=PATIENCE, limits=limits)
    return Client(http, model)


@pytest.mark.slow
async def test_no_byte_of_a_reply_is_of_anybody_else(served: Served, keys: list[str]) -> None:
    chance = random.Random("apart")
    ways = [*CHATS, Client.completion]

    async def one(client: Client, way: Way, mark: str) -> None:
        prompt = " ".join(f"{mark}{number}" for number in range(chance.randrange(1, 12)))
        if chance.random() < 0.15:
            await client.leaves(prompt)
            return
        heard = await way(client, prompt, stream=chance.random() < 0.6)
        assert heard.text == prompt
        assert set(_MARK.findall(heard.raw)) == {mark.encode()}

    for model in ("slow", "echo"):
        clients = [program(served, key, model) for key in keys]
        async with asyncio.TaskGroup() as group:
            for user, client in enumerate(clients):
                for turn in range(ROUNDS * len(ways)):
                    group.create_task(one(client, ways[turn % len(ways)], f"u{user}t{turn}w"))
        for user, client in enumerate(clients):
            chats = (await client.http.get("/chats", params={"limit": 100})).raise_for_status()
            assert chats.json()["chats"]
            assert all(mark.startswith(b"u%dt" % user) for mark in _MARK.findall(chats.content))
            await client.http.aclose()


@pytest.mark.slow
async def test_the_engine_answers_each_as_if_it_was_alone(served: Served, keys: list[str]) -> None:
    beginning = "The sea is wide, and ships go over it from harbour to harbour. " * 3
    prompts = [f"Client {number} says: the sea is wide" for number in range(6)]
    prompts += [f"{beginning} What does number {number} say?" for number in range(6)]
    client = program(served, keys[0], "tiny")
    alone = {prompt: (await client.chat(prompt, stream=False)).text for prompt in prompts}
    assert len(set(alone.values())) > len(prompts) // 2, "answers differ, or nothing is shown"
    await client.http.aclose()

    clients = [program(served, key, "tiny") for key in keys]
    async with asyncio.TaskGroup() as group:
        asked = [
            (prompt, group.create_task(way(client, prompt, stream=stream)))
            for number, prompt in enumerate(prompts)
            for way in CHATS
            for stream, client in ((True, clients[number % USERS]), (False, clients[-1]))
        ]
        leaving = [
            group.create_task(client.leaves(prompt)) for client in clients for prompt in prompts[:3]
        ]
    parted = 0
    for prompt, task in asked:
        text, own = task.result().text, alone[prompt]
        if text != own:
            parted += 1
            nearest = max(alone.values(), key=lambda other: _common(other, text))
            assert _common(own, text) >= _common(nearest, text), prompt
    assert len(leaving) == 3 * USERS
    assert parted <= len(asked) // 10, "a few may part at a near tie"
    for client in clients:
        await client.http.aclose()


def _common(first: str, second: str) -> int:
    """How long two texts are the same."""
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False))
    return sum(1 for _ in same)
