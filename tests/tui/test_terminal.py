"""A newcomer's first minutes, in a real terminal."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from tests.pictures import png
from tests.tui.terminal import COMMAND, PATIENCE, Terminal, needs_tmux

pytestmark = [needs_tmux, pytest.mark.slow]


def open_chat(window: Terminal, *, width: int = 80, height: int = 24, options: str = "") -> None:
    window.start(f"{COMMAND} -m echo {options}", width, height)
    window.until("Enter")


def test_the_first_minutes(window: Terminal) -> None:
    open_chat(window)
    first = window.until("F1 shows the keys")
    assert "Ctrl+O chooses another model" in first

    window.type("Hello **world**")
    window.press("Enter")
    window.until(lambda screen: screen.count("Hello") >= 2 and "tok/s" in screen)

    window.press("F1")
    window.until("Keys and help")
    window.press("Escape")
    window.until(lambda screen: "Keys and help" not in screen)

    window.press("C-n")
    window.until("New chat")
    window.type("one")
    window.press("C-j")
    window.type("two")
    window.press("M-Enter")
    window.paste("three\nfour\n")
    window.until("four")
    assert "Enter" in window.screen(), "nothing was sent by a line break or a paste"
    window.press("Enter")
    window.until(lambda screen: screen.count("three") >= 2)

    window.press("C-b")
    window.until("Search titles")
    window.type("wor")
    window.until(lambda screen: "Titles" in screen or "Messages" in screen)
    window.press("Enter")
    window.until(lambda screen: screen.count("world") >= 2)
    window.press("Escape")
    window.until(lambda screen: "Search titles" not in screen)

    window.press("C-p")
    window.type("theme")
    window.until("Choose a theme")
    window.press("Escape")
    window.until(lambda screen: "Choose a theme" not in screen)
    window.press("C-c", "C-c")
    window.until("ended with 0")


def test_a_file_is_named_found_and_sent(window: Terminal) -> None:
    open_chat(window)
    window.type("What is in @no")
    window.until("notes.txt")
    window.press("Tab")
    window.until("What is in @notes.txt")
    window.press("Enter")
    window.until("Remember the milk")


def test_a_model_is_chosen_and_stopped(window: Terminal) -> None:
    open_chat(window)
    window.press("C-o")
    window.until("In the catalogue")
    window.type("slow")
    window.press("Enter")
    window.until("slow answers from now on")
    window.type(" ".join(f"w{number}" for number in range(200)))
    window.press("Enter")
    window.until("Esc stops")
    window.press("Escape")
    window.until("stopped; what came is kept")


def test_a_small_window_that_changes_its_size(window: Terminal) -> None:
    open_chat(window, width=60, height=16)
    window.type("some words")
    window.press("Enter")
    window.until(lambda screen: screen.count("some words") >= 2)
    window.resize(120, 40)
    window.until(lambda screen: max(map(len, screen.splitlines())) > 100)
    window.resize(40, 10)
    window.until(lambda screen: max(map(len, screen.splitlines())) <= 40)
    window.resize(80, 24)
    window.until("some words")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
def test_a_signal_leaves_the_terminal_as_it_was(
    window: Terminal, number: signal.Signals, code: int
) -> None:
    open_chat(window)
    window.type("a draft")
    window.until("a draft")
    os.kill(window.process(), number)
    screen = window.until(f"ended with {code}")
    assert "Traceback" not in screen
    window.type("typed")
    window.until("typed")


def test_a_window_that_is_closed_ends_the_program_and_keeps_the_answer(
    window: Terminal, home: Path
) -> None:
    window.start(f"exec {COMMAND} -m slow")
    window.until("Enter")
    window.type(" ".join(f"w{number}" for number in range(500)))
    window.press("Enter")
    window.until("Esc stops")
    process = window.process(shell=False)
    window.tmux("kill-server")
    deadline = time.monotonic() + PATIENCE
    while Path(f"/proc/{process}").exists():
        assert time.monotonic() < deadline, "the program outlived its terminal"
        time.sleep(0.05)
    connection = sqlite3.connect(home / "data" / "chatterm.db")
    try:
        found = connection.execute("SELECT state, text FROM messages WHERE role = 'assistant'")
        ((state, text),) = found.fetchall()
    finally:
        connection.close()
    assert state == "stopped"
    assert text.startswith("w0")


def test_it_ends_with_its_window_though_whoever_began_it_stays(window: Terminal) -> None:
    """``make`` is told that the terminal is gone, and waits for what it has begun."""
    window.start(f"trap : HUP; {COMMAND} -m echo")
    window.until("Enter")
    process = Path(f"/proc/{window.process()}")
    window.tmux("kill-server")
    deadline = time.monotonic() + PATIENCE
    while process.exists():
        assert time.monotonic() < deadline, "it goes on without a terminal"
        time.sleep(0.05)


def test_inline_leaves_everything_in_the_scrollback(window: Terminal) -> None:
    window.start(f"{COMMAND} chat --inline -m echo", height=12)
    for number in range(4):
        window.until("Enter send")
        window.type(f"message number {number}")
        window.press("Enter")
        window.until(lambda screen: screen.count(f"message number {number}") >= 2)  # noqa: B023
    window.until("Enter send")
    window.press("C-d")
    window.until("ended with 0")
    everything = window.tmux("capture-pane", "-p", "-S", "-200")
    for number in range(4):
        assert everything.count(f"> message number {number}") == 1
    assert "Write a message" not in window.screen(), "the composer is gone"


def test_inline_gives_back_what_could_not_be_done(window: Terminal, tmp_path: Path) -> None:
    (tmp_path / "work" / "picture.png").write_bytes(png((200, 0, 0)))
    window.start(f"{COMMAND} chat --inline -m echo", height=20)
    window.until("Enter send")
    window.type("/he")
    window.until("Show these commands")
    window.press("Enter")
    window.until("@ names a file to send along.")
    window.type("/model nobody")
    window.press("Enter")
    window.until("there is no model 'nobody'")
    window.until("│ /model nobody")
    window.press("C-c")
    window.until("Write a message")
    window.type("look at @picture.png now")
    window.press("Enter")
    window.until("echo cannot see")
    window.until("│ look at @picture.png now")


def test_inline_leaves_what_is_written_alone(window: Terminal) -> None:
    window.start(f"{COMMAND} chat --inline -m echo", height=20)
    window.until("Enter send")
    window.type("a thought")
    window.press("C-p")
    window.until("Commands")
    window.type("fork")
    window.press("Enter")
    window.until("this chat has no messages yet")
    window.until("│ a thought")


def test_no_colour_is_no_colour(window: Terminal) -> None:
    window.start(f"env NO_COLOR=1 {COMMAND} -m echo")
    window.until("F1 shows the keys")
    screen = window.screen(colours=True)
    assert "\x1b[38;" not in screen
    assert "\x1b[48;" not in screen


def test_without_a_terminal_it_says_what_to_use() -> None:
    from tests.cli.program import chatterm

    for args in ([], ["chat"], ["-m", "echo"]):
        ran = chatterm(*args)
        assert ran.code == 2
        assert "chatterm ask" in ran.err


def test_a_browser_that_draws_text_gets_the_terminal_until_it_is_left(
    window: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = tmp_path / "browser"
    browser.write_text('#!/bin/sh\nclear; echo "a page of $1"; read line\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    open_chat(window)
    window.type("[a page](https://example.org/a)")
    window.press("Enter")
    window.until("tok/s")
    window.press("Tab", "o")
    page = window.until("a page of https://example.org/a")
    assert "Write a message" not in page
    window.press("Enter")
    window.until(lambda screen: "Write a message" in screen and "a page of" not in screen)
    window.press("i")
    window.type("still here")
    window.until("still here")
