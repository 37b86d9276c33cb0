"""Chats that live on a server, taken into the store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from chatterm.ids import NewId
from chatterm.messages import State
from chatterm.session import ChatSession
from chatterm.store import Store
from chatterm.sync import Taken, sync
from tests.clocks import Clock
from tests.remote.talking import MODEL, Talk, notices, talking
from tests.scripted import drained
from tests.servers.openassistant import GENERATIONS, Abort, OpenAssistant, Say, Wait

MODELS = ["lab/OA_SFT_Pythia_12B", MODEL]


@pytest.fixture
async def talk(store: Store, tmp_path: Path) -> AsyncIterator[Talk]:
    async with talking(OpenAssistant(), store, tmp_path) as begun:
        yield begun


@pytest.fixture
def empty(clock: Clock, new_id: NewId) -> Iterator[Store]:
    """The store of another machine."""
    with Store.open(None, clock=clock, new_id=new_id) as opened:
        yield opened


async def branching(talk: Talk) -> None:
    """A chat of two turns, with two answers to its last prompt."""
    await talk.say("first words\nand more")
    await talk.say("second")
    await drained(talk.session.regenerate(talk.answer.id))


async def test_a_chat_comes_with_its_branches_its_times_and_a_model(
    talk: Talk, empty: Store
) -> None:
    await branching(talk)
    assert await sync(empty, talk.api, MODELS) == Taken(1, 5)
    (chat,) = empty.chats()
    assert (chat.title, chat.model) == ("first words", MODEL)
    there = (await talk.api.chats())[0]
    assert (chat.created_at, chat.updated_at) == (there.created_at, there.modified_at)
    tree = empty.tree(chat.id)
    assert [m.role.value for m in tree] == ["user", "assistant", "user", "assistant", "assistant"]
    assert tree[3].parent_id == tree[4].parent_id == tree[2].id
    assert chat.tip_id == tree[4].id
    assert tree[1].model == MODEL


async def test_it_is_gone_on_with_as_the_same_chat(talk: Talk, empty: Store) -> None:
    await branching(talk)
    await sync(empty, talk.api, MODELS)
    session = ChatSession(empty, talk.backend, model=MODEL, chat_id=empty.chats()[0].id)
    assert notices(await drained(session.send("third"))) == []
    assert len(talk.server.chats) == 1


async def test_a_second_time_brings_only_what_is_new(talk: Talk, empty: Store) -> None:
    await branching(talk)
    await sync(empty, talk.api, MODELS)
    assert await sync(empty, talk.api, MODELS) == Taken()
    await talk.say("third")
    assert await sync(empty, talk.api, MODELS) == Taken(0, 2)
    path = empty.path(empty.chats()[0].id)
    assert [m.text for m in path][-2:] == ["third", "third"]
    assert await sync(talk.store, talk.api, MODELS) == Taken()


async def test_a_branch_somebody_chose_here_stays_chosen(talk: Talk, empty: Store) -> None:
    await branching(talk)
    await sync(empty, talk.api, MODELS)
    chat = empty.chats()[0]
    first = empty.tree(chat.id)[3]
    empty.set_tip(chat.id, first.id)
    await talk.say("third")
    await sync(empty, talk.api, MODELS)
    assert empty.chat(chat.id).tip_id == first.id


async def test_the_branch_shown_there_is_shown_here(talk: Talk, empty: Store) -> None:
    await branching(talk)
    older = talk.server.answers()[1]
    await talk.api.set_tip(older.chat_id, older.id)
    await sync(empty, talk.api, MODELS)
    chat = empty.chats()[0]
    assert chat.tip_id == empty.tree(chat.id)[3].id


async def test_failed_answers_come_with_their_reason_and_unfinished_ones_later(
    talk: Talk, empty: Store
) -> None:
    talk.server.next.append([Say("x"), Abort("boom")])
    await talk.fail("one")
    talk.server.next.append([Say("y"), *[Wait()] * 1000])
    talk.server.pause = 0.01
    events = talk.session.regenerate(talk.answer.id)
    async for event in events:
        if type(event).__name__ == "TextDelta":
            break
    await events.aclose()
    assert await sync(empty, talk.api, MODELS) == Taken(1, 2, 1)
    answer = empty.tree(empty.chats()[0].id)[1]
    assert (answer.state, answer.error) == (State.FAILED, "the worker gave the answer up")
    stored = talk.server.answers()[1]
    stored.state, stored.content = "complete", "y z"
    assert await sync(empty, talk.api, MODELS) == Taken(0, 1)


async def test_what_was_deleted_here_does_not_come_back(talk: Talk, empty: Store) -> None:
    await branching(talk)
    await sync(empty, talk.api, MODELS)
    chat = empty.chats()[0]
    empty.delete_message(empty.tree(chat.id)[2].id)
    assert await sync(empty, talk.api, MODELS) == Taken()
    await talk.say("third")
    assert await sync(empty, talk.api, MODELS) == Taken()
    empty.delete_chat(chat.id)
    assert await sync(empty, talk.api, MODELS) == Taken()
    assert empty.chats() == []


async def test_what_was_deleted_there_stays_here(talk: Talk, empty: Store) -> None:
    await branching(talk)
    await sync(empty, talk.api, MODELS)
    talk.server.delete(next(iter(talk.server.chats)))
    assert await sync(empty, talk.api, MODELS) == Taken()
    assert len(empty.chats()) == 1


async def test_two_chats_there_that_are_one_here_stay_one(talk: Talk) -> None:
    await talk.say("one")
    await drained(talk.session.edit(talk.session.path()[0].id, "other"))
    assert len(talk.server.chats) == 2
    assert await sync(talk.store, talk.api, MODELS) == Taken()
    assert len(talk.store.chats()) == 1


async def test_hidden_and_empty_chats_stay_away_unless_asked_for(talk: Talk, empty: Store) -> None:
    await talk.say("one")
    await talk.api.create_chat()
    await talk.api.hide(next(iter(talk.server.chats)))
    assert await sync(empty, talk.api, MODELS) == Taken()
    assert await sync(empty, talk.api, MODELS, include_hidden=True) == Taken(1, 2)


async def test_an_old_server_is_read_as_well(store: Store, tmp_path: Path, empty: Store) -> None:
    async with talking(GENERATIONS["G3"](), store, tmp_path) as talk:
        await talk.say("one")
        assert await sync(empty, talk.api, MODELS) == Taken(1, 2)
        assert empty.chats()[0].model == MODELS[0]
