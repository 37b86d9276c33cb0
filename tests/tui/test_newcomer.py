"""A newcomer's first ten minutes, in a real terminal, from the first start to the second."""

from __future__ import annotations

import pytest

from tests.tui.terminal import COMMAND, Terminal, needs_tmux

pytestmark = [needs_tmux, pytest.mark.slow]

PROGRAM = "```python\ndef count(path):\n    return len(open(path).read().split())\n```"
LONG = f"{PROGRAM}\n\n" + "\n\n".join(
    f"Paragraph {number} says **something** about `words` and goes on." for number in range(60)
)
_TITLE = 0
"""The row of the title."""


def test_the_first_ten_minutes(window: Terminal) -> None:
    starts_for_the_first_time(window)
    asks_the_guide(window)
    chooses_another_model(window)
    reads_a_long_answer_while_it_is_written(window)
    stops_it(window)
    edits_a_prompt_and_walks_through_the_branches(window)
    has_it_answered_again(window)
    copies_code(window)
    looks_for_help(window)
    names_tags_and_pins_the_chat(window)
    attaches_a_file(window)
    searches_and_opens_what_is_found(window)
    puts_a_chat_into_the_trash_and_takes_that_back(window)
    leaves_with_a_draft(window)
    finds_everything_again(window)


def starts_for_the_first_time(window: Terminal) -> None:
    window.start(COMMAND)
    screen = window.until("Write something and press Enter")
    assert "Everything stays on this machine" in screen
    assert "guide only explains chatterm" in screen
    assert "F1 shows the keys" in screen
    assert "Enter send" in screen.splitlines()[-1]


def asks_the_guide(window: Terminal) -> None:
    window.type("How do I get a real model?")
    window.press("Enter")
    window.until(lambda screen: "models pull" in screen and "tok/s" in screen)


def chooses_another_model(window: Terminal) -> None:
    window.press("C-o")
    window.until("In the catalogue")
    window.type("slow")
    window.press("Enter")
    window.until("slow answers from now on")
    window.press("C-n")
    window.until("New chat")
    window.until("slow answers;")


def reads_a_long_answer_while_it_is_written(window: Terminal) -> None:
    window.paste(LONG)
    window.until("Paragraph 59")
    window.press("Enter")
    window.until("Esc stops")
    window.until("Paragraph 12")
    window.press("PPage")
    before = window.until("Ctrl+End follows")
    after = window.until(lambda screen: _status(screen) != _status(before))
    assert _read(after) == _read(before), "the reader was moved"
    window.press("C-End")
    window.until_gone("Ctrl+End follows")


def stops_it(window: Terminal) -> None:
    window.press("Escape")
    window.until("stopped; what came is kept")
    assert "Paragraph 59" not in window.screen()


def edits_a_prompt_and_walks_through_the_branches(window: Terminal) -> None:
    window.press("C-n")
    window.until("New chat")
    window.type("boats")
    window.press("Enter")
    window.until(lambda screen: screen.count("boats") >= 3 and "tok/s" in screen)
    window.press("Tab")
    window.until("? keys")
    window.press("k", "e")
    window.until("Editing your message")
    window.type(" and ships")
    window.press("Enter")
    window.until(lambda screen: screen.count("boats and ships") >= 2 and "2/2" in screen)
    window.press("Tab")
    window.until("? keys")
    window.press("Left")
    window.until(lambda screen: "1/2" in screen and "ships" not in screen)
    window.press("Right")
    window.until(lambda screen: "2/2" in screen and screen.count("boats and ships") >= 2)


def has_it_answered_again(window: Terminal) -> None:
    window.press("r")
    # The other answer is out of the way.
    window.until(lambda screen: screen.count("2/2") == 2 and "writing" not in screen)
    window.until(lambda screen: screen.count("boats and ships") == 2)
    window.press("i")
    window.until("Enter send")


def copies_code(window: Terminal) -> None:
    window.paste(PROGRAM)
    window.until("```")
    window.press("Enter")
    window.until(lambda screen: "── python" in screen and "tok/s" in screen)
    window.press("Tab")
    window.until("? keys")
    window.press("c")
    window.until("copied")
    assert window.clipboard() == PROGRAM.removeprefix("```python\n").removesuffix("```")


def looks_for_help(window: Terminal) -> None:
    window.press("?")
    window.until("Copy code block number N")
    window.leave("Copy code block number N")
    window.press("i")
    window.until("Enter send")
    window.press("F1")
    window.until("Break the line")
    window.leave("Break the line")
    window.press("C-p")
    window.until("What do you want to do?")
    window.type("theme")
    window.until("Choose a theme")
    window.leave("Choose a theme")


def names_tags_and_pins_the_chat(window: Terminal) -> None:
    window.press("F8")
    window.until("Rename this chat")
    window.press("C-u")
    window.type("On the water")
    window.press("Enter")
    window.until(lambda screen: "On the water" in screen.splitlines()[_TITLE])
    window.type("/tag")
    window.until("/tag-chat")
    window.press("Enter")
    window.until("Tag this chat: /tag work")
    window.type("sea")
    window.press("Enter")
    window.until(lambda screen: "#sea" in screen.splitlines()[_TITLE])
    window.type("/pin")
    window.until("/pin-chat")
    window.press("Enter")
    window.until(lambda screen: "pinned  #sea" in screen.splitlines()[_TITLE])


def attaches_a_file(window: Terminal) -> None:
    window.type("/new")
    window.until("/new-chat")
    window.press("Enter")
    window.until("New chat")
    window.type("What is in @no")
    window.until("notes.txt")
    window.press("Tab")
    window.until("What is in @notes.txt")
    window.press("Enter")
    window.until("Remember the milk")


def searches_and_opens_what_is_found(window: Terminal) -> None:
    window.press("C-r")
    window.until("Search everything")
    window.type("ships")
    window.until("Messages")
    window.press("Enter")
    window.until(lambda screen: "On the water" in screen.splitlines()[_TITLE])


def puts_a_chat_into_the_trash_and_takes_that_back(window: Terminal) -> None:
    window.press("C-b")
    window.until("Search titles")
    window.until("Pinned")
    window.press("C-x")
    window.until_gone("On the water")
    window.press("C-z")
    window.until("On the water")
    window.leave("Search titles")


def leaves_with_a_draft(window: Terminal) -> None:
    window.press("C-n")
    window.until("New chat")
    window.type("a thought that waits")
    window.until("a thought that waits")
    window.press("C-q")
    window.until("ended with 0")


def finds_everything_again(window: Terminal) -> None:
    window.start_again(COMMAND)
    window.until("a thought that waits")
    window.press("C-b")
    window.until("On the water")
    window.leave("Search titles")
    window.press("C-c")
    window.until("Write a message")
    window.press("C-c")
    window.until("Ctrl+C again leaves")
    window.press("C-c")
    window.until("ended with 0")


def _status(screen: str) -> str:
    return screen.splitlines()[-1]


def _read(screen: str) -> list[str]:
    """The rows of the transcript, without the scroll bar."""
    rows = screen.splitlines()
    composer = next(number for number, row in enumerate(rows) if row.startswith("╭"))
    return [row[:78].rstrip() for row in rows[1:composer]]
