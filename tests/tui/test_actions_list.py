"""What each action of the list of chats does."""

from __future__ import annotations

from pathlib import Path

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


async def test_chats_close(store: Store, home: Path) -> None:
    async with program(store, home, *scripts()) as run:
        await listing(run)
        await act(run, "chats-close")
        assert not run.screen.query_one(ChatList).shown
        assert run.composer.has_focus
