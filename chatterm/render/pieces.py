"""Long paragraphs in pieces, so that one that grows is not drawn again from its beginning."""

from __future__ import annotations

import re

_BLANK = re.compile(r"[ \n]")
_CANDIDATES = 50


def pieces(content: str, size: int) -> list[str]:
    """A paragraph in pieces that are drawn one by one; where it is cut depends on nothing after.

    The cut is the first blank after ``size`` characters where no sign of Markdown is open.
    """
    found = []
    start = 0
    while (cut := _cut(content, start, size)) is not None:
        found.append(content[start:cut])
        start = cut + content[cut].isspace()
    return [*found, content[start:]]


def _cut(content: str, start: int, size: int) -> int | None:
    at = start + size
    last = start + 2 * size
    for _ in range(_CANDIDATES):
        found = _BLANK.search(content, at, last)
        if found is None:
            break
        at = found.end()
        if at < len(content) and _is_neutral(content[start : found.start()]):
            return found.start()
    else:
        return at - 1
    return last if len(content) > last else None


def _is_neutral(piece: str) -> bool:
    return (
        not piece.count("`") % 2
        and not piece.count("**") % 2
        and not piece.count("$") % 2
        and piece.count("[") == piece.count("]")
    )
