"""What a server is, told by its answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from chatterm.errors import Refused, Unreachable
from chatterm.remote.detect import Found, Kind, Prober
from tests.remote.connections import http_to
from tests.servers.openai import OllamaServer, OpenAIServer
from tests.servers.wire import Connection, Request, WireServer


class Pages(WireServer):
    """Answers a few paths with JSON, and everything else with 404."""

    def __init__(self, pages: Mapping[str, Any], status: int = 200) -> None:
        super().__init__(self._route)
        self._pages = pages
        self._status = status

    async def _route(self, request: Request, connection: Connection) -> None:
        known = request.path in self._pages
        body = json.dumps(self._pages[request.path]).encode() if known else b"<html>no</html>"
        status = self._status if known else 404
        await connection.reply(status, body, [("content-length", str(len(body)))])


async def found(server: WireServer, path: str = "", kind: Kind | None = None) -> Found:
    async with server:
        http = http_to(server, path, key="secret-key")
        try:
            return await Prober(http).find(kind)
        finally:
            await http.aclose()
            assert not any("authorization" in request.headers for request in server.requests)


MODELS = {"data": [{"id": "a"}]}


@pytest.mark.parametrize(
    ("pages", "kind", "folder"),
    [
        ({"/openapi.json": {"paths": {"/chats/{chat_id}/messages": {}}}}, "openassistant", ""),
        ({"/auth/providers": ["debug"]}, "openassistant", ""),
        ({"/api/version": {"version": "1"}, "/api/tags": {"models": []}}, "ollama", ""),
        ({"/v1/models": MODELS}, "openai", "/v1"),
        ({"/auth/providers": ["debug"], "/v1/models": MODELS}, "openai", "/v1"),
        ({"/models": MODELS}, "openai", ""),
    ],
)
async def test_a_server_is_what_it_answers_like(
    pages: Mapping[str, Any], kind: str, folder: str
) -> None:
    server = Pages(pages)
    told = await found(server)
    assert (told.kind, told.address.url) == (kind, server.url + folder)
    assert told.evidence


async def test_a_server_of_its_own_is_talked_to_in_the_dialect_that_keeps_chats() -> None:
    description = {"info": {"title": "chatterm"}, "paths": {"/chats/{chat_id}/messages": {}}}
    told = await found(Pages({"/openapi.json": description, "/v1/models": MODELS}))
    assert (told.kind, told.program) == ("openassistant", "chatterm")


async def test_an_address_that_names_the_folder_keeps_it() -> None:
    server = OpenAIServer()
    assert (await found(server, "/v1")).address.url == f"{server.url}/v1"


async def test_a_server_that_wants_a_key_first_is_recognised() -> None:
    server = OpenAIServer(key="right")
    told = await found(server)
    assert (told.kind, told.address.path) == ("openai", "/v1")


async def test_ollama_is_not_taken_for_the_other_dialect_it_speaks() -> None:
    assert (await found(OllamaServer())).kind == "ollama"


@pytest.mark.parametrize("pages", [{}, {"/openapi.json": {"paths": {"/pets": {}}}}])
async def test_without_evidence_nothing_is_guessed(pages: Mapping[str, Any]) -> None:
    with pytest.raises(Refused, match="no dialect") as caught:
        await found(Pages(pages))
    assert "--kind" in caught.value.hint


async def test_a_user_who_is_sure_is_believed() -> None:
    server = Pages({})
    assert await found(server, kind="ollama") == Found(
        "ollama", http_to(server).address, "your word"
    )


async def test_a_user_who_is_sure_need_not_know_the_folder() -> None:
    server = OpenAIServer()
    assert (await found(server, kind="openai")).address.path == "/v1"


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    server = Pages({})
    async with server:
        pass
    http = http_to(server)
    with pytest.raises(Unreachable):
        await Prober(http).find()
    await http.aclose()
