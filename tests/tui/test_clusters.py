"""Signs of several characters take the cells that they are counted as."""

from __future__ import annotations

import pytest

from chatterm.tui.clusters import steadied


@pytest.mark.parametrize(
    "sign",
    ["👨‍👩‍👧‍👦", "👩🏽‍💻", "🇩🇪", "❤️", "1️⃣", "👍🏽", "⌚︎", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏳️‍🌈"],
    ids=["family", "work", "flag", "heart", "keycap", "thumb", "plain", "England", "rainbow"],
)
def test_the_cursor_is_set_by_hand_behind_a_sign(sign: str) -> None:
    assert steadied(f"a {sign} b") == f"a \x1b7  \x1b8\x1b[?7l{sign}\x1b8\x1b[?7h\x1b[2C b"


def test_each_of_several_is_placed() -> None:
    assert steadied("🇩🇪🇫🇷").count("\x1b7") == 2
    assert steadied("☀️☁️ ✈️").count("\x1b7") == 3


@pytest.mark.parametrize(
    "text",
    ["", "words", "日本語 😀", "a\u200db", "क्‍षि", "\u200d", "\ufe0f", "🇩", "│ 1 # *"],
)
def test_anything_else_is_sent_as_it_is(text: str) -> None:
    assert steadied(text) == text


def test_the_address_of_a_link_stays_whole() -> None:
    link = "\x1b]8;id=1;https://example.org/❤️\x1b\\"
    assert steadied(f"{link}words\x1b]8;;\x1b\\") == f"{link}words\x1b]8;;\x1b\\"
