"""The stand-ins answer as the real servers did: recorded requests are sent to them again.

Ids, tokens and times differ, so a body is compared by its keys, their order and the kinds of their
values; what is no such body is compared to the byte.
"""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from tests.servers.openassistant import GENERATIONS, OpenAssistant, StoredChat
from tests.servers.transcripts import Exchange, exchanges

LEFT_OUT = re.compile(
    r"/auth/login/(github|discord|google)|/admin/|/health|^/openapi|^/configs|include_hidden=|^/$"
)
"""What no client of ours asks for, and what the stand-ins describe in their own way."""
UNHEEDED = {422, 405}
"""Stand-ins do not check the forms of requests, and have no routes that refuse a method."""

RECORDINGS = {
    "01_login_debug": ("G5", 7),
    "02_refresh": ("G5", 6),
    "03_bad_tokens": ("G5", 6),
    "06_prompter_message": ("G5", 8),
    "14_vote_report_eval": ("G5", 14),
    "15_chat_update": ("G5", 15),
    "17_delete": ("G5", 5),
    "18_not_found_and_methods": ("G5", 7),
    "30_old_server_combined_messages": ("G4", 12),
    "31_older_server_flat_token_work_parameters": ("G3", 10),
}
"""Each with its generation, and how many exchanges at least must be comparable."""


class Player:
    """Sends recorded requests to a stand-in, with its ids and tokens for the recorded ones."""

    def __init__(self, server: OpenAssistant, client: httpx.AsyncClient) -> None:
        self._server = server
        self._client = client
        self._ours: dict[str, str] = {}

    def prepare(self, played: list[Exchange]) -> None:
        """Log in whoever the recording has logged in already, with the chats they have."""
        notes = " ".join(exchange.note for exchange in played)
        for exchange in played:
            if exchange.status in (400, 401, 403):
                continue
            token = exchange.headers.get("authorization", "").removeprefix("Bearer ")
            if token.startswith("eyJ") and token not in self._ours:
                given = self._server._token(f"user{len(self._ours)}", "bearer")
                self._ours[token] = given["access_token"]
            made = "".join(each.reply for each in played if each.method == "POST")
            user = self._server.tokens.get(self._ours.get(token, ""), "")
            chat, message = _ids_in(exchange.target) if exchange.status < 300 else ("", "")
            if chat and f'"id":"{chat}"' not in made and chat not in self._ours:
                now = self._server._now()
                stored = StoredChat(self._server._new_id("chat"), user, now, now)
                self._server.chats[stored.id] = stored
                if "and still takes messages" in notes:
                    self._server._add_prompt(stored, {"content": "hello"})
                self._ours[chat] = stored.id
            if message and f'"id":"{message}"' not in made and message not in self._ours:
                self._ours[message] = self._answer(self._ours[chat], user)

    def _answer(self, chat_id: str, user: str) -> str:
        """A complete answer with its prompt."""
        prompt = self._server._add_prompt(self._server.chats[chat_id], {"content": "hello"})
        body = {"model_config_name": "_lorem"}
        answer = self._server._add_answer(prompt, body)
        answer.state, answer.content = "complete", "hello"
        assert answer.owner == user
        return answer.id

    async def reply_to(self, exchange: Exchange) -> httpx.Response:
        headers = {name: self._mapped(value) for name, value in exchange.headers.items()}
        for name in ("host", "content-length", "connection"):
            headers.pop(name, None)
        reply = await self._client.request(
            exchange.method,
            self._mapped(exchange.target),
            headers=headers,
            content=self._mapped(exchange.body).encode(),
        )
        self._learn(exchange.reply, reply.text)
        return reply

    def let_finish(self, target: str) -> None:
        """Complete the answer whose stream was read here."""
        message = self._server.messages.get(self._ours.get(_ids_in(target)[1], ""))
        if message is not None and message.state == "pending":
            message.state, message.content = "complete", "said"

    def knows(self, exchange: Exchange) -> bool:
        """Whether every id and token of a request is one that the stand-in gave."""
        asked = " ".join([exchange.target, exchange.body, *exchange.headers.values()])
        found = re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|eyJ\S+\.\S{20,}", asked)
        return all(each in self._ours for each in found)

    def _mapped(self, text: str) -> str:
        for theirs, ours in self._ours.items():
            text = text.replace(theirs, ours)
        return text

    def _learn(self, theirs: str, ours: str) -> None:
        try:
            self._pair(json.loads(theirs), json.loads(ours))
        except ValueError:
            return

    def _pair(self, theirs: Any, ours: Any) -> None:
        if isinstance(theirs, dict) and isinstance(ours, dict):
            for key in theirs.keys() & ours.keys():
                ids = key in ("id", "access_token") and isinstance(theirs[key], str)
                if ids and isinstance(ours[key], str):
                    self._ours[theirs[key]] = ours[key]
                self._pair(theirs[key], ours[key])


def _ids_in(target: str) -> tuple[str, str]:
    found = re.match(r"/chats/([0-9a-f-]{36})(?:/messages/([0-9a-f-]{36}))?", target)
    return (found[1], found[2] or "") if found else ("", "")


def shape(value: Any) -> Any:
    """Keys in their order and kinds of values; words of refusals count to the letter."""
    match value:
        case {"detail": str()}:
            return value
        case dict():
            return [(key, shape(each)) for key, each in value.items() if key != "work_parameters"]
        case list():
            # How many there are depends on what was done before the recording began.
            return "a list"
        case None:
            return "null or text"
        case str():
            return "null or text"
        case _:
            return type(value).__name__


def body_of(text: str) -> Any:
    try:
        return shape(json.loads(text))
    except ValueError:
        return text


def header_names(pairs: list[tuple[str, str]]) -> list[str]:
    # The recorder asked for the connection to be closed.
    return [name for name, _ in pairs if name not in ("connection", "allow")]


@pytest.mark.parametrize("name", RECORDINGS)
async def test_a_recording_played_again_is_answered_the_same_way(name: str) -> None:
    generation, least = RECORDINGS[name]
    compared = 0
    async with (
        GENERATIONS[generation]() as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as client,
    ):
        played = exchanges(name)
        player = Player(server, client)
        player.prepare(played)
        for exchange in played:
            if LEFT_OUT.search(exchange.target) or exchange.status in UNHEEDED:
                continue
            if "/events" in exchange.target:
                player.let_finish(exchange.target)
                continue
            if not player.knows(exchange):
                continue
            reply = await player.reply_to(exchange)
            told = f"{exchange.note}: {exchange.method} {exchange.target}"
            assert reply.status_code == exchange.status, told
            assert body_of(reply.text) == body_of(exchange.reply), told
            assert header_names(list(reply.headers.multi_items())) == header_names(
                exchange.reply_headers
            ), told
            compared += 1
    assert compared >= least, f"only {compared} exchanges could be compared"
