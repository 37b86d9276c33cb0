"""What each action of the list of chats does."""

from __future__ import annotations

from pathlib import Path

from chatterm.events import TextDelta
from chatterm.messages import State
from chatterm.store import Store
from chatterm.tui.widgets.chatlist import ChatList
from tests.scripted import Step, says
from tests.tui.acting import act, asked
from tests.tui.driving import Program, program


def scripts() -> list[list[Step]]:
    return [says("one"), says("two")]


async def listing(run: Program) -> tuple[str, str]:
    """Two chats, and the list with its cursor on the older one; their ids, the older first."""
    await run.say("older")
    older = run.talk.chat_id
    await run.press("ctrl+n")
    await run.say("newer")
    newer = run.talk.chat_id
    await run.press("ctrl+b")
    await run.press("down")
    assert older
    assert newer
    return older, newer


async def test_chat_open(store: Store, home: Path) -> None:
    async with program(store, home, *scripts()) as run:
        older, _ = await listing(run)
        await act(run, "chat-open")
        assert run.talk.chat_id == older
        assert run.texts() == ["older", "one"]


async def test_chat_pin(store: Store, home: Path) -> None:
    async with program(store, home, *scripts()) as run:
        older, _ = await listing(run)
        await act(run, "chat-pin")
        assert store.chat(older).pinned
        assert "Pinned" in run.text_of("ChatList")


async def test_chat_tag(store: Store, home: Path) -> None:
    async with program(store, home, *scripts()) as run:
        older, _ = await listing(run)
        await act(run, "chat-tag")
        await asked(run, "work")
        assert store.chat(older).tags == ("work",)
        assert "#work" in run.text_of("ChatList")


async def test_chat_rename(store: Store, home: Path) -> None:
    async with program(store, home, *scripts()) as run:
        older, _ = await listing(run)
        await act(run, "chat-rename")
        await asked(run, "named")
        assert store.chat(older).title == "named"
        assert "named" in run.text_of("ChatList")


async def test_chat_trash(store: Store, home: Path) -> None:
    async with program(store, home, *scripts()) as run:
        older, _ = await listing(run)
        await act(run, "chat-trash")
        assert store.chat(older).deleted_at is not None
        assert "older" not in run.text_of("ChatList")


async def test_chat_undo(store: Store, home: Path) -> None:
    async with program(store, home, *scripts()) as run:
        older, _ = await listing(run)
        await act(run, "chat-trash")
        await act(run, "chat-undo")
        assert store.chat(older).deleted_at is None
        assert "older" in run.text_of("ChatList")


async def test_undo_takes_back_what_the_list_did_the_last_first(store: Store, home: Path) -> None:
    async with program(store, home, *scripts()) as run:
        older, newer = await listing(run)
        await act(run, "chat-rename")
        await asked(run, "named")
        await act(run, "chat-tag")
        await asked(run, "work")
        await act(run, "chat-pin")
        await act(run, "chat-undo")
        assert not store.chat(older).pinned
        assert store.chat(older).tags == ("work",)
        await act(run, "chat-undo")
        assert store.chat(older).tags == ()
        assert store.chat(older).title == "named"
        assert "as they were" in run.status
        await act(run, "chat-undo")
        assert store.chat(older).title == "older"
        await act(run, "chat-undo")
        assert "nothing to undo" in run.status
        assert len(store.path(older)) == len(store.path(newer)) == 2, "what was said stays"


async def test_undo_reaches_back_to_before_the_program_began(store: Store, home: Path) -> None:
    async with program(store, home, *scripts()) as run:
        older, _ = await listing(run)
        await act(run, "chat-rename")
        await asked(run, "named")
        await act(run, "chat-trash")
    async with program(store, home) as run:
        await run.press("ctrl+b")
        await act(run, "chat-undo")
        assert store.chat(older).deleted_at is None
        assert "the chat is back" in run.status
        await act(run, "chat-undo")
        assert store.chat(older).title == "older"


async def test_the_list_names_its_own_keys_while_an_answer_runs(store: Store, home: Path) -> None:
    async with program(store, home, [TextDelta("so "), 60.0]) as run:
        await run.type("go")
        await run.press("enter")
        await run.until(lambda: "stops" in run.status)
        await run.press("ctrl+b")
        assert "Esc back" in run.status
        assert "stops" not in run.status


async def test_a_chat_in_the_trash_is_not_written_on(store: Store, home: Path) -> None:
    async with program(store, home, [TextDelta("so "), 60.0], says("two")) as run:
        await run.type("older")
        await run.press("enter")
        await run.until(lambda: "so" in "\n".join(run.lines()))
        older = run.talk.chat_id
        assert older
        await run.press("ctrl+n")
        await run.say("newer")
        await run.press("ctrl+b", "down")
        await act(run, "chat-trash")
        await run.until(lambda: run.app.talks.busy() == 0)
        assert [message.state for message in store.path(older)][-1] is State.STOPPED
        await run.press("escape", "ctrl+pageup")
        assert run.talk.chat_id != older


async def test_chats_close(store: Store, home: Path) -> None:
    async with program(store, home, *scripts()) as run:
        await listing(run)
        await act(run, "chats-close")
        assert not run.screen.query_one(ChatList).shown
        assert run.composer.has_focus
