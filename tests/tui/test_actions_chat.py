"""What each action does that counts everywhere or on the whole chat screen."""

from __future__ import annotations

import asyncio
import shlex
import sys
from pathlib import Path

import pytest
from textual.drivers.headless_driver import HeadlessDriver

from chatterm.events import TextDelta
from chatterm.messages import State
from chatterm.store import Store
from chatterm.tui.widgets.chatlist import ChatList
from chatterm.tui.widgets.rows import Row, Rows
from tests.scripted import Step, says
from tests.tui.acting import act, asked, opened
from tests.tui.driving import Program, program


def endless() -> list[Step]:
    return [TextDelta("half"), asyncio.Event()]


async def writing(run: Program) -> None:
    """An answer has begun and does not end."""
    await run.type("go")
    await run.press("enter")
    await run.until(lambda: bool(run.talk.writing and run.talk.writing.tokens))


async def two_chats(run: Program) -> tuple[str | None, str | None]:
    await run.say("first")
    first = run.talk.chat_id
    await act(run, "new-chat")
    await run.say("second")
    return first, run.talk.chat_id


async def test_palette(store: Store, home: Path) -> None:
    async with program(store, home) as run:
        await act(run, "palette")
        await opened(run, "Picker")
        await run.type("keys and help")
        await run.press("enter")
        await opened(run, "Help")


async def test_help_looks_for_words(store: Store, home: Path) -> None:
    async with program(store, home) as run:
        await act(run, "help")
        await opened(run, "Help")
        await run.type("/queue")
        help_ = "\n".join(run.lines())
        assert "Keys with /queue" in help_
        assert "Take the queued message back" in help_
        assert "Choose a theme" not in help_
        await run.press("escape")
        assert "Break the line" in "\n".join(run.lines())
        await run.press("G", "g", "q")
        await opened(run, "ChatScreen")


async def test_help(store: Store, home: Path) -> None:
    async with program(store, home) as run:
        await act(run, "help")
        await opened(run, "Help")
        assert "Choose the model" in "\n".join(run.lines())
        await run.press("escape")
        await opened(run, "ChatScreen")


async def test_quit(store: Store, home: Path) -> None:
    async with program(store, home) as run:
        await run.type("a draft")
        await act(run, "quit")
        await run.until(lambda: run.app._exit)
    assert store.draft(None) == "a draft"


async def test_summarise(store: Store, home: Path) -> None:
    async with program(store, home, says("one " * 20), says("two"), says("in short")) as run:
        await run.press("f7")
        assert "nothing to sum up" in run.status
        await run.say("first")
        await run.say("second")
        await run.type("a draft")
        await act(run, "summarise")
        await run.answered()
        screen = "\n".join(run.lines())
        assert "Summary of the first 2 messages" in screen
        assert "by scripted · read in their place from here on" in screen
        assert run.texts() == ["first", "one " * 20, "second", "two", "in short"]
        assert run.composer.text == "a draft"
        await run.screen.run_action("screen.undo")
        await run.until(lambda: "the summary is taken back" in run.status)
        assert run.texts() == ["first", "one " * 20, "second", "two"]


async def test_new_chat(store: Store, home: Path) -> None:
    async with program(store, home, says("one")) as run:
        await run.say("first")
        await act(run, "new-chat")
        assert run.talk.chat_id is None
        assert run.texts() == []
        assert run.composer.has_focus


async def test_chats(store: Store, home: Path) -> None:
    async with program(store, home, says("one")) as run:
        await run.say("first")
        await act(run, "chats")
        assert run.screen.query_one(ChatList).shown
        assert "first" in run.text_of("ChatList")
        await act(run, "chats")
        assert not run.screen.query_one(ChatList).shown


async def test_search(store: Store, home: Path) -> None:
    async with program(store, home, says("a rare word")) as run:
        await run.say("first")
        await act(run, "search")
        await opened(run, "Search")
        await run.type("rare")
        await run.until(lambda: any("rare" in row.detail for row in rows(run)))


async def test_model(store: Store, home: Path) -> None:
    async with program(store, home) as run:
        await act(run, "model")
        await opened(run, "Picker")
        await run.until(lambda: any(row.key == "other" for row in rows(run)))
        await run.type("other")
        await run.press("enter")
        await run.until(lambda: run.talk.session.model == "other")


async def test_interrupt(store: Store, home: Path) -> None:
    async with program(store, home, endless()) as run:
        await writing(run)
        await act(run, "interrupt")
        assert not run.talk.busy
        await run.type("text")
        await act(run, "interrupt")
        assert run.composer.text == ""


async def test_stop(store: Store, home: Path) -> None:
    async with program(store, home, endless()) as run:
        await writing(run)
        await act(run, "stop")
        assert run.path()[-1].state is State.STOPPED
        assert run.texts()[-1] == "half"


def an_editor(folder: Path) -> str:
    """An editor that adds a line."""
    script = folder / "editor.py"
    script.write_text("import sys\nopen(sys.argv[1], 'a').write(' and more')\n")
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(script))}"


@pytest.fixture
def can_suspend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal there is nothing that an editor could take."""
    monkeypatch.setattr(HeadlessDriver, "can_suspend", property(lambda self: True))


@pytest.mark.usefixtures("can_suspend")
async def test_editor(store: Store, home: Path, tmp_path: Path) -> None:
    async with program(store, home) as run:
        run.desk.editor = an_editor(tmp_path)
        await run.type("words")
        await act(run, "editor")
        await run.until(lambda: run.composer.text == "words and more")


@pytest.mark.usefixtures("can_suspend")
async def test_message_editor(store: Store, home: Path, tmp_path: Path) -> None:
    async with program(store, home, says("one")) as run:
        run.desk.editor = an_editor(tmp_path)
        await run.say("first")
        await act(run, "message-editor")
        await run.until(lambda: run.texts() == ["first", "one and more"])


async def test_parameters(store: Store, home: Path) -> None:
    async with program(store, home) as run:
        await act(run, "parameters")
        await opened(run, "Parameters")
        await run.type("seed")
        await run.press("enter")
        await opened(run, "Asking")
        await run.type("7")
        await run.press("enter")
        await opened(run, "Parameters")
        await run.press("escape")
        await opened(run, "ChatScreen")
        assert run.talk.session.params.seed == 7


async def test_tree(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), says("two")) as run:
        await run.say("first")
        await act(run, "regenerate")
        await run.answered()
        await act(run, "tree")
        await opened(run, "Picker")
        await run.type("one")
        await run.press("enter")
        await run.until(lambda: run.texts() == ["first", "one"])


async def test_previous_chat(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), says("two")) as run:
        first, _ = await two_chats(run)
        await act(run, "previous-chat")
        assert run.talk.chat_id == first
        assert run.texts() == ["first", "one"]


async def test_next_chat(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), says("two")) as run:
        _, second = await two_chats(run)
        await act(run, "previous-chat")
        await act(run, "next-chat")
        assert run.talk.chat_id == second
        assert run.texts() == ["second", "two"]


async def test_rename_chat(store: Store, home: Path) -> None:
    async with program(store, home, says("one")) as run:
        await run.say("first")
        await act(run, "rename-chat")
        await asked(run, "named")
        assert store.chats()[0].title == "named"
        assert "named" in run.text_of("TitleBar")


async def test_pin_chat(store: Store, home: Path) -> None:
    async with program(store, home, says("one")) as run:
        await run.say("first")
        await act(run, "pin-chat")
        assert store.chats()[0].pinned
        await act(run, "pin-chat")
        assert not store.chats()[0].pinned


async def test_tag_chat(store: Store, home: Path) -> None:
    async with program(store, home, says("one")) as run:
        await run.say("first")
        await run.screen.run_action("screen.tag_chat")
        await asked(run, "Work, fun")
        assert store.chats()[0].tags == ("fun", "work")


async def test_trash_chat(store: Store, home: Path) -> None:
    async with program(store, home, says("one")) as run:
        await run.say("first")
        chat_id = run.talk.chat_id
        await act(run, "trash-chat")
        assert [chat.id for chat in store.chats(deleted=True)] == [chat_id]
        assert run.talk.chat_id is None


async def test_log_in(store: Store, home: Path) -> None:
    async with program(store, home) as run:
        await run.screen.run_action("screen.log_in")
        await run.pilot.pause()
        assert "no server is known yet" in run.status


async def long_answer(run: Program) -> None:
    await run.say("go")
    assert run.screen.reading.transcript.following


LONG = says("\n\n".join(f"paragraph {number}" for number in range(80)))


async def test_page_up(store: Store, home: Path) -> None:
    async with program(store, home, LONG) as run:
        await long_answer(run)
        before = run.text_of("Transcript")
        await act(run, "page-up")
        assert not run.screen.reading.transcript.following
        assert run.text_of("Transcript") != before
        assert "paragraph 79" not in run.text_of("Transcript")


async def test_page_down(store: Store, home: Path) -> None:
    async with program(store, home, LONG) as run:
        await long_answer(run)
        await act(run, "page-up")
        await act(run, "page-up")
        before = run.text_of("Transcript")
        await act(run, "page-down")
        assert run.text_of("Transcript") != before
        await act(run, "page-down")
        assert "paragraph 79" in run.text_of("Transcript")
        assert run.screen.reading.transcript.following


async def test_follow(store: Store, home: Path) -> None:
    async with program(store, home, LONG) as run:
        await long_answer(run)
        for _ in range(3):
            await act(run, "page-up")
        await act(run, "follow")
        assert run.screen.reading.transcript.following
        assert "paragraph 79" in run.text_of("Transcript")


def rows(run: Program) -> list[Row]:
    return list(run.app.screen.query_one(Rows).rows)
