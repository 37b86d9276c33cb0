"""Two windows on one store: each sees what the other did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from chatterm.events import Done, TextDelta
from chatterm.messages import Stop
from chatterm.store import Store
from chatterm.tui.widgets.chatlist import ChatList
from chatterm.tui.widgets.rows import Rows
from tests.scripted import Step, says
from tests.store.growing import begin, conversation, end, say
from tests.tui.driving import program


async def test_what_another_window_said_is_shown(
    store: Store, home: Path, reopen: Callable[[], Store]
) -> None:
    chat_id, messages = conversation(store, "one", "two")
    async with program(store, home, chat_id=chat_id) as run:
        with reopen() as other:
            prompt = say(other, chat_id, "from there", messages[-1])
            answer = begin(other, chat_id, prompt)
            await run.until(lambda: "writing" in "\n".join(run.lines()))
            end(other, answer, "and answered there")
            await run.until(lambda: "and answered there" in "\n".join(run.lines()))
        assert "writing" not in "\n".join(run.lines())


async def test_an_answer_of_this_window_is_not_disturbed(
    store: Store, home: Path, reopen: Callable[[], Store]
) -> None:
    go_on = asyncio.Event()
    script: list[Step] = [TextDelta("half"), go_on, TextDelta(" whole"), Done(Stop.END)]
    async with program(store, home, script, says("hm")) as run:
        await run.type("go")
        await run.press("enter")
        await run.until(lambda: "half" in "\n".join(run.lines()))
        assert run.talk.chat_id
        with reopen() as other:
            other.rename(run.talk.chat_id, "named there", by_user=True)
            await run.pilot.pause(0.7)
            assert "half" in "\n".join(run.lines())
        go_on.set()
        await run.answered()
        await run.until(lambda: "half whole" in "\n".join(run.lines()))


async def test_the_list_shows_chats_that_were_begun_elsewhere(
    store: Store, home: Path, reopen: Callable[[], Store]
) -> None:
    conversation(store, "apples", "one")
    conversation(store, "pears", "two")
    async with program(store, home) as run:
        await run.press("ctrl+b", "down")
        rows = run.screen.query_one(ChatList).query_one(Rows)
        chosen = rows.row
        with reopen() as other:
            chat = other.create_chat(title="begun there")
            await run.until(lambda: "begun there" in run.text_of("ChatList"))
        assert chosen is not None
        assert rows.row is not None
        assert rows.row.key == chosen.key != chat.id, "the cursor stays where it was"
