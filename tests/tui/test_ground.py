"""Dark or light as the terminal is: its reply among the keys, and what is shown then."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events

from chatterm.config import Config, OutputSettings, TuiSettings
from chatterm.store import Store
from chatterm.tui.ground import GroundParser, GroundTold, ground_in, guessed
from chatterm.tui.themes import named, themes
from tests.tui.driving import program

LIGHT = "\x1b]11;rgb:fafa/fafa/fafa\x1b\\"
DARK = "\x1b]11;rgb:1c1c/1c1c/1c1c\x07"


def said(*pieces: str) -> list[str]:
    """What a parser makes of what comes from a terminal, piece by piece."""
    parser = GroundParser()
    messages = [message for piece in pieces for message in parser.feed(piece)]
    return [
        ("dark" if message.is_dark else "light")
        if isinstance(message, GroundTold)
        else str(message.key)
        for message in messages
        if isinstance(message, GroundTold | events.Key)
    ]


@pytest.mark.parametrize(("reply", "found"), [(LIGHT, "light"), (DARK, "dark")])
def test_the_reply_is_found_between_keys_and_none_of_it_is_typed(reply: str, found: str) -> None:
    assert said(f"a{reply}b") == ["a", found, "b"]
    assert said("a", reply[:9], reply[9:], "b") == ["a", found, "b"]


def test_what_is_no_colour_says_nothing() -> None:
    assert said("\x1b]11;?\x07x") == ["x"]
    assert ground_in("rgb:ff/ff/ff") is False
    assert ground_in("rgba:0000/0000/0000/ffff") is True
    assert ground_in("red") is None


def test_other_keys_are_as_before() -> None:
    assert said("x", "\r", "\x1b[A") == ["x", "enter", "up"]


@pytest.mark.parametrize(("value", "is_dark"), [("15;0", True), ("0;15", False), ("", True)])
def test_the_environment_is_the_first_guess(value: str, *, is_dark: bool) -> None:
    assert guessed({"COLORFGBG": value}) is is_dark


async def test_the_theme_follows_the_terminal_until_one_is_chosen(store: Store, home: Path) -> None:
    async with program(store, home) as run:
        assert run.app.theme == "dark"
        run.app.post_message(GroundTold(is_dark=False))
        await run.pilot.pause()
        assert run.app.theme == "light"
        await run.press("f6")
        await run.type("contrast")
        await run.press("enter")
        run.app.post_message(GroundTold(is_dark=True))
        await run.pilot.pause()
        assert run.app.theme == "contrast"
        await run.press("f6")
        await run.type("auto")
        await run.press("enter")
        assert run.app.theme == "dark"


async def test_a_theme_of_the_settings_stays(store: Store, home: Path) -> None:
    config = Config(model="scripted", tui=TuiSettings(theme="light"))
    async with program(store, home, config=config) as run:
        run.app.post_message(GroundTold(is_dark=True))
        await run.pilot.pause()
        assert run.app.theme == "light"


def test_a_terminal_of_16_colours_gets_themes_made_of_them(home: Path) -> None:
    known = themes(home / "themes")
    assert named("auto", known, is_dark=True, few=True) == "dark-16"
    assert named("light", known, is_dark=True, few=True) == "light-16"
    assert named("contrast", known, is_dark=True, few=True) == "contrast"
    (home / "themes").mkdir(parents=True)
    (home / "themes" / "dark.toml").write_text('primary = "#112233"')
    own = themes(home / "themes")
    assert named("dark", own, is_dark=True, few=True) == "dark", "the user's own stays"


async def test_who_wants_no_colours_gets_none_with_any_theme(store: Store, home: Path) -> None:
    config = Config(model="scripted", output=OutputSettings(color="never"))
    async with program(store, home, config=config) as run:
        run.app.wear("light")
        assert run.app.theme == "plain"
        run.app.post_message(GroundTold(is_dark=False))
        await run.pilot.pause()
        assert run.app.theme == "plain"
