"""Titles from the model: only when wanted, only from this machine, never in place of the user's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from chatterm.cli.idle import Idle
from chatterm.errors import EngineError
from chatterm.events import Done, ReasoningDelta
from chatterm.messages import Role, State, Stop
from chatterm.session import ChatSession
from chatterm.store import Store
from chatterm.titles import cleaned_title
from chatterm.titling import Titler
from tests.scripted import ScriptedBackend, Step, says
from tests.store.growing import begin, conversation, end, say


class LocalBackend(ScriptedBackend):
    name = "engine"


def answered(store: Store) -> str:
    chat_id, _ = conversation(
        store, "How do I grow tomatoes?", "With sun.", title="How do I grow tomatoes?"
    )
    return chat_id


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("Growing tomatoes", "Growing tomatoes"),
        ('  "Growing tomatoes."\n', "Growing tomatoes"),
        ("**Title:** Growing   tomatoes", "Growing tomatoes"),
        ("# Growing tomatoes\nThis title is short.", "Growing tomatoes"),
        ("Title: \u201eTomaten z\u00fcchten\u201c", "Tomaten z\u00fcchten"),
        ("---\n\ntomatoes", "tomatoes"),
        ("", ""),
        ("...", ""),
        ("To grow tomatoes you need a sunny place, good earth and a lot of water every day.", ""),
    ],
)
def test_a_title_is_made_of_what_the_model_said(said: str, title: str) -> None:
    assert cleaned_title(said) == title


async def test_a_chat_gets_the_title_the_model_says(store: Store) -> None:
    chat_id = answered(store)
    backend = LocalBackend([ReasoningDelta("hm"), *says("Growing ", "tomatoes")])
    titler = Titler(store)
    assert titler.wants(backend, "m", chat_id)
    assert await titler.title(backend, "m", chat_id) == "Growing tomatoes"
    chat = store.chat(chat_id)
    assert (chat.title, chat.title_by_user) == ("Growing tomatoes", False)
    (request,) = backend.requests
    assert "grow tomatoes" in request.path[0].text
    assert "With sun." in request.path[0].text
    assert not titler.wants(backend, "m", chat_id)
    assert not Titler(store).wants(backend, "m", chat_id), "it is no longer the first words"


async def test_a_title_the_user_gives_meanwhile_stays(store: Store) -> None:
    chat_id = answered(store)
    backend = LocalBackend([0.05, *says("Tomatoes")])
    asked = asyncio.create_task(Titler(store).title(backend, "m", chat_id))
    await asyncio.sleep(0)
    store.rename(chat_id, "Mine", by_user=True)
    assert await asked == ""
    assert store.chat(chat_id).title == "Mine"


def renamed(store: Store, chat_id: str) -> None:
    store.rename(chat_id, "How do I grow tomatoes?", by_user=True)


def deleted(store: Store, chat_id: str) -> None:
    store.delete_chat(chat_id)


@pytest.mark.parametrize("change", [renamed, deleted])
async def test_no_title_is_asked_for_where_none_is_wanted(
    store: Store, change: Callable[[Store, str], None]
) -> None:
    chat_id = answered(store)
    change(store, chat_id)
    backend = LocalBackend()
    assert await Titler(store).title(backend, "m", chat_id) == ""
    assert backend.requests == []


async def test_a_remote_and_the_guide_are_never_asked(store: Store) -> None:
    assert not Titler(store).wants(LocalBackend(), "guide", answered(store))
    assert not Titler(store).wants(ScriptedBackend(), "m", answered(store))
    assert not Titler(store).wants(LocalBackend(), "m", None)


def test_an_answer_must_be_there(store: Store) -> None:
    chat_id = store.create_chat(title="hi").id
    prompt = say(store, chat_id, "hi")
    assert not Titler(store).wants(LocalBackend(), "m", chat_id)
    row = begin(store, chat_id, prompt)
    assert not Titler(store).wants(LocalBackend(), "m", chat_id)
    end(store, row, "half", State.STOPPED)
    assert not Titler(store).wants(LocalBackend(), "m", chat_id)


@pytest.mark.parametrize(
    "script",
    [
        [EngineError("it died")],
        says("no title because this is a whole answer to the prompt and much too long for one"),
        [Done(Stop.END)],
    ],
)
async def test_what_fails_leaves_the_first_words_and_is_not_tried_again(
    store: Store, script: list[Step]
) -> None:
    chat_id = answered(store)
    backend = LocalBackend(script)
    titler = Titler(store)
    assert await titler.title(backend, "m", chat_id) == ""
    assert store.chat(chat_id).title == "How do I grow tomatoes?"
    assert not titler.wants(backend, "m", chat_id)


async def test_it_can_be_given_up_at_any_moment(store: Store) -> None:
    chat_id = answered(store)
    backend = LocalBackend([10.0])
    asked = asyncio.create_task(Titler(store).title(backend, "m", chat_id))
    while not backend.requests:
        await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert backend.closed_streams == 1
    assert store.chat(chat_id).title == "How do I grow tomatoes?"


# While a line is being typed


def idle_of(
    store: Store, reopen: Callable[[], Store], backend: ScriptedBackend, *, wanted: bool = True
) -> Idle:
    session = ChatSession(store, backend, model="m")
    return Idle(lambda: session, reopen, lambda: backend, wanted=wanted)


def test_the_title_comes_while_the_user_thinks(store: Store, reopen: Callable[[], Store]) -> None:
    chat_id = answered(store)
    idle = idle_of(store, reopen, LocalBackend(says("Tomatoes")))
    idle.begin(chat_id)
    assert idle._thread is not None
    idle._thread.join(10)
    idle.end()
    assert store.chat(chat_id).title == "Tomatoes"
    idle.begin(chat_id)
    assert idle._thread is None, "each chat has one turn"


def test_it_is_dropped_when_the_user_goes_on(store: Store, reopen: Callable[[], Store]) -> None:
    chat_id = answered(store)
    backend = LocalBackend([60.0, *says("Tomatoes")])
    idle = idle_of(store, reopen, backend)
    idle.begin(chat_id)
    idle.end()
    assert idle._thread is None
    assert store.chat(chat_id).title == "How do I grow tomatoes?"
    assert store.add(chat_id, parent_id=None, role=Role.USER, text="go on").text == "go on"


def test_the_setting_turns_it_off(store: Store, reopen: Callable[[], Store]) -> None:
    idle = idle_of(store, reopen, LocalBackend(), wanted=False)
    idle.begin(answered(store))
    assert idle._thread is None
    idle.end()
