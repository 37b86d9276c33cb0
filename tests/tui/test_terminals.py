"""The first start in terminals of all kinds: few colours, none, no control of the cursor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui.terminal import COMMAND, Terminal, needs_tmux, terminal

pytestmark = [needs_tmux, pytest.mark.slow]

MORE_THAN_16 = re.compile(r"\x1b\[[0-9;]*[34]8;[25];")


@pytest.fixture
def window(home: Path, tmp_path: Path) -> Iterator[Terminal]:
    with terminal(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("kind", ["xterm-16color", "linux"])
def test_sixteen_colours_are_enough(window: Terminal, kind: str) -> None:
    window.start(f"env -u COLORTERM TERM={kind} {COMMAND} -m echo", 60, 16)
    window.until("F1 shows the keys")
    window.type("Hello **world**")
    window.press("Enter")
    window.until("Hello world")
    window.press("C-b")
    window.until("Esc back")
    assert not MORE_THAN_16.search(window.screen(colours=True))


@pytest.mark.parametrize("start", ["env TERM=dumb {}", "{} chat --plain"])
def test_a_plain_terminal_gets_line_after_line(window: Terminal, start: str) -> None:
    window.start(start.format(COMMAND).replace("chat --plain", "chat --plain -m echo"), 60, 16)
    window.until("type a prompt, or /help")
    window.type("/help")
    window.press("Enter")
    window.until("/regenerate")
    window.press("C-d")
    window.until("ended with 0")
    assert "╭" not in window.tmux("capture-pane", "-p", "-S", "-200"), "nothing is framed"


def test_inline_says_where_help_is(window: Terminal) -> None:
    window.start(f"{COMMAND} chat --inline -m echo", 60, 16)
    window.until("F1 help")
    window.press("F1")
    window.until(lambda screen: "Write a message" in screen.partition("@ names a file")[2])
    window.press("C-d")
    window.until("ended with 0")


def test_what_follows_an_emoji_stands_where_it_is_counted(window: Terminal) -> None:
    window.start(f"{COMMAND} -m echo")
    window.until("Write a message")
    signs = ["日本", "❤️", "1️⃣", "🇩🇪", "👨‍👩‍👧‍👦", "👩🏽‍💻", "🏳️‍🌈", "👍🏽"]
    rows = [f"| {sign} | end{at}" for at, sign in enumerate(signs)]
    window.paste("| a | b |\n|---|---|\n" + "\n".join(rows))
    window.until("end7")
    window.press("Enter")
    window.until(lambda screen: screen.count("end7") >= 2 and "tok/s" in screen)
    places = {window.column(f"│ end{at}") for at in range(len(signs))}
    assert len(places) == 1, places
