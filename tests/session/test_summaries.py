"""Summaries in the place of older messages: what a model reads then, and how they come about."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from chatterm.backend import count_prompt
from chatterm.echo import EchoBackend
from chatterm.errors import ConfigError, EngineError, ModelError
from chatterm.events import Done, TextDelta
from chatterm.messages import Message, Role, State, Stop
from chatterm.params import Params
from chatterm.session import ChatSession
from chatterm.store import ChangeKind, Store
from chatterm.summaries import shortened
from tests.engines import Engine
from tests.engines import engine as engine
from tests.engines import tiny as tiny
from tests.scripted import ScriptedBackend, Step, drained, says

FACTS = "They talked about whales."


def texts(path: Sequence[Message]) -> list[str]:
    return [message.text for message in path]


async def talked(store: Store, *scripts: Sequence[Step], system: str = "") -> ChatSession:
    """A chat of two turns; what is asked then is answered by the scripts."""
    backend = ScriptedBackend(says("A1" * 20), says("A2"), *scripts)
    session = ChatSession(store, backend, model="scripted", system=system)
    await drained(session.send("Q1"))
    await drained(session.send("Q2"))
    return session


def asked(session: ChatSession) -> list[str]:
    """What the model was given last."""
    assert isinstance(session.backend, ScriptedBackend)
    return texts(session.backend.requests[-1].path)


async def test_a_summary_takes_the_place_of_what_it_stands_for(store: Store) -> None:
    session = await talked(store, says(FACTS), says("A3"), system="Be brief.")
    await drained(session.summarise())
    assert asked(session)[:3] == ["Be brief.", "Q1", "A1" * 20], "it begins as the chat does"
    await drained(session.send("Q3"))
    system, *rest = asked(session)
    assert system.startswith("Be brief.\n\n")
    assert system.endswith(FACTS)
    assert rest == ["Q2", "A2", "Q3"]
    assert texts(session.path()) == ["Be brief.", "Q1", "A1" * 20, "Q2", "A2", FACTS, "Q3", "A3"]
    assert [message.summarises for message in session.path() if message.summarises] == [2]
    assert texts(session.preview("Q4").path)[1:] == ["Q2", "A2", "Q3", "A3", "Q4"]


async def test_undo_brings_the_messages_back(store: Store) -> None:
    session = await talked(store, says(FACTS), says("A3"))
    await drained(session.summarise())
    change = session.undo()
    assert change is not None
    assert change.kind is ChangeKind.SUMMARY
    await drained(session.send("Q3"))
    assert asked(session) == ["Q1", "A1" * 20, "Q2", "A2", "Q3"]


async def test_a_branch_that_began_before_it_does_without(store: Store) -> None:
    session = await talked(store, says(FACTS), says("other"))
    prompt = session.path()[2]
    await drained(session.summarise())
    await drained(session.edit(prompt.id, "Q2 again"))
    assert asked(session) == ["Q1", "A1" * 20, "Q2 again"]


async def test_a_summary_that_did_not_come_counts_for_nothing(store: Store) -> None:
    session = await talked(store, [TextDelta("They"), EngineError("it died")], says("A3"))
    with pytest.raises(EngineError):
        await drained(session.summarise())
    assert session.path()[-1].state is State.FAILED
    await drained(session.send("Q3"))
    assert asked(session) == ["Q1", "A1" * 20, "Q2", "A2", "Q3"]


async def test_an_empty_summary_is_a_failure(store: Store) -> None:
    session = await talked(store, [TextDelta(" \n"), Done(Stop.END)])
    with pytest.raises(ModelError, match="no summary"):
        await drained(session.summarise())
    assert session.path()[-1].state is State.FAILED


async def test_it_can_be_edited_and_made_again(store: Store) -> None:
    session = await talked(store, says("wrong"), says("better"), says("A3"))
    await drained(session.summarise())
    first = session.path()[-1]
    await drained(session.regenerate(first.id))
    again = session.path()[-1]
    assert (again.text, again.summarises, again.parent_id) == ("better", 2, first.parent_id)
    await drained(session.edit(again.id, "my own words"))
    assert len(store.siblings(first.id)) == 3
    await drained(session.send("Q3"))
    assert "my own words" in asked(session)[0]
    assert asked(session)[1:] == ["Q2", "A2", "Q3"]


async def test_the_next_one_begins_with_the_one_before(store: Store) -> None:
    session = await talked(store, says(FACTS), says("A3"), says("All of it."), says("A4"))
    await drained(session.summarise())
    await drained(session.send("Q3"))
    await drained(session.summarise())
    assert FACTS in asked(session)[0]
    assert asked(session)[1:3] == ["Q2", "A2"]
    await drained(session.send("Q4"))
    assert "All of it." in asked(session)[0]
    assert FACTS not in asked(session)[0]
    assert asked(session)[1:] == ["Q3", "A3", "Q4"]


async def test_it_goes_along_into_a_fork_and_a_file(store: Store) -> None:
    session = await talked(store, says(FACTS))
    await drained(session.summarise())
    fork = store.fork(session.chat_id or "", session.path()[-1].id)
    assert [message.summarises for message in store.path(fork.id)] == [0, 0, 0, 0, 2]
    chat = store.portable(session.chat_id or "")
    assert chat.messages[-1].message.summarises == 2


async def test_who_cannot_be_told_is_not_asked(store: Store) -> None:
    session = ChatSession(store, EchoBackend({"echo": 0}), model="echo")
    await drained(session.send("Q1"))
    with pytest.raises(ConfigError, match="echo cannot sum up"):
        await drained(session.summarise())


async def test_a_chat_that_a_server_keeps_is_left_as_it_is(store: Store) -> None:
    session = await talked(store, says(FACTS), says("A3"))
    await drained(session.summarise())
    store.link(session.chat_id or "", "scripted", "there")
    await drained(session.send("Q3"))
    assert asked(session) == ["Q1", "A1" * 20, "Q2", "A2", "Q3"]
    with pytest.raises(ConfigError, match="keeps this chat itself"):
        await drained(session.summarise())


def test_system_messages_stay_where_they_are_or_come_first() -> None:
    def message(id_: str, role: Role, summarises: int = 0) -> Message:
        return Message(id_, None, role, id_, 0.0, summarises=summarises)

    path = [
        message("first", Role.SYSTEM),
        message("Q1", Role.USER),
        message("A1", Role.ASSISTANT),
        message("later", Role.SYSTEM),
        message("Q2", Role.USER),
        message("A2", Role.ASSISTANT),
        message("sum", Role.ASSISTANT, 2),
        message("last", Role.SYSTEM),
        message("Q3", Role.USER),
    ]
    assert [one.id for one in shortened(path)] == ["first", "later", "Q2", "A2", "last", "Q3"]


# With a real model


def engine_session(store: Store, engine: Callable[..., Engine], context: int) -> ChatSession:
    made = engine(context=context, sequences=1)
    params = Params(max_tokens=40, temperature=0.0)
    return ChatSession(store, made.backend(), model="tiny", params=params)


async def test_a_summary_makes_room(store: Store, engine: Callable[..., Engine]) -> None:
    session = engine_session(store, engine, 1024)
    while ((await count_prompt(session.backend, session.preview("and?"))).tokens or 0) < 700:
        await drained(session.send("Tell me more about whales, and about the sea they live in."))
    before = session.path()
    events = await drained(session.summarise())
    summary = session.path()[-1]
    assert (summary.state, isinstance(events[-1], Done)) == (State.COMPLETE, True)
    assert 0 < summary.summarises < len(before)
    assert session.path()[:-1] == before
    counted = await count_prompt(session.backend, session.preview("and?"))
    assert counted.left_out == 0
    # Half the context, and as random words have more tokens when they are read than written.
    assert (counted.tokens or 0) < 700
    origin = store.provenance(summary.id)
    assert origin is not None
    assert origin.usage.cached_tokens > 300, "the chat's own beginning was not read again"


async def test_more_than_the_model_can_read_is_summed_up_in_steps(
    store: Store, engine: Callable[..., Engine]
) -> None:
    session = engine_session(store, engine, 2048)
    for _ in range(14):
        await drained(session.send("Tell me more about whales, and about the sea they live in."))
    session.backend = engine(context=512, sequences=1).backend()
    counted = await count_prompt(session.backend, session.preview(""))
    assert counted.left_out > 0
    await drained(session.summarise())
    assert session.path()[-1].summarises >= counted.left_out
    assert (await count_prompt(session.backend, session.preview("and?"))).left_out == 0


async def test_a_message_longer_than_the_context_cannot_be_summed_up(
    store: Store, engine: Callable[..., Engine]
) -> None:
    session = engine_session(store, engine, 2048)
    await drained(session.send("word " * 400))
    await drained(session.send("and now?"))
    session.backend = engine(context=512, sequences=1).backend()
    with pytest.raises(ModelError, match="longer than the model's context"):
        await drained(session.summarise())
    assert session.path()[-1].state is State.FAILED
