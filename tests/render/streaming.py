"""What must hold of a text that is drawn while it grows."""

from __future__ import annotations

import random
from collections.abc import Sequence

from chatterm.render.document import StreamDoc, render
from chatterm.render.layout import Layout
from chatterm.render.line import Line
from chatterm.render.theme import ANSI
from tests.render.documents import document, fragments


def plain(lines: Sequence[Line]) -> list[str]:
    return [line.text for line in lines]


def check(text: str, parts: Sequence[str], layout: Layout) -> None:
    """Draw after each part; what was said of rows is true, and the end is a clean drawing."""
    stream = StreamDoc(layout.width, ANSI, layout)
    before: list[Line] = []
    settled = 0
    has_links = "]:" in text
    for part in parts:
        stream.append(part)
        dirty, rows = stream.render()
        assert rows == len(stream.lines)
        assert stream.lines[:dirty] == before[:dirty], "rows above the first dirty one are the same"
        assert stream.settled >= settled
        if not has_links:
            assert plain(stream.lines[:settled]) == plain(before[:settled])
        before, settled = list(stream.lines), stream.settled
    stream.finish()
    clean = render(text, layout.width, ANSI, layout)
    assert plain(stream.lines) == plain(clean)
    assert stream.lines == clean
    if not has_links:
        assert plain(clean[:settled]) == plain(before[:settled])
    assert all(line.width <= max(layout.width, 8) for line in clean)


def fuzz(seed: int) -> None:
    rng = random.Random(seed)
    text = document(rng)
    layout = Layout(
        rng.choice([20, 40, 80, 120]), piece=rng.choice([60, 4_000]), sample=rng.choice([2, 20])
    )
    check(text, fragments(rng, text), layout)
