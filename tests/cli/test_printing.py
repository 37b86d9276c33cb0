"""What goes to stderr while an answer comes: progress on a terminal, reasoning, notices."""

from __future__ import annotations

import io

import pytest

from chatterm.cli.answering import text_printer
from chatterm.cli.console import Console
from chatterm.events import Event, Notice, Progress, Queued, ReasoningDelta, TextDelta


class Stream(io.StringIO):
    """A stream that may be a terminal."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


EVENTS: list[Event] = [
    Queued(1, 3),
    Progress("load", 500, 1000),
    Progress("prompt", 512, 2048),
    ReasoningDelta("Let me \x1b[2Jthink."),
    TextDelta("Hello"),
    Notice("context", "something was left out"),
]


def said(
    *, is_terminal: bool, plain: bool = False, quiet: bool = False, reasoning: bool = True
) -> str:
    err = Stream(is_terminal=is_terminal)
    console = Console(Stream(is_terminal=False), err, {})
    console.plain, console.quiet = plain, quiet
    printer = text_printer(console, {}, color="auto", plain=plain, reasoning=reasoning)
    for event in EVENTS:
        printer.event(event)
    printer.failed()
    return err.getvalue()


def test_a_terminal_shows_progress_on_one_line_and_takes_it_away() -> None:
    text = said(is_terminal=True)
    assert text.startswith(
        "\r\x1b[Kwaiting: 2 of 3\r\x1b[Kloading the model: 50 %"
        "\r\x1b[Kreading the prompt: 512 of 2,048 tokens\r\x1b[K\x1b[2mLet me ␛[2Jthink.\x1b[22m"
    )
    assert text.endswith("something was left out\n")


@pytest.mark.parametrize(("is_terminal", "plain"), [(True, True), (False, False)])
def test_elsewhere_nothing_moves(is_terminal: bool, plain: bool) -> None:
    text = said(is_terminal=is_terminal, plain=plain)
    assert "\r" not in text
    assert text.splitlines()[0] == "waiting: 2 of 3"
    assert "loading" not in text


def test_reasoning_can_be_left_out() -> None:
    text = said(is_terminal=True, reasoning=False)
    assert "think." not in text
    assert "\r\x1b[Kthinking\r\x1b[K" in text


def test_quiet_is_quiet() -> None:
    assert said(is_terminal=True, quiet=True) == ""
