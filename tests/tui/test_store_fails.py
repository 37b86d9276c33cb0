"""What the store cannot do is said, and the program goes on with all that is open and written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chatterm.errors import StoreError
from chatterm.events import Done, TextDelta
from chatterm.messages import State, Stop
from chatterm.store import Store
from chatterm.tui.actions import BY_ID, Where
from tests.scripted import Step, says
from tests.store.growing import conversation
from tests.tui.driving import program

WRITING = (
    *("new-chat", "trash-chat", "pin-chat", "summarise", "previous-chat"),
    *("regenerate", "continue", "sibling-next", "fork", "undo", "delete", "vote-up"),
    *("chat-open", "chat-pin", "chat-trash", "chat-undo"),
)
"""Actions that change what is stored."""


@contextmanager
def read_only(store: Store) -> Iterator[None]:
    """SQLite refuses every write, as on a disk that cannot be written."""
    store._db.run("PRAGMA query_only = ON")
    try:
        yield
    finally:
        store._db.run("PRAGMA query_only = OFF")


@contextmanager
def full(store: Store) -> Iterator[None]:
    """The file may not grow, as on a disk that is full."""
    pages = store._db.value("PRAGMA page_count")
    store._db.row(f"PRAGMA max_page_count = {pages}")
    try:
        yield
    finally:
        store._db.row("PRAGMA max_page_count = 1000000000")


async def test_no_action_ends_the_program(store: Store, home: Path) -> None:
    chat_id, _ = conversation(store, "one", "two")
    async with program(store, home, *[says("hm")] * 3, chat_id=chat_id) as run:
        with read_only(store):
            for action in map(BY_ID.__getitem__, WRITING):
                listing = action.where is Where.CHATS
                await run.press(*["ctrl+b"] * listing)
                part = run.screen.query_one("ChatList") if listing else run.screen
                await run.app.run_action(action.run, part)
                await run.press("escape")
                await run.until(lambda: not run.talk.busy)
                assert run.app.is_running, action.id
                assert run.app.failure is None, action.id
                assert [message.text for message in store.path(chat_id)] == ["one", "two"]


async def test_what_cannot_be_pinned_is_said(store: Store, home: Path) -> None:
    chat_id, _ = conversation(store, "one", "two")
    async with program(store, home, chat_id=chat_id, toasts=True) as run:
        await run.press("ctrl+b")
        with read_only(store):
            await run.press("ctrl+s")
        assert "cannot be written" in run.complaints[0]
        await run.press("ctrl+s")
        assert store.chat(chat_id).pinned


async def test_a_draft_that_cannot_be_kept_is_said_once(store: Store, home: Path) -> None:
    async with program(store, home, toasts=True) as run:
        with read_only(store):
            for _ in range(3):
                await run.type("more")
                run.screen.save_draft()
            assert len(run.complaints) == 1
        run.screen.save_draft()
        assert store.draft(None) == "moremoremore"


async def test_a_prompt_that_cannot_be_stored_stays_written(store: Store, home: Path) -> None:
    async with program(store, home, says("hm"), toasts=True) as run:
        await run.type("keep me")
        with full(store):
            run.composer.text = "keep me " * 20_000
            await run.press("enter")
            assert run.composer.text.startswith("keep me")
        assert "the disk is full" in run.complaints[0]
        assert run.talk.chat_id is None, "no chat has begun"
        await run.press("enter")
        await run.answered()
        assert run.texts()[1] == "hm"


async def test_a_queued_prompt_that_cannot_be_stored_is_written_again(
    store: Store, home: Path
) -> None:
    go_on = asyncio.Event()
    script: list[Step] = [TextDelta("a"), go_on, Done(Stop.END)]
    async with program(store, home, script, says("hm"), toasts=True) as run:
        await run.type("first")
        await run.press("enter")
        await run.until(lambda: run.talk.busy)
        await run.type("second")
        await run.press("enter")
        assert len(run.talk.queue) == 1
        add = store.add

        def refuse(*args: object, **options: object) -> None:
            raise StoreError("the disk is full", hint="free some space")

        store.add = refuse  # type: ignore[method-assign, assignment]
        go_on.set()
        await run.until(lambda: run.composer.text == "second")
        store.add = add  # type: ignore[method-assign]
        assert not run.talk.queue
        assert "the disk is full" in "\n".join(run.complaints)


async def test_an_edit_that_cannot_be_stored_goes_on_being_edited(store: Store, home: Path) -> None:
    chat_id, _ = conversation(store, "one", "two")
    async with program(store, home, says("hm"), chat_id=chat_id, toasts=True) as run:
        await run.press("tab", "k", "e")
        assert run.screen.editing is not None
        await run.type(" more")
        with read_only(store):
            await run.press("enter")
        assert "cannot be written" in run.complaints[0]
        assert run.screen.editing is not None
        await run.press("enter")
        await run.answered()
        assert run.texts()[0].endswith(" more")


async def test_an_answer_that_cannot_be_kept_stands_on_the_screen(store: Store, home: Path) -> None:
    go_on = asyncio.Event()
    script: list[Step] = [
        TextDelta("half of it"),
        go_on,
        TextDelta(" and the rest"),
        Done(Stop.END),
    ]
    async with program(store, home, script, says("hm"), size=(200, 30)) as run:
        await run.type("go")
        await run.press("enter")
        await run.until(lambda: "half of it" in "\n".join(run.lines()))
        with read_only(store):
            go_on.set()
            await run.until(lambda: "cannot be written" in "\n".join(run.lines()))
            assert "half of it and the rest" in "\n".join(run.lines()), "every word that came"
            assert run.talk.path()[-1].text == "half of it and the rest"
        await run.say("and now?")
        assert run.texts() == ["go", "half of it and the rest", "and now?", "hm"]
        assert run.path()[1].state is State.FAILED
