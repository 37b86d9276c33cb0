"""A chat with a stand-in of an Open-Assistant server, kept in a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatterm.errors import ChattermError
from chatterm.events import Event, Notice
from chatterm.messages import Message, State
from chatterm.remote.auth import Credentials, CredentialStore
from chatterm.remote.openassistant.access import Access, debug_login
from chatterm.remote.openassistant.api import Api
from chatterm.remote.openassistant.backend import OpenAssistantBackend
from chatterm.remote.openassistant.following import Watch
from chatterm.session import ChatSession
from chatterm.store import Store
from tests.remote.connections import http_to
from tests.scripted import drained
from tests.servers.openassistant import OpenAssistant

WATCH = Watch(check=0.1, pauses=(0.01, 0.02, 0.05), patience=1.0)
MODEL = "lab/_lorem"


@dataclass
class Talk:
    """One user's chat with one server."""

    server: OpenAssistant
    backend: OpenAssistantBackend
    store: Store
    session: ChatSession

    @property
    def api(self) -> Api:
        return self.backend.api

    async def say(self, text: str) -> list[Event]:
        """Send a prompt and take the whole answer."""
        return await drained(self.session.send(text))

    async def fail(self, text: str) -> ChattermError:
        """Send a prompt whose answer must fail; what came before that is stored."""
        try:
            await self.say(text)
        except ChattermError as error:
            return error
        raise AssertionError("the answer did not fail")

    @property
    def answer(self) -> Message:
        """The last answer, as it is stored."""
        assert self.session.answer_id is not None
        return self.store.message(self.session.answer_id)

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.session.path()]

    def check_nothing_is_lost(self, *prompts: str) -> None:
        """Every prompt is stored, and no answer is left half-finished."""
        assert self.session.chat_id is not None
        kept = self.store.tree(self.session.chat_id)
        assert [m.text for m in kept if m.role.value == "user"] == list(prompts)
        assert all(m.state is not State.WRITING for m in kept)


def notices(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Notice)]


async def backend_to(
    server: OpenAssistant, folder: Path, *, user: str = "ann", **options: Any
) -> OpenAssistantBackend:
    """A backend of a user who is logged in."""
    http = http_to(server, **options)
    credentials = CredentialStore(folder / f"credentials-{user}.json")
    access = Access(http, credentials)
    if not credentials.find("lab"):
        found: Credentials = await debug_login(http, await access.generation(), user)
        credentials.put("lab", found)
        access = Access(http, credentials)
    return OpenAssistantBackend(Api(access), watch=WATCH, finishing=(0.01, 0.02, 0.05, 0.1))


@asynccontextmanager
async def talking(
    server: OpenAssistant, store: Store, folder: Path, *, system: str = "", **options: Any
) -> AsyncIterator[Talk]:
    async with server:
        backend = await backend_to(server, folder, **options)
        server.requests.clear()
        session = ChatSession(store, backend, model=MODEL, system=system)
        try:
            yield Talk(server, backend, store, session)
        finally:
            await backend.aclose()
