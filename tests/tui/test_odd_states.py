"""Every action in odd moments: nothing breaks, nothing is lost, and what is said makes sense."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chatterm.errors import RemoteError
from chatterm.events import TextDelta
from chatterm.messages import State
from chatterm.store import Store
from chatterm.tui.actions import ACTIONS, Action, Where
from chatterm.tui.screens.chat import ChatScreen
from tests.scripted import says
from tests.tui.driving import Program, program

TRIED = [
    action
    for action in ACTIONS
    if action.where in (Where.CHAT, Where.TRANSCRIPT, Where.EVERYWHERE) and action.id != "quit"
]
State_ = Callable[[Store, Path], object]


@asynccontextmanager
async def nothing_yet(store: Store, home: Path) -> AsyncIterator[Program]:
    async with program(store, home, *[says("hm")] * 9) as run:
        yield run


@asynccontextmanager
async def an_answer_runs(store: Store, home: Path) -> AsyncIterator[Program]:
    async with program(store, home, [TextDelta("so "), 60.0], *[says("hm")] * 9) as run:
        await run.type("go")
        await run.press("enter")
        await run.until(lambda: run.talk.busy and "so" in "\n".join(run.lines()))
        yield run


@asynccontextmanager
async def the_answer_failed(store: Store, home: Path) -> AsyncIterator[Program]:
    error = RemoteError("the server is away", hint="wait")
    async with program(store, home, [TextDelta("a "), error], *[says("hm")] * 9) as run:
        await run.say("go")
        yield run


@asynccontextmanager
async def two_chats_run(store: Store, home: Path) -> AsyncIterator[Program]:
    running: list[list[object]] = [[TextDelta("x "), 60.0], [TextDelta("y "), 60.0]]
    async with program(store, home, *running, *[says("hm")] * 9) as run:  # type: ignore[arg-type]
        for words in ("one", "two"):
            await run.press("ctrl+n")
            await run.type(words)
            await run.press("enter")
            await run.until(lambda: run.talk.busy)
        yield run


@asynccontextmanager
async def all_deleted(store: Store, home: Path) -> AsyncIterator[Program]:
    async with program(store, home, says("hi"), *[says("hm")] * 9) as run:
        await run.say("go")
        await run.screen.run_action("screen.message_first")
        await run.screen.run_action("screen.delete_message")
        assert run.path() == []
        yield run


STATES = [nothing_yet, an_answer_runs, the_answer_failed, two_chats_run, all_deleted]


async def back_to_the_chat(run: Program) -> None:
    for _ in range(5):
        if isinstance(run.app.screen, ChatScreen):
            return
        await run.press("escape")
    raise AssertionError(f"{run.app.screen} does not close")


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
async def test_no_action_breaks_or_loses_anything(
    store: Store, home: Path, state: Callable[[Store, Path], object]
) -> None:
    async with state(store, home) as run:  # type: ignore[attr-defined]
        for action in TRIED:
            run.composer.put("half a thought")
            before = {message.id for chat in store.chats() for message in store.tree(chat.id)}
            await doing(run, action)
            await back_to_the_chat(run)
            after = {
                message.id
                for chat in (*store.chats(), *store.chats(deleted=True))
                for message in store.tree(chat.id)
            }
            if action.id not in ("delete", "undo"):
                assert before <= after, action.id
        assert store.integrity() == []
    assert not [
        message
        for chat in store.chats()
        for message in store.tree(chat.id)
        if message.state is State.WRITING
    ], "every answer is finished"


async def doing(run: Program, action: Action) -> None:
    await run.screen.run_action(action.run)
    await run.pilot.pause()
    # A letter ends the modes that wait for one.
    if action.id in ("jump", "copy-code"):
        await run.press("escape")
    await asyncio.sleep(0)
