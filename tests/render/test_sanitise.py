"""Nothing that a terminal would obey gets through."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chatterm.render.sanitise import Cleaner, sanitise


def test_control_characters_become_visible() -> None:
    assert sanitise("a\x1b[31mb\x07\x00\x7f") == "a␛[31mb␇␀␡"
    assert sanitise("\x9b31m") == "\ufffd31m"


def test_breaks_and_tabs_stay() -> None:
    assert sanitise("a\r\nb\tc\u2028d\u2029") == "a\nb\tc\nd\n"


def test_text_cannot_be_reversed() -> None:
    assert sanitise("\u202eabc\u2066") == "\ufffdabc\ufffd"


def test_marks_that_show_nothing_are_dropped() -> None:
    assert sanitise("שלום\u200f, co\u00adop") == "שלום, coop"


def test_a_joiner_stays_where_it_joins() -> None:
    assert sanitise("a\u200d\u200db é\u200dx 日\u200d本") == "ab éx 日本"
    for joined in ("👩🏽\u200d💻", "🏳\ufe0f\u200d🌈", "क्\u200dष", "ه\u200d"):
        assert sanitise(joined) == joined


def test_half_characters_are_replaced() -> None:
    assert sanitise("a\udc80\ud83d") == "a\ufffd\ufffd"


@given(st.text(st.sampled_from("a\r\n\x1b \u202e\u200d👩"), max_size=30), st.data())
def test_any_cut_gives_the_same(text: str, data: st.DataObject) -> None:
    cleaner = Cleaner()
    cleaned = ""
    rest = text
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        cleaned += cleaner.feed(rest[:size])
        rest = rest[size:]
    assert cleaned + cleaner.finish() == sanitise(text)
