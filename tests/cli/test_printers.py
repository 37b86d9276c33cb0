"""How an answer is printed whose final text is not what was streamed."""

from __future__ import annotations

import io
import json

import pytest

from chatterm.cli.console import Console
from chatterm.cli.json_printers import EventPrinter
from chatterm.cli.printers import TextPrinter
from chatterm.events import Replaced, TextDelta


@pytest.fixture
def streams() -> tuple[io.StringIO, io.StringIO]:
    return io.StringIO(), io.StringIO()


def test_a_final_text_that_reads_the_same_is_no_news(
    streams: tuple[io.StringIO, io.StringIO],
) -> None:
    printer = TextPrinter(Console(*streams, {}))
    printer.event(TextDelta("Hello "))
    printer.event(Replaced("Hello"))
    assert [stream.getvalue() for stream in streams] == ["Hello ", ""]


def test_a_final_text_that_differs_is_mentioned_apart_from_the_answer(
    streams: tuple[io.StringIO, io.StringIO],
) -> None:
    out, err = streams
    printer = TextPrinter(Console(out, err, {}))
    printer.event(TextDelta("Hello wor"))
    printer.event(Replaced("Goodbye"))
    assert out.getvalue() == "Hello wor"
    assert "the stored chat has the final text" in err.getvalue()


def test_a_final_text_of_which_nothing_was_streamed_is_the_answer(
    streams: tuple[io.StringIO, io.StringIO],
) -> None:
    out, err = streams
    TextPrinter(Console(out, err, {})).event(Replaced("Hello"))
    assert (out.getvalue(), err.getvalue()) == ("Hello", "")


def test_programs_are_told_of_the_final_text(streams: tuple[io.StringIO, io.StringIO]) -> None:
    EventPrinter(Console(*streams, {})).event(Replaced("Hello"))
    assert json.loads(streams[0].getvalue()) == {"event": "replaced", "text": "Hello"}
