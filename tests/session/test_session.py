"""The rules of the tree, as a face sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from chatterm.attachments.content import Content
from chatterm.echo import EchoBackend
from chatterm.errors import ChattermError, ConfigError, EngineError, StoreError
from chatterm.events import (
    Done,
    Linked,
    ReasoningDelta,
    Replaced,
    TextDelta,
    ToolCalled,
)
from chatterm.messages import Message, Role, State, Stop, ToolCall
from chatterm.recording import CHECKPOINT_SECONDS
from chatterm.session import ChatSession
from chatterm.store import Store
from chatterm.titles import first_words
from tests.scripted import ScriptedBackend, Step, drained, says


def session_on(store: Store, *scripts: Sequence[Step], system: str = "") -> ChatSession:
    return ChatSession(store, ScriptedBackend(*scripts), model="scripted", system=system)


def texts(path: list[Message]) -> list[str]:
    return [message.text for message in path]


async def test_a_prompt_and_its_answer_are_stored(store: Store) -> None:
    session = session_on(store, says("Hello ", "you"))
    events = await drained(session.send("Hi"))
    assert texts(session.path()) == ["Hi", "Hello you"]
    assert isinstance(events[-1], Done)
    answer = session.path()[-1]
    assert (answer.state, answer.model) == (State.COMPLETE, "scripted")


async def test_the_prompt_is_stored_before_the_backend_is_called(store: Store) -> None:
    session = session_on(store, [EngineError("no engine")])
    events = session.send("precious words")
    assert texts(session.path()) == ["precious words"]
    with pytest.raises(EngineError):
        await drained(events)


async def test_a_system_prompt_is_the_root(store: Store) -> None:
    session = session_on(store, says("ok"), system="Be brief.")
    await drained(session.send("Hi"))
    assert [message.role for message in session.path()] == [
        Role.SYSTEM,
        Role.USER,
        Role.ASSISTANT,
    ]


async def test_a_failed_answer_keeps_what_came_and_why_it_ended(store: Store) -> None:
    session = session_on(store, [TextDelta("half an "), EngineError("it died")])
    with pytest.raises(EngineError):
        await drained(session.send("Hi"))
    answer = session.path()[-1]
    assert (answer.text, answer.state, answer.error) == ("half an ", State.FAILED, "it died")


async def test_closing_the_stream_stops_the_answer_and_keeps_it(store: Store) -> None:
    session = session_on(store, [TextDelta("half"), 60.0])
    events = session.send("Hi")
    assert await anext(events) == TextDelta("half")
    await events.aclose()
    answer = session.path()[-1]
    assert (answer.text, answer.state) == ("half", State.STOPPED)
    backend = session.backend
    assert isinstance(backend, ScriptedBackend)
    assert backend.closed_streams == 1


async def test_cancelling_the_reader_stops_the_answer_and_keeps_it(store: Store) -> None:
    session = session_on(store, [TextDelta("half"), 60.0])
    task = asyncio.create_task(drained(session.send("Hi")))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    answer = session.path()[-1]
    assert (answer.text, answer.state) == ("half", State.STOPPED)
    origin = store.provenance(answer.id)
    assert origin is not None
    assert origin.stop is Stop.CANCELLED


async def test_an_answer_is_written_down_while_its_backend_is_silent(store: Store) -> None:
    session = session_on(store, [TextDelta("so far"), ReasoningDelta("hm"), 60.0])
    events = session.send("Hi")
    await anext(events)
    await anext(events)
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(CHECKPOINT_SECONDS * 1.5)
    assert session.answer_id is not None
    answer = store.message(session.answer_id)
    assert (answer.text, answer.reasoning, answer.state) == ("so far", "hm", State.WRITING)
    waiting.cancel()
    await asyncio.wait([waiting])
    await events.aclose()


async def test_reasoning_and_tool_calls_are_kept(store: Store) -> None:
    call = ToolCall("c1", "look_up", '{"word": "x"}')
    session = session_on(store, [ReasoningDelta("let me see"), ToolCalled(call), Done(Stop.TOOL)])
    await drained(session.send("Hi"))
    answer = session.path()[-1]
    assert (answer.reasoning, answer.tool_calls) == ("let me see", (call,))


async def test_regenerating_adds_a_sibling(store: Store) -> None:
    session = session_on(store, says("first"), says("second"))
    await drained(session.send("Hi"))
    first = session.path()[-1]
    await drained(session.regenerate(first.id))
    assert texts(session.path()) == ["Hi", "second"]
    assert texts(store.siblings(first.id)) == ["first", "second"]


async def test_editing_a_prompt_branches_and_answers_again(store: Store) -> None:
    session = session_on(store, says("one"), says("two"))
    await drained(session.send("Hi"))
    prompt = session.path()[0]
    await drained(session.edit(prompt.id, "Hello"))
    assert texts(session.path()) == ["Hello", "two"]
    assert texts(store.siblings(prompt.id)) == ["Hi", "Hello"]


async def test_editing_an_answer_asks_nobody(store: Store) -> None:
    session = session_on(store, says("one"))
    await drained(session.send("Hi"))
    assert await drained(session.edit(session.path()[-1].id, "better")) == []
    assert texts(session.path()) == ["Hi", "better"]


async def test_continuing_goes_on_from_what_was_said(store: Store) -> None:
    session = session_on(store, [TextDelta("Once upon"), EngineError("x")], says(" a time"))
    with pytest.raises(EngineError):
        await drained(session.send("A tale"))
    broken = session.path()[-1]
    await drained(session.continue_(broken.id))
    assert texts(session.path()) == ["A tale", "Once upon a time"]
    backend = session.backend
    assert isinstance(backend, ScriptedBackend)
    assert backend.requests[-1].prefill == "Once upon"
    assert store.message(broken.id).text == "Once upon"


async def test_continuing_a_prompt_answers_it(store: Store) -> None:
    session = session_on(store, [EngineError("x")], says("here"))
    with pytest.raises(EngineError):
        await drained(session.send("Hi"))
    await drained(session.continue_(session.path()[0].id))
    assert texts(session.path()) == ["Hi", "here"]


async def test_selecting_shows_a_branch_to_its_end(store: Store) -> None:
    session = session_on(store, says("a"), says("b"), says("c"))
    await drained(session.send("1"))
    await drained(session.send("2"))
    prompt = session.path()[0]
    await drained(session.edit(prompt.id, "other"))
    session.select(prompt.id)
    assert texts(session.path()) == ["1", "a", "2", "b"]


async def test_undo_takes_back_an_edit_and_a_deletion(store: Store) -> None:
    session = session_on(store, says("a"))
    await drained(session.send("1"))
    answer = session.path()[-1]
    await drained(session.edit(answer.id, "edited"))
    session.undo()
    assert texts(session.path()) == ["1", "a"]
    session.delete(answer.id)
    assert texts(session.path()) == ["1"]
    session.undo()
    assert texts(session.path()) == ["1", "a"]


async def test_a_fork_is_a_chat_of_its_own(store: Store) -> None:
    session = session_on(store, says("a"), says("b"))
    await drained(session.send("1"))
    fork = session.fork(session.path()[-1].id)
    await drained(session.send("2"))
    assert texts(store.path(fork.id)) == ["1", "a"]


async def test_ids_of_a_remote_are_remembered_and_sent_again(store: Store) -> None:
    session = session_on(store, says("a"), says("b"))
    backend = session.backend
    assert isinstance(backend, ScriptedBackend)
    await drained(session.send("1"))
    assert session.chat_id is not None
    backend.enqueue(Linked(session.chat_id, "remote-chat"), *says("b"))
    backend._scripts.pop(0)
    await drained(session.send("2"))
    backend.enqueue(*says("c"))
    await drained(session.send("3"))
    assert backend.requests[-1].links == {session.chat_id: "remote-chat"}


async def test_a_final_text_takes_the_place_of_what_was_streamed(store: Store) -> None:
    script: list[Step] = [
        TextDelta("Hello wor"),
        Replaced("Hello, world"),
        TextDelta("."),
        Done(Stop.END),
    ]
    session = session_on(store, script)
    await drained(session.send("Hi"))
    assert texts(session.path()) == ["Hi", "Hello, world."]


async def test_a_final_text_leaves_what_it_continues(store: Store) -> None:
    session = session_on(store, says("Once"), [TextDelta(" up"), Replaced(" upon"), Done(Stop.END)])
    await drained(session.send("Tell"))
    await drained(session.continue_(session.path()[-1].id))
    assert texts(session.path()) == ["Tell", "Once upon"]


async def test_pictures_on_the_path_go_to_the_backend(store: Store) -> None:
    session = session_on(store, says("a cat"))
    await drained(session.send("What is it?", [Content("cat.png", "image/png", b"\x89PNG")]))
    (picture,) = session.path()[0].attachments
    assert isinstance(session.backend, ScriptedBackend)
    asked = session.backend.requests[0]
    assert asked.images == {picture.digest: b"\x89PNG"}
    assert asked.chat_id == session.chat_id


async def test_a_chat_that_could_not_be_begun_begins_with_the_next_prompt(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_on(store, says("hm"))

    def full(*args: object, **options: object) -> Message:
        raise StoreError("the disk is full")

    with monkeypatch.context() as while_full:
        while_full.setattr(store, "add", full)
        with pytest.raises(StoreError):
            session.send("first")
    await drained(session.send("second"))
    assert texts(session.path()) == ["second", "hm"]


async def test_an_empty_prompt_is_refused_and_leaves_nothing(store: Store) -> None:
    session = session_on(store)
    with pytest.raises(ConfigError):
        session.send("  \n")
    assert store.chats(limit=10) == []


async def test_a_backend_that_ends_without_done_fails_the_answer(store: Store) -> None:
    session = session_on(store, [TextDelta("so")])
    with pytest.raises(ChattermError):
        await drained(session.send("Hi"))
    assert session.path()[-1].state is State.FAILED


async def test_a_store_that_breaks_during_an_answer_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint cannot be made to fail on purpose otherwise."""

    def full(*_: object, **__: object) -> None:
        raise StoreError("the disk is full")

    session = session_on(
        store, [TextDelta("a"), CHECKPOINT_SECONDS * 1.5, TextDelta("b"), Done(Stop.END)]
    )
    monkeypatch.setattr(store, "checkpoint", full)
    with pytest.raises(StoreError):
        await drained(session.send("Hi"))
    assert session.path()[-1].text == "ab"


async def test_the_echo_backend_continues_its_own_words(store: Store) -> None:
    session = ChatSession(store, EchoBackend({"echo": 0}), model="echo")
    events = session.send("one two three")
    await anext(events)
    await events.aclose()
    await drained(session.continue_(session.path()[-1].id))
    assert session.path()[-1].text == "one two three"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Hello", "Hello"),
        ("\n\n  two   blanks \nmore", "two blanks"),
        ("word " * 40, "word word word word word word word word word word word…"),
        ("x" * 200, "x" * 59 + "…"),
        ("", ""),
        ("# A **bold** heading\n\ntext", "A bold heading"),
        ("- milk\n- bread", "milk"),
        ("#tag and -x and **kwargs", "#tag and -x and **kwargs"),
    ],
)
def test_a_title_is_the_first_words(text: str, title: str) -> None:
    assert first_words(text) == title
    assert len(first_words(text)) <= 60
