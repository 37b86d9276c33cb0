"""Keys that arrive together have the effect that they have one by one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import slow_echo
from tests.tui.terminal import COMMAND, Terminal, needs_tmux, terminal

pytestmark = [needs_tmux, pytest.mark.slow]


@pytest.fixture
def chat(home: Path, tmp_path: Path) -> Iterator[Terminal]:
    """A chat with one answer."""
    with terminal(tmp_path) as opened:
        opened.start(f"{COMMAND} -m echo", 100, 24)
        opened.until("Write a message")
        opened.burst("the first prompt", "Enter")
        opened.until(lambda screen: screen.count("the first prompt") == 3 and "tok/s" in screen)
        yield opened


def composer(screen: str) -> str:
    """What stands in the line one writes in."""
    lines = [line.rstrip() for line in screen.splitlines() if line.rstrip().endswith("│")]
    return lines[-1].rpartition("│ ")[2].strip(" │") if lines else ""


def test_what_is_typed_before_the_program_is_there_stands_in_the_composer(
    home: Path, tmp_path: Path
) -> None:
    with terminal(tmp_path) as opened:
        opened.start("cat > /dev/null")
        opened.tmux("respawn-window", "-k", f"{COMMAND} -m echo")
        opened.burst("said early")
        opened.until(lambda screen: composer(screen) == "said early")


def test_words_after_new_chat_stand_in_the_new_chat(chat: Terminal) -> None:
    chat.burst("C-n", "words of the second")
    screen = chat.until(lambda screen: composer(screen) == "words of the second")
    assert "New chat" in screen
    chat.press("C-PPage")
    chat.until(lambda screen: composer(screen) == "Write a message")


def test_words_after_search_are_searched_and_enter_opens_what_they_find(chat: Terminal) -> None:
    chat.burst("C-n", "C-r", "first prompt", "Enter", "and more")
    screen = chat.until(lambda screen: composer(screen) == "and more")
    assert "echo" in screen and "Search everything" not in screen


def test_words_after_a_chat_was_opened_from_the_list_are_its_draft(chat: Terminal) -> None:
    chat.burst("C-n", "C-b", "first", "Enter", "and more")
    screen = chat.until(lambda screen: "and more" in screen)
    assert screen.splitlines()[-3].endswith("│") and "and more" in screen.splitlines()[-3]


def test_words_after_a_model_was_chosen_are_written(chat: Terminal) -> None:
    chat.burst("C-o", "guide", "Enter", "now to the guide")
    screen = chat.until(lambda screen: composer(screen) == "now to the guide")
    assert screen.rstrip().endswith("guide")


def test_a_command_that_asks_gets_what_is_typed_then(chat: Terminal) -> None:
    chat.burst("C-p", "rename", "Enter", "A better name", "Enter", "a next prompt")
    screen = chat.until(lambda screen: composer(screen) == "a next prompt")
    assert screen.lstrip().startswith("A better name")


def test_a_prompt_is_edited_and_sent_in_one_go(chat: Terminal) -> None:
    chat.burst("Tab", "k", "e", "C-u", "another prompt", "Enter")
    chat.until(lambda screen: "2/2" in screen and screen.count("another prompt") >= 2)


def test_a_paste_waits_for_the_keys_before_it(chat: Terminal) -> None:
    chat.tmux("set-buffer", "--", "pasted words")
    chat.tmux("send-keys", "C-n", ";", "paste-buffer", "-p")
    screen = chat.until(lambda screen: composer(screen) == "pasted words")
    assert "New chat" in screen


def test_inline_what_is_written_while_an_answer_comes_is_sent_next(
    home: Path, tmp_path: Path
) -> None:
    slow_echo(home, 4)
    with terminal(tmp_path) as opened:
        opened.start(f"{COMMAND} chat --inline -m slow", 80, 24)
        opened.until("Enter send")
        opened.burst("one two three four five", "Enter")
        opened.until(lambda screen: "\none two" in screen)
        opened.burst("and then", "Enter", "not yet")
        screen = opened.until(lambda screen: composer(screen) == "not yet")
        said = [line for line in screen.splitlines() if line and line[0] in "> oan"]
        assert said[:4] == [
            "> one two three four five",
            "one two three four five",
            "> and then",
            "and then",
        ], "and nothing stands in between"


def test_inline_the_key_that_stops_clears_and_then_leaves(home: Path, tmp_path: Path) -> None:
    with terminal(tmp_path) as opened:
        opened.start(f"{COMMAND} chat --inline -m echo", 80, 24)
        opened.until("Enter send")
        opened.burst("never mind", "C-c")
        opened.until(lambda screen: composer(screen) == "Write a message")
        opened.burst("C-c")
        opened.until("again leaves")
        opened.burst("C-c")
        opened.until("ended with 0")
