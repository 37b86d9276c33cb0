"""Pictures in the composer: picked with @, pasted as a path, refused, left out, kept in drafts."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events

from chatterm.store import Store
from chatterm.tui.widgets.chips import Chips
from tests.pictures import png
from tests.scripted import says
from tests.tui.driving import Program, program


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the program is started, with a picture and a text."""
    place = tmp_path / "here"
    place.mkdir()
    (place / "red one.png").write_bytes(png((255, 0, 0)))
    (place / "blue.png").write_bytes(png((0, 0, 255)))
    (place / "notes.txt").write_text("hello")
    monkeypatch.chdir(place)
    return place


async def paste(run: Program, text: str) -> None:
    run.composer.post_message(events.Paste(text))
    await run.pilot.pause()
    await run.pilot.pause()


def names(run: Program) -> list[str]:
    return [picture.path.name for picture in run.screen.pictures]


async def test_a_picture_is_picked_shown_as_a_chip_and_sent(
    store: Store, home: Path, folder: Path
) -> None:
    async with program(store, home, says("red")) as run:
        await run.type("@red")
        await run.until(lambda: "red one.png" in "\n".join(run.lines()))
        await run.press("enter")
        await run.until(lambda: names(run) == ["red one.png"])
        assert run.composer.text == ""
        assert "red one.png" in run.text_of("Chips")
        await run.say("what colour is this")
        prompt = run.path()[0]
        assert [file.media_type for file in prompt.attachments] == ["image/png"]
        assert names(run) == []
        assert not run.screen.query_one(Chips).display


@pytest.mark.parametrize("form", ["{path}", "'{path}'", "{escaped}", "file://{quoted}"])
async def test_a_pasted_path_of_a_picture_is_the_picture(
    store: Store, home: Path, folder: Path, form: str
) -> None:
    path = str(folder / "red one.png")
    text = form.format(path=path, escaped=path.replace(" ", "\\ "), quoted=path.replace(" ", "%20"))
    async with program(store, home) as run:
        await paste(run, text)
        assert names(run) == ["red one.png"]
        await paste(run, str(folder / "notes.txt"))
        assert run.composer.text == str(folder / "notes.txt")


async def test_a_model_that_cannot_see_is_not_shown_a_picture(
    store: Store, home: Path, folder: Path
) -> None:
    async with program(store, home) as run:
        run.backend.name = "echo"
        await paste(run, "blue.png")
        assert names(run) == []
        assert "cannot see" in run.complaints[-1]
        await run.type("look @blue.png ")
        await run.press("enter")
        assert run.talk.chat_id is None
        assert run.composer.text == "look @blue.png "


async def test_backspace_at_the_beginning_and_a_click_leave_pictures_out(
    store: Store, home: Path, folder: Path
) -> None:
    async with program(store, home) as run:
        await paste(run, "'red one.png' blue.png")
        assert names(run) == ["red one.png", "blue.png"]
        await run.type("a")
        await run.press("backspace", "backspace")
        assert names(run) == ["red one.png"]
        await run.pilot.click(Chips, offset=(4, 0))
        assert names(run) == []


async def test_a_picture_alone_can_be_sent(store: Store, home: Path, folder: Path) -> None:
    async with program(store, home, says("a colour")) as run:
        await run.press("enter")
        assert run.talk.chat_id is None
        await paste(run, "blue.png")
        await run.press("enter")
        await run.answered()
        assert run.path()[0].attachments[0].name == "blue.png"


async def test_drafts_keep_their_pictures_per_chat_and_over_a_restart(
    store: Store, home: Path, folder: Path
) -> None:
    async with program(store, home, says("hi")) as run:
        await run.say("hello")
        chat_id = run.talk.chat_id
        await paste(run, "'red one.png'")
        await run.type("see")
        await run.press("ctrl+n")
        assert names(run) == []
        run.app.open_chat(run.app.talks.of(str(chat_id)))
        await run.pilot.pause()
        assert (run.composer.text, names(run)) == ("see", ["red one.png"])
    async with program(store, home, chat_id=chat_id) as run:
        assert (run.composer.text, names(run)) == ("see", ["red one.png"])


async def test_a_queued_message_comes_back_with_its_picture(
    store: Store, home: Path, folder: Path
) -> None:
    async with program(store, home, [60.0]) as run:
        await run.type("wait")
        await run.press("enter")
        await paste(run, "blue.png")
        await run.type("next")
        await run.press("enter")
        assert names(run) == []
        await run.press("alt+up")
        assert (run.composer.text, names(run)) == ("next", ["blue.png"])
