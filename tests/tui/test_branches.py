"""The tree under one's fingers: edit, answer again, flip, fork, delete, undo, compare."""

from __future__ import annotations

from pathlib import Path

from chatterm.store import Store
from chatterm.tui.screens.compare import Compare, Pane
from chatterm.tui.widgets.rows import Rows
from tests.scripted import says
from tests.tui.driving import program


async def test_editing_a_prompt_makes_a_branch_and_answers_it(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), says("two")) as run:
        await run.say("first")
        await run.type("a draft")
        await run.press("tab", "k", "e")
        assert run.composer.text == "first"
        assert "Editing your message" in run.text_of("Banner")
        await run.type(" again")
        await run.press("enter")
        await run.answered()
        assert run.texts() == ["first again", "two"]
        assert run.composer.text == "a draft"


async def test_leaving_the_editing_changes_nothing(store: Store, home: Path) -> None:
    async with program(store, home, says("one")) as run:
        await run.say("first")
        await run.press("tab", "k", "e")
        await run.type(" again")
        await run.press("escape")
        assert run.composer.text == ""
        assert run.texts() == ["first", "one"]


async def test_an_answer_can_be_edited_and_continued(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), says(" and on")) as run:
        await run.say("first")
        await run.press("tab", "e")
        await run.press("ctrl+u")
        await run.type("my own words")
        await run.press("enter")
        assert run.texts() == ["first", "my own words"]
        await run.press("tab", "full_stop")
        await run.answered()
        assert run.texts() == ["first", "my own words and on"]


async def test_another_answer_stands_where_the_first_one_stood(store: Store, home: Path) -> None:
    async with program(store, home, says("the first one"), says("the second one")) as run:
        await run.say("go")
        await run.press("tab", "k", "r")
        await run.answered()
        assert "the second one" in run.text_of("Reading")
        assert "the first one" not in run.text_of("Reading")


async def test_branches_are_flipped_from_the_message_beside_them(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), says("two")) as run:
        await run.say("go")
        await run.press("tab", "left")
        assert "no other branch" in run.status
        await run.press("r")
        await run.answered()
        await run.press("k", "left")
        assert run.texts() == ["go", "one"]


async def test_answers_are_flipped_through(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), says("two"), says("three")) as run:
        await run.say("go")
        await run.press("tab", "r")
        await run.answered()
        await run.press("r")
        await run.answered()
        assert "3/3" in "\n".join(run.lines())
        await run.press("left")
        assert run.texts() == ["go", "two"]
        await run.press("left")
        assert run.texts() == ["go", "one"]
        assert "1/3" in "\n".join(run.lines())
        await run.press("left")
        assert "no further branch" in run.status
        await run.press("right")
        assert run.texts() == ["go", "two"]


async def test_undo_takes_back_what_was_done_last(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), says("two")) as run:
        await run.say("go")
        await run.press("tab", "r")
        await run.answered()
        assert run.texts() == ["go", "two"]
        await run.press("u")
        assert run.texts() == ["go", "one"]
        await run.press("k", "d")
        assert run.texts() == []
        await run.press("u")
        assert run.texts() == ["go", "one"]


async def test_a_fork_is_a_chat_of_its_own(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), says("two")) as run:
        await run.say("go")
        first = run.talk.chat_id
        await run.press("tab", "k", "f")
        assert run.talk.chat_id not in (None, first)
        assert run.texts() == ["go"]
        await run.press("ctrl+pageup")
        assert run.texts() == ["go", "one"]


async def test_the_tree_stands_still_while_an_answer_grows(store: Store, home: Path) -> None:
    async with program(store, home, [*says("x")[:1], 60.0]) as run:
        await run.type("go")
        await run.press("enter")
        await run.until(lambda: bool(run.talk.writing and run.talk.writing.tokens))
        await run.press("tab", "r")
        assert "stop the answer first" in run.status


async def test_the_tree_view_shows_all_branches_and_goes_there(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), says("two"), says("deep")) as run:
        await run.say("go")
        await run.press("tab", "r")
        await run.answered()
        await run.press("i")
        await run.say("further")
        await run.press("f3")
        rows = [row.title for row in run.app.screen.query_one(Rows).rows]
        assert rows[0] == "you: go"
        assert rows[1].startswith("├─ ")
        assert "one" in rows[1]
        assert rows[2].startswith("└─ ")
        assert rows[3] == "   you: further"
        await run.type("one")
        await run.press("enter")
        assert run.texts() == ["go", "one"]


async def test_two_models_answer_side_by_side(store: Store, home: Path) -> None:
    async with program(store, home, says("from the first"), says("from the second")) as run:
        await run.type("who are you")
        await run.press("f4")
        await run.type("other")
        await run.press("enter")
        await run.until(lambda: isinstance(run.app.screen, Compare))
        await run.until(lambda: len(run.app.screen.query(Pane)) == 2)
        panes = list(run.app.screen.query(Pane))
        await run.until(lambda: all(p.answer_id and not p.talk.busy for p in panes))
        shown = "\n".join(run.lines())
        assert "from the first" in shown
        assert "from the second" in shown
        await run.press("2")
        assert run.texts() == ["who are you", "from the second"]
        assert run.path()[-1].model == "other"
        await run.press("tab", "left")
        assert run.texts() == ["who are you", "from the first"]
