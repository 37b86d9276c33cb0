"""Rows under each other in columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def columns(head: Sequence[str], rows: Sequence[Sequence[str]], aligned: str = "") -> Iterator[str]:
    """Lines with columns as wide as their widest cells, each aligned ``<`` or ``>``."""
    marks = aligned or "<" * len(head)
    widths = [max(len(row[number]) for row in (head, *rows)) for number in range(len(head))]
    for row in (head, *rows):
        cells = zip(row, marks, widths, strict=True)
        yield "  ".join(f"{cell:{mark}{width}}" for cell, mark, width in cells).rstrip()
