"""Finding and keeping chats: the list, search, pin, tag, rename, trash and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from textual import events

from chatterm.catalog import ModelEntry, ModelFile
from chatterm.store import Store
from chatterm.tui.widgets.chatlist import ChatList
from chatterm.tui.widgets.rows import Row, Rows
from tests.scripted import says
from tests.tui.driving import Program, program


def listed(run: Program) -> list[str]:
    rows = run.screen.query_one(ChatList).query_one(Rows).rows
    return [row.title for row in rows if row.key]


async def three_chats(run: Program) -> None:
    for text in ("apples and pears", "boats on water", "clouds"):
        await run.say(text)
        await run.press("ctrl+n")


def scripts() -> list[list[object]]:
    return [list(says(word)) for word in ("a fruit salad", "sail away", "it will rain")]


async def test_the_list_shows_chats_the_latest_first(store: Store, home: Path) -> None:
    async with program(store, home, *scripts()) as run:  # type: ignore[arg-type]
        await three_chats(run)
        await run.press("ctrl+b")
        assert listed(run) == ["clouds", "boats on water", "apples and pears"]
        await run.press("down", "down", "enter")
        assert run.texts()[0] == "apples and pears"


async def test_typing_searches_titles_and_words(store: Store, home: Path) -> None:
    async with program(store, home, *scripts()) as run:  # type: ignore[arg-type]
        await three_chats(run)
        await run.press("ctrl+b")
        await run.type("boat")
        await run.until(lambda: listed(run)[:1] == ["boats on water"])
        await run.press("ctrl+u")
        await run.type("sal")
        await run.until(lambda: listed(run) == ["apples and pears"])
        await run.press("enter")
        assert run.texts() == ["apples and pears", "a fruit salad"]


async def test_pin_rename_tag_trash_and_undo(store: Store, home: Path) -> None:
    async with program(store, home, *scripts()) as run:  # type: ignore[arg-type]
        await three_chats(run)
        await run.press("ctrl+b", "down", "down", "ctrl+s")
        assert listed(run)[0] == "apples and pears"
        await run.press("f8")
        await run.press("ctrl+u")
        await run.type("fruit")
        await run.press("enter")
        assert listed(run)[0] == "fruit"
        await run.press("ctrl+t")
        await run.type("Food, fun")
        await run.press("enter")
        assert listed(run)[0] == "fruit #food #fun"
        await run.press("ctrl+x")
        assert "fruit #food #fun" not in listed(run)
        assert store.chats(deleted=True)[0].title == "fruit"
        await run.press("ctrl+z")
        assert listed(run)[0] == "fruit #food #fun"
        await run.press("ctrl+z")
        assert listed(run)[0] == "fruit"
        await run.press("ctrl+z")
        assert listed(run)[0] == "apples and pears"


@pytest.mark.parametrize("size", [(60, 12), (60, 16), (80, 24), (120, 40)])
async def test_the_last_row_of_a_long_list_can_be_seen(
    store: Store, home: Path, size: tuple[int, int]
) -> None:
    async with program(store, home, size=size) as run:
        await run.press("ctrl+p", "up")
        last = run.app.screen.query_one(Rows).row
        assert last is not None
        assert last.title in "\n".join(run.lines())


async def test_pinning_the_chat_that_is_shown_is_said_above_it(store: Store, home: Path) -> None:
    async with program(store, home, says("one")) as run:
        await run.say("hello")
        await run.press("ctrl+b", "ctrl+s")
        await run.until(lambda: "pinned" in run.text_of("TitleBar"))
        await run.press("ctrl+s")
        await run.until(lambda: "pinned" not in run.text_of("TitleBar"))


async def test_putting_away_the_chat_that_is_shown_begins_a_new_one(
    store: Store, home: Path
) -> None:
    async with program(store, home, says("one")) as run:
        await run.say("hello")
        await run.press("ctrl+b", "ctrl+x")
        assert run.talk.chat_id is None
        assert store.chats() == []


async def test_search_opens_the_hit_where_it_stands(store: Store, home: Path) -> None:
    async with program(store, home, *scripts()) as run:  # type: ignore[arg-type]
        await three_chats(run)
        await run.press("ctrl+r")
        await run.type("sail")
        rows = run.app.screen.query_one(Rows)
        await run.until(lambda: any("sail away" in row.detail for row in rows.rows))
        await run.press("enter")
        assert run.texts() == ["boats on water", "sail away"]
        assert run.screen.reading.current is not None
        assert run.screen.reading.current.text == "sail away"


async def test_what_was_found_is_in_sight_on_a_narrow_screen(store: Store, home: Path) -> None:
    async with program(store, home, says("ahoy"), size=(60, 16)) as run:
        await run.say("these are many words that come before the one that is sought: sail")
        await run.press("ctrl+r")
        await run.type("sail")
        rows = run.app.screen.query_one(Rows)
        await run.until(lambda: bool(rows.rows))
        assert "sought: sail" in "\n".join(run.lines()[6:])


async def test_a_list_has_its_rows_in_a_tiny_window(store: Store, home: Path) -> None:
    async with program(store, home, size=(40, 10)) as run:
        await run.press("ctrl+o")
        assert "other" in "\n".join(run.lines())


async def test_keys_in_quick_succession_show_what_the_last_of_them_finds(
    store: Store, home: Path, tmp_path: Path
) -> None:
    database = tmp_path / "chatterm.db"
    async with program(store, home, *scripts(), database=database) as run:  # type: ignore[arg-type]
        await three_chats(run)
        await run.press("ctrl+r")
        rows = run.app.screen.query_one(Rows)
        shown: list[list[str]] = []
        show = rows.show

        def noted(rows: Sequence[Row], *, keep: bool = False) -> None:
            shown.append([row.detail or row.title for row in rows if row.key])
            show(rows, keep=keep)

        rows.show = noted  # type: ignore[method-assign]
        for letter in "sail":
            run.app.post_message(events.Key(letter, letter))
        await run.until(lambda: shown[-1:] == [["sail away"]])
        await run.app.workers.wait_for_complete()
        assert shown[-1] == ["sail away"]


async def test_search_without_words_has_the_latest_prompts_to_take(
    store: Store, home: Path
) -> None:
    async with program(store, home, *scripts()) as run:  # type: ignore[arg-type]
        await three_chats(run)
        await run.press("ctrl+r", "down", "ctrl+g")
        assert run.composer.text == "boats on water"


async def test_ten_thousand_chats_open_page_by_page(store: Store, home: Path) -> None:
    with store.atomic():
        for number in range(350):
            store.create_chat(title=f"chat {number}")
    async with program(store, home) as run:
        await run.press("ctrl+b")
        assert len(listed(run)) == 100
        rows = run.screen.query_one(ChatList).query_one(Rows)
        for _ in range(12):
            rows.move(15)
            await run.pilot.pause()
        assert len(listed(run)) > 150
        assert rows.row is not None


async def test_a_model_of_the_catalogue_that_cannot_be_pulled_says_why(
    store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    entry = ModelEntry(
        "far", "engine", repository="a/b", files={"Q4": ModelFile("x.gguf", size=1_500_000_000)}
    )
    async with program(store, home, models={"far": entry}) as run:
        await run.press("ctrl+o")
        shelf = run.app.screen.query_one(Rows)
        await run.until(lambda: any(row.key == "absent/far" for row in shelf.rows))
        assert next(row.right for row in shelf.rows if row.key == "absent/far") == "1.5 GB"
        await run.type("far")
        await run.press("enter")
        await run.until(lambda: "far" in run.app.pulls.progress or bool(run.app._notifications))
        await run.until(lambda: bool(run.app._notifications), 30)
        assert not run.app.pulls.progress
        said = next(iter(run.app._notifications))
        assert "127.0.0.1" in said.message
