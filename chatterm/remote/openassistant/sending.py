"""Brings a prompt to the server at its place in the tree, and has an answer begun.

A prompt can only follow a complete answer of the server's own, and a chat has one first prompt.
Where that does not fit, a new chat is begun there, which is given the words so far; that is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from chatterm.errors import ModelError, Refused, RemoteError
from chatterm.events import Event, Linked, Notice, NoticeKind
from chatterm.hints import nearest
from chatterm.messages import Message, Request, Role
from chatterm.params import Params
from chatterm.remote._http import Cut, Reply
from chatterm.remote.openassistant.api import Api
from chatterm.remote.openassistant.generation import Generation, is_missing_route
from chatterm.remote.openassistant.values import Place, RemoteMessage, message_of
from chatterm.remote.patience import Patience, busy

_SAMPLING = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "typical_p": "typical_p",
    "repeat_penalty": "repetition_penalty",
    "max_tokens": "max_new_tokens",
}
"""Parameters, and what the server calls them."""
_SPEAKERS = {Role.USER: "User", Role.ASSISTANT: "Assistant", Role.TOOL: "Tool"}
_AGAIN = "your text is kept; regenerate sends it again"
FINISHING = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0)
"""Pauses while the server finishes an answer that was stopped here."""


class _Unfit(Exception):
    """The prompt cannot go where it belongs; the message says why, for the user."""


class Sending:
    """One prompt on its way. ``answer`` is known when ``events`` has ended."""

    def __init__(
        self,
        api: Api,
        request: Request,
        model: str,
        presets: Mapping[str, Mapping[str, Any]],
        *,
        finishing: Sequence[float] = FINISHING,
    ) -> None:
        self._api = api
        self._request = request
        self._model = model
        self._presets = presets
        self._finishing = finishing
        system = request.path[0] if request.path[0].role is Role.SYSTEM else None
        self._system = system.text if system is not None else ""
        self._turns = request.path[1:] if system is not None else request.path
        self._generation = Generation()
        self._home_is_gone = False
        self.chat_id = ""
        self.answer: RemoteMessage | None = None

    async def events(self) -> AsyncGenerator[Event, None]:
        """Links to what was created, and notices of what could not be as wished."""
        self._generation = await self._api.access.generation()
        prompt = self._turns[-1]
        links = self._request.links
        known = Place.parse(links.get(prompt.id))
        before = self._turns[:-1]
        parent = Place.parse(links.get(before[-1].id)) if before else None
        try:
            if known is not None and self._generation.split:
                async for event in self._answered(known):
                    yield event
                return
            if before and (parent is None or before[-1].role is not Role.ASSISTANT):
                raise _Unfit("the messages before this prompt are not all there")
            home = parent.chat_id if parent else links.get(self._request.chat_id, "")
            if known is not None and parent is None:
                raise _Unfit("a chat there has one first prompt, which cannot be answered again")
            if home:
                if known is not None:
                    yield self._notice("cannot answer a prompt again, so it was sent once more")
                async for event in self._sent(home, parent, prompt.text):
                    yield event
                return
        except _Unfit as reason:
            yield self._notice(f"begins a new chat for this: {reason}")
        async for event in self._in_new_chat(before):
            yield event

    async def _in_new_chat(self, before: Sequence[Message]) -> AsyncGenerator[Event, None]:
        text = self._turns[-1].text
        if before:
            text = transcript(before, text)
        if self._system and not (self._generation.split and self._generation.system_prompt):
            text = f"{self._system}\n\n{text}"
            yield self._notice("takes no system prompt, so it stands before the first message")
        chat_id = await self._api.create_chat()
        local_id = self._request.chat_id
        if local_id and (self._home_is_gone or local_id not in self._request.links):
            yield Linked(local_id, chat_id)
        async for event in self._sent(chat_id, None, text):
            yield event

    async def _sent(
        self, chat_id: str, parent: Place | None, text: str
    ) -> AsyncGenerator[Event, None]:
        """Create the prompt, and its answer with it or after it."""
        parent_id = parent.message_id if parent else None
        created = await self._created(chat_id, parent_id, text)
        if created is None:
            yield self._notice(
                "still writes the answer that was stopped here; waiting for its end", "waiting"
            )
            await self._finished(chat_id, parent_id)
            created = await self._created(chat_id, parent_id, text)
            if created is None:
                raise _Unfit("the answer before this prompt does not come to an end")
        prompt, answer = created
        place = Place(chat_id, prompt.id)
        yield Linked(self._turns[-1].id, str(place))
        if answer is None:
            async for event in self._answered(place):
                yield event
        else:
            yield self._begun(chat_id, answer)

    async def _created(
        self, chat_id: str, parent_id: str | None, text: str
    ) -> tuple[RemoteMessage, RemoteMessage | None] | None:
        """The prompt, and the answer where both are made at once; None while one must wait."""
        body: dict[str, Any] = {"parent_id": parent_id, "content": text}
        if self._generation.split:
            reply = await self._posted(f"/chats/{chat_id}/prompter_message", body)
            if reply is not None and is_missing_route(reply) and not self._generation.is_certain:
                self._generation = replace(
                    self._generation, split=False, system_prompt=False, updates=False, deletes=False
                )
                self._api.access.learn(self._generation)
                return await self._created(chat_id, parent_id, text)
        else:
            reply = await self._posted(f"/chats/{chat_id}/messages", {**body, **self._wish()})
        if reply is None:
            return await self._adopted(chat_id, parent_id, text)
        if not reply.ok:
            await self._diagnose(reply, chat_id, parent_id)
            return None
        value = reply.json()
        if self._generation.split:
            return message_of(value), None
        if not isinstance(value, Mapping):
            value = {}
        return message_of(value.get("prompter_message")), message_of(value.get("assistant_message"))

    async def _diagnose(self, reply: Reply, chat_id: str, parent_id: str | None) -> None:
        """Raise what a refusal means, which the server seldom says; return where one must wait."""
        if reply.status not in (400, 404, 500):
            raise self._failure(reply)
        chat = await self._api.find_chat(chat_id)
        if chat is None:
            raise self._gone()
        if parent_id is None and chat.messages:
            raise _Unfit("a chat there can have one first prompt only")
        if parent_id is not None:
            parent = next((m for m in chat.messages if m.id == parent_id), None)
            if parent is None:
                raise _Unfit("the message before it is not there any more")
            if parent.ending == "failed":
                raise _Unfit("the answer before it did not come to an end there")
            if parent.ending == "open":
                return
        raise self._failure(reply)

    async def _finished(self, chat_id: str, parent_id: str | None) -> None:
        """Wait until the answer before is complete, for a while."""
        for pause in self._finishing:
            await asyncio.sleep(pause)
            message = await self._api.message(chat_id, parent_id or "")
            if message is None or message.ending != "open":
                return

    async def _answered(self, place: Place) -> AsyncGenerator[Event, None]:
        """Have an answer begun to a prompt that exists."""
        path = f"/chats/{place.chat_id}/assistant_message"
        body = {"parent_id": place.message_id, **self._wish()}
        patience = Patience(self._api.access.http)
        lost = 0
        while True:
            reply = await self._posted(path, body)
            if reply is None:
                lost += 1
                answer = await self._begun_unseen(place)
                if answer is None and lost > 1:
                    raise Cut(f"the connection to {self._api.name} broke", hint=_AGAIN)
            else:
                answer = message_of(reply.json()) if reply.ok else None
            if answer is not None:
                yield self._begun(place.chat_id, answer)
                return
            if reply is None:
                continue
            pause = patience.pause(reply)
            if pause is None:
                raise await self._unanswered(reply, place)
            yield busy(self._api.name, pause)
            await asyncio.sleep(pause)

    async def _unanswered(self, reply: Reply, place: Place) -> Exception:
        if reply.status == 500 and not reply.words:
            chat = await self._api.find_chat(place.chat_id)
            if chat is None or all(m.id != place.message_id for m in chat.messages):
                return self._gone()
        if reply.status == 500 and reply.words:
            # The limiter of every released version fails in place of saying 429.
            return RemoteError(
                f"{self._api.name} failed, as it does when many answers were asked for",
                hint="wait a minute, eleven at the worst, and regenerate",
            )
        return self._failure(reply)

    async def _posted(self, path: str, body: Mapping[str, Any]) -> Reply | None:
        """The reply; None where the connection broke, so that it may or may not have worked."""
        try:
            return await self._api.access.request("POST", path, body=body)
        except Cut:
            return None

    async def _adopted(
        self, chat_id: str, parent_id: str | None, text: str
    ) -> tuple[RemoteMessage, RemoteMessage | None]:
        """What was created though its reply was lost; otherwise the loss is the user's news."""
        chat = await self._api.find_chat(chat_id)
        linked = set(self._request.links.values())
        messages = chat.messages if chat is not None else ()
        for message in reversed(messages):
            same = message.is_prompt and message.parent_id == parent_id and message.text == text
            if same and str(Place(chat_id, message.id)) not in linked:
                answer = next((m for m in messages if m.parent_id == message.id), None)
                if self._generation.split or answer is not None:
                    return message, None if self._generation.split else answer
        raise Cut(
            f"the connection to {self._api.name} broke before the prompt was there",
            hint=_AGAIN,
        )

    async def _begun_unseen(self, place: Place) -> RemoteMessage | None:
        """An answer that was begun though the reply was lost."""
        chat = await self._api.find_chat(place.chat_id)
        linked = set(self._request.links.values())
        for message in reversed(chat.messages if chat is not None else ()):
            is_answer = message.parent_id == place.message_id and message.ending != "failed"
            if is_answer and str(Place(place.chat_id, message.id)) not in linked:
                return message
        return None

    def _gone(self) -> _Unfit:
        self._home_is_gone = True
        return _Unfit("the chat it belongs to is not there any more")

    def _begun(self, chat_id: str, answer: RemoteMessage) -> Linked:
        self.chat_id = chat_id
        self.answer = answer
        return Linked(self._request.answer_id, str(Place(chat_id, answer.id)))

    def _wish(self) -> dict[str, Any]:
        """Which model is to answer, and how."""
        said = self._request.params.as_dict()
        wanted = {theirs: said[ours] for ours, theirs in _SAMPLING.items() if ours in said}
        sampling = {**self._presets.get(self._model, {}), **wanted}
        if not self._generation.names_configs:
            sampling.pop("max_new_tokens", None)
            return {"work_parameters": {**sampling, "model_name": self._model}}
        wish: dict[str, Any] = {"model_config_name": self._model, "sampling_parameters": sampling}
        if self._system and self._generation.split and self._generation.system_prompt:
            wish["system_prompt"] = self._system
        return wish

    def _failure(self, reply: Reply) -> Exception:
        words = reply.words
        if reply.status == 422 and words.startswith("Model "):
            return unknown_model(self._api.name, self._model, list(self._presets))
        if reply.status == 413:
            return Refused(f"{self._api.name}: {words or 'the prompt is too long'}")
        return self._api.failure(reply)

    def _notice(self, words: str, kind: NoticeKind = "remote") -> Notice:
        return Notice(kind, f"{self._api.name} {words}")


def unsent(params: Params, generation: Generation) -> list[str]:
    """Parameters that were set and that the server has no word for."""
    known = set(_SAMPLING)
    if not generation.names_configs:
        known.discard("max_tokens")
    return sorted(params.as_dict().keys() - known)


def unknown_model(remote: str, model: str, known: Sequence[str]) -> ModelError:
    return ModelError(f"{remote} has no model {model!r}", hint=nearest(model, known))


def transcript(before: Sequence[Message], text: str) -> str:
    """What was said so far as part of a prompt, for a server that does not have it."""
    said = [
        f"{_SPEAKERS.get(message.role, 'User')}: {message.text}"
        for message in before
        if message.text
    ]
    return "\n\n".join(["This is what we said before:", *said, "This comes now:", text])
