"""Vim's keys, by what vim itself does with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatterm.config import Config, TuiSettings
from chatterm.store import Store
from chatterm.tui.vim import Vim
from tests.scripted import says
from tests.tui.driving import program


def run(keys: str, text: str, at: int = 0) -> tuple[str, int, str]:
    vim = Vim()
    vim.leave_insert(text, at)
    for letter in keys:
        if vim.mode == "insert":
            text, at = text[:at] + letter + text[at:], at + 1
        else:
            change = vim.key(letter, text, at)
            text, at = change.text, change.at
    return text, at, vim.mode


@pytest.mark.parametrize(
    ("keys", "text", "at", "after", "cursor"),
    [
        ("w", "one two", 0, "one two", 4),
        ("2w", "one two three", 0, "one two three", 8),
        ("w", "foo.bar", 0, "foo.bar", 3),
        ("W", "foo.bar baz", 0, "foo.bar baz", 8),
        ("e", "one two", 0, "one two", 2),
        ("b", "one two", 5, "one two", 4),
        ("$", "one\ntwo", 0, "one\ntwo", 2),
        ("0", "  one", 4, "  one", 0),
        ("^", "  one", 4, "  one", 2),
        ("j", "one\ntwo", 1, "one\ntwo", 5),
        ("k", "one\ntwo", 6, "one\ntwo", 2),
        ("G", "a\nb\nc", 0, "a\nb\nc", 4),
        ("gg", "a\nb\nc", 4, "a\nb\nc", 0),
        ("fo", "hello world", 0, "hello world", 4),
        ("2fo", "hello world", 0, "hello world", 7),
        ("to", "hello", 0, "hello", 3),
        ("Fh", "hello", 4, "hello", 0),
        ("dw", "one two", 0, "two", 0),
        ("d2w", "one two three", 0, "three", 0),
        ("de", "one two", 0, " two", 0),
        ("db", "one two", 4, "two", 0),
        ("dd", "a\nb\nc", 2, "a\nc", 2),
        ("dd", "a\nb", 2, "a", 0),
        ("2dd", "a\nb\nc", 0, "c", 0),
        ("dG", "a\nb\nc", 2, "a", 0),
        ("D", "one two", 3, "one", 2),
        ("x", "abc", 1, "ac", 1),
        ("3x", "abcd", 1, "a", 0),
        ("X", "abc", 1, "bc", 0),
        ("rz", "abc", 1, "azc", 1),
        ("~", "abc", 0, "Abc", 1),
        ("J", "one\n  two", 0, "one two", 3),
        ("yyp", "one\ntwo", 0, "one\none\ntwo", 4),
        ("yyP", "one", 1, "one\none", 0),
        ("ddp", "one\ntwo", 0, "two\none", 4),
        ("xp", "ab", 0, "ba", 1),
        ("dfo", "hello", 0, "", 0),
        ("yw$p", "one two", 0, "one twoone ", 10),
        ("dq", "abc", 1, "abc", 1),
    ],
)
def test_normal_mode(keys: str, text: str, at: int, after: str, cursor: int) -> None:
    assert run(keys, text, at) == (after, cursor, "normal")


@pytest.mark.parametrize(
    ("keys", "text", "at", "after"),
    [
        ("iX", "abc", 1, "aXbc"),
        ("aX", "abc", 1, "abXc"),
        ("IX", "  abc", 4, "  Xabc"),
        ("AX", "abc", 0, "abcX"),
        ("oX", "a\nb", 0, "a\nX\nb"),
        ("OX", "a\nb", 2, "a\nX\nb"),
        ("cwX", "one two", 0, "X two"),
        ("ccX", "a\nb\nc", 2, "a\nX\nc"),
        ("CX", "one two", 4, "one X"),
        ("sX", "abc", 1, "aXc"),
        ("SX", "abc", 1, "X"),
        ("ctoX", "hello", 0, "Xo"),
    ],
)
def test_what_begins_inserting(keys: str, text: str, at: int, after: str) -> None:
    assert run(keys, text, at)[0] == after
    assert run(keys, text, at)[2] == "insert"


def test_escape_leaves_insert_one_to_the_left() -> None:
    vim = Vim()
    assert vim.leave_insert("abc", 3).at == 2
    assert vim.leave_insert("a\nbc", 2).at == 2


def test_undo_is_left_to_the_widget() -> None:
    vim = Vim()
    vim.mode = "normal"
    assert vim.key("u", "a", 0).other == "undo"


async def test_the_composer_has_vims_modes_where_wanted(store: Store, home: Path) -> None:
    config = Config(model="scripted", tui=TuiSettings(vim=True))
    async with program(store, home, says("fine"), config=config) as ran:
        await ran.type("one two")
        await ran.press("escape")
        assert "NORMAL" in ran.status
        await ran.type("bcw2 words")
        assert ran.composer.text == "one 2 words"
        await ran.press("escape", "u")
        assert ran.composer.text != "one 2 words"
        await ran.press("enter")
        await ran.answered()
        assert ran.texts()[1] == "fine"
        assert "INSERT" in ran.status
