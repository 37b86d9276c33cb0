"""Rendered text on a terminal, against a terminal emulator that knows what scrolled away."""

from __future__ import annotations

import os
import random
from typing import Any

import pyte
import pytest

from chatterm.cli.live import layout_for
from chatterm.cli.paper import Paper
from chatterm.render.ansi import Colour, written
from chatterm.render.document import StreamDoc, render
from tests.render.documents import document, fragments


class Screen:
    """A terminal without a program."""

    def __init__(self, columns: int, rows: int) -> None:
        self.screen: Any = pyte.HistoryScreen(columns, rows, history=100_000, ratio=0.5)
        self._stream: Any = pyte.Stream(self.screen)

    def feed(self, text: str) -> None:
        self._stream.feed(text.replace("\n", "\r\n"))

    def scrolled(self) -> list[str]:
        width = self.screen.columns
        return ["".join(row[x].data for x in range(width)) for row in self.screen.history.top]

    def rows(self) -> list[str]:
        return [row.rstrip() for row in [*self.scrolled(), *self.screen.display]]


def stream(text: str, parts: list[str], columns: int, lines: int, colour: Colour) -> None:
    """Print it as it grows: the scrollback only grows, and all of it ends as a clean drawing."""
    layout = layout_for(os.terminal_size((columns, lines)))
    grows = StreamDoc(columns, colour.theme, layout)
    paper, screen = Paper(), Screen(columns, lines)
    gone: list[str] = []

    def put(settled: int, end: int) -> None:
        done = paper.done
        rows = written(grows.lines[done:end], colour)
        screen.feed(paper.write(rows, max(0, min(settled, end) - done), lines))

    for part in parts:
        grows.append(part)
        grows.render()
        put(grows.settled, min(len(grows.lines), grows.settled + lines - 1))
        now = screen.scrolled()
        assert now[: len(gone)] == gone
        gone = now
    grows.finish(relink=False)
    put(len(grows.lines), len(grows.lines))
    clean = [line.text for line in grows.lines]
    shown = screen.rows()
    while shown and not shown[-1]:
        shown.pop()
    while clean and not clean[-1].strip():
        clean.pop()
    assert shown == [row.rstrip() for row in clean]
    if "]:" not in text:
        assert grows.lines == render(text, columns, colour.theme, layout)


def is_measured_alike(text: str) -> bool:
    """Whether the emulator gives every character the width that terminals give it."""
    return not any(sign in text for sign in "\u200d\ufe0f\u0301\x1b\u202e&")


@pytest.mark.parametrize("seed", range(40))
def test_random_answers_end_as_a_clean_drawing(seed: int) -> None:
    rng = random.Random(seed)
    text = document(rng)
    while not is_measured_alike(text):
        text = document(rng)
    columns, lines = rng.choice([(20, 6), (40, 10), (80, 24), (200, 50)])
    stream(text, fragments(rng, text), columns, lines, Colour.NONE)


TALL = {
    "code": "```python\n" + "".join(f"x{n} = {n}  # a line\n" for n in range(100)) + "```\n\nend\n",
    "table": "| n | words |\n|---|---|\n" + "| 1 | some words in a cell |\n" * 90 + "\nend\n",
    "paragraph": "word after word " * 400 + "\n\nend",
    "list": "".join(f"{n}. an item of the list\n" for n in range(1, 90)) + "\nend",
    "item": "- " + "word after word " * 300 + "\n\nend",
    "quote": "> " + "word after word " * 300 + "\n\nend",
    "nested code": "- item\n\n  ```\n" + "  line of code\n" * 90 + "  ```\n- next\n",
    "html": "<!--\n" + "a line of a comment\n" * 90 + "-->\n\nend\n",
    "formula": "$$\n" + "x = y\n" * 50 + "$$\n\nend\n",
}


@pytest.mark.parametrize("name", TALL)
@pytest.mark.parametrize("size", [(20, 8), (80, 12)])
def test_blocks_taller_than_the_screen_are_never_rewritten(
    name: str, size: tuple[int, int]
) -> None:
    text = TALL[name]
    stream(text, fragments(random.Random(1), text, 40), *size, Colour.NONE)


def test_nothing_is_sent_where_nothing_changed() -> None:
    paper = Paper()
    assert paper.write(["a", "b"], 1, 24)
    assert paper.write(["b"], 0, 24) == ""


def test_only_rows_that_changed_are_sent() -> None:
    paper = Paper()
    paper.write(["one", "two", "three"], 0, 24)
    sent = paper.write(["one", "two", "threes"], 0, 24)
    assert "two" not in sent
    assert "threes" in sent
