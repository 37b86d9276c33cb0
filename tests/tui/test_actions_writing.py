"""What each action of the composer does."""

from __future__ import annotations

import asyncio
from pathlib import Path

from chatterm.events import TextDelta
from chatterm.store import Store
from tests.scripted import says
from tests.tui.acting import act
from tests.tui.driving import program


async def test_send(store: Store, home: Path) -> None:
    async with program(store, home, says("one")) as run:
        await run.type("hello")
        await act(run, "send")
        await run.answered()
        assert run.texts() == ["hello", "one"]
        assert run.composer.text == ""


async def test_newline(store: Store, home: Path) -> None:
    async with program(store, home) as run:
        await run.type("a")
        await act(run, "newline")
        await run.type("b")
        assert run.composer.text == "a\nb"
        assert run.texts() == []


async def test_history_previous(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), says("two")) as run:
        await run.say("first")
        await run.say("second")
        await act(run, "history-previous")
        assert run.composer.text == "second"
        await act(run, "history-previous")
        assert run.composer.text == "first"


async def test_history_next(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), says("two")) as run:
        await run.say("first")
        await run.say("second")
        await run.press("up", "up")
        await act(run, "history-next")
        assert run.composer.text == "second"
        await act(run, "history-next")
        assert run.composer.text == ""


async def test_complete(store: Store, home: Path) -> None:
    async with program(store, home, says("one")) as run:
        await run.type("/new-c")
        await act(run, "complete")
        assert run.composer.text.strip() == "/new-chat"
        await run.press("ctrl+c")
        await run.say("first")
        await act(run, "complete")
        assert run.screen.reading.reading, "with nothing to complete it goes to the transcript"


async def test_unqueue(store: Store, home: Path) -> None:
    async with program(store, home, [TextDelta("half"), asyncio.Event()]) as run:
        await run.type("go")
        await run.press("enter")
        await run.until(lambda: run.talk.busy)
        await run.type("next")
        await run.press("enter")
        assert [prompt.text for prompt in run.talk.queue] == ["next"]
        await act(run, "unqueue")
        assert not run.talk.queue
        assert run.composer.text == "next"


async def test_end_of_input(store: Store, home: Path) -> None:
    async with program(store, home) as run:
        await run.type("a")
        await act(run, "end-of-input")
        assert not run.app._exit
        await run.press("backspace")
        await act(run, "end-of-input")
        await run.until(lambda: run.app._exit)


async def test_a_command_that_cannot_be_done_stands_there_again(store: Store, home: Path) -> None:
    async with program(store, home) as run:
        await run.type("/set temperature hot")
        await run.press("enter")
        assert run.composer.text == "/set temperature hot"
        assert "temperature must be a number" in run.complaints[0]
        for _ in range(3):
            await run.press("backspace")
        await run.type("1")
        await run.press("enter")
        assert run.composer.text == ""
        assert run.talk.session.params.temperature == 1
