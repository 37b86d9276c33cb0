"""Our client against our own server: the two ends of one protocol."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from chatterm.errors import Refused
from chatterm.ids import ulid_factory
from chatterm.messages import State
from chatterm.remote._http import Http
from chatterm.remote.address import parse_address
from chatterm.remote.auth import CredentialStore
from chatterm.remote.login import Wish, log_in
from chatterm.remote.openassistant.access import Access
from chatterm.remote.openassistant.api import Api
from chatterm.remote.openassistant.backend import OpenAssistantBackend
from chatterm.session import ChatSession
from chatterm.store import Store
from chatterm.sync import Taken, sync
from tests.remote.talking import WATCH, notices
from tests.scripted import drained
from tests.server.serving import Served, add_user, serving

MODEL = "lab/echo"


class Typed:
    """Somebody at the terminal who knows the password."""

    def __init__(self, secret: str = "") -> None:
        self.secret_word = secret

    def line(self, what: str) -> str:
        raise AssertionError(f"asked for {what}")

    def secret(self, what: str) -> str:
        return self.secret_word

    def tell(self, text: str) -> None:
        raise AssertionError(text)


@pytest.fixture
def served(home: Path) -> Iterator[Served]:
    add_user("ann", "correct horse")
    with serving() as running:
        yield running


def http_to(served: Served) -> Http:
    return Http("lab", parse_address(served.url))


@asynccontextmanager
async def backend_to(served: Served, folder: Path) -> AsyncIterator[OpenAssistantBackend]:
    http = http_to(served)
    found = await log_in(http, "openassistant", Wish(user="ann"), Typed("correct horse"))
    assert found is not None
    store = CredentialStore(folder / "credentials.json")
    store.put("lab", found)
    backend = OpenAssistantBackend(Api(Access(http, store)), watch=WATCH)
    try:
        yield backend
    finally:
        await backend.aclose()


async def test_a_wrong_password_is_refused_and_a_right_one_is_not(served: Served) -> None:
    http = http_to(served)
    with pytest.raises(Refused, match="Wrong name or password"):
        await log_in(http, "openassistant", Wish(user="ann"), Typed("wrong"))
    found = await log_in(
        http, "openassistant", Wish(user="ann", key="correct horse\n"), Typed("not asked")
    )
    assert found is not None
    assert (found.user, found.provider) == ("ann", "password")
    await http.aclose()


async def test_turns_branches_votes_and_the_tree_on_another_machine(
    served: Served, store: Store, tmp_path: Path
) -> None:
    async with backend_to(served, tmp_path) as backend:
        session = ChatSession(store, backend, model=MODEL)
        assert notices(await drained(session.send("one"))) == []
        await drained(session.send("two"))
        assert session.answer_id is not None
        first = session.answer_id
        assert notices(await drained(session.regenerate(first))) == []
        prompt = session.path()[-2]
        assert notices(await drained(session.edit(prompt.id, "other"))) == []
        assert [m.text for m in session.path()] == ["one", "one", "other", "other"]
        api = backend.api
        (chat,) = await api.chats()
        place = store.links("lab", [first])[first].partition("/")[2]
        await api.vote(chat.id, place, 1)
        await api.rename(chat.id, "Named")
        with Store.open(None, clock=time.time, new_id=ulid_factory()) as elsewhere:
            assert await sync(elsewhere, api, [MODEL]) == Taken(1, 7)
            (kept,) = elsewhere.chats()
            assert kept.title == "Named"
            assert list(elsewhere.votes(kept.id).values()) == [1]
        await api.hide(chat.id)
        assert await api.chats() == []
        await api.delete(chat.id)
        assert await api.find_chat(chat.id) is None


async def test_a_token_is_refreshed_again_and_again(
    served: Served, store: Store, tmp_path: Path
) -> None:
    """Each refresh there gives the next refresh token, and takes the last one away."""
    async with backend_to(served, tmp_path) as backend:
        session = ChatSession(store, backend, model=MODEL)
        await drained(session.send("one"))
        file = CredentialStore(tmp_path / "credentials.json")
        for _ in range(3):
            before = file.find("lab")
            assert before is not None
            expired = replace(before, access="expired")
            file.put("lab", expired)
            backend.api.access._credentials = expired
            await drained(session.send("more"))
            after = file.find("lab")
            assert after is not None
            assert after.access != before.access
        assert [m.state for m in session.path()] == [State.COMPLETE] * 8


async def test_two_at_once_do_not_get_in_each_others_way(
    served: Served, store: Store, tmp_path: Path
) -> None:
    async with backend_to(served, tmp_path) as backend:
        sessions = [ChatSession(store, backend, model=MODEL) for _ in range(4)]
        await asyncio.gather(*(drained(s.send(f"hello {n}")) for n, s in enumerate(sessions)))
        assert [s.path()[-1].text for s in sessions] == [f"hello {n}" for n in range(4)]
