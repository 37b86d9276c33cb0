"""The commands nearest to a question, by the program's own help."""

from __future__ import annotations

import pytest

from chatterm.cli.nearest import nearest_commands


@pytest.mark.parametrize(
    ("question", "command"),
    [
        ("I need to find an old conversation, searching for a word", "chatterm search"),
        ("stopping the engine", "chatterm engine stop"),
        ("listing all my chats", "chatterm chats list"),
    ],
)
def test_the_right_command_is_among_them(question: str, command: str) -> None:
    found = nearest_commands(question)
    assert command in found
    assert len(found) <= 3


@pytest.mark.parametrize("question", ["", "how do I do it?", "zzz", "漢字", "\x1b[31m"])
def test_where_nothing_is_near_the_help_is(question: str) -> None:
    assert nearest_commands(question) == ["chatterm --help"]
