"""Finds names by a few of their letters, in order, the best first: ``nc`` finds New chat."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

Marks = tuple[tuple[int, int], ...]

_WORD, _RUN, _GAP = 8, 5, 1


def match(query: str, text: str) -> tuple[int, Marks] | None:
    """How well ``text`` has the letters of ``query``, and where; None where it has not."""
    letters = query.lower().replace(" ", "")
    if not letters:
        return 0, ()
    lower = text.lower()
    found = lower.find(query.lower())
    if found >= 0:
        bonus = _WORD if _begins_word(text, found) else 0
        end = found + len(query)
        return 1000 + bonus - found - len(text) // 8, ((found, end),)
    best: tuple[int, list[int]] | None = None
    start = lower.find(letters[0])
    while start >= 0:
        run = _from(letters, lower, text, start)
        if run is not None and (best is None or run[0] > best[0]):
            best = run
        start = lower.find(letters[0], start + 1)
    return None if best is None else (best[0] - len(text) // 8, _joined(best[1]))


def ranked(
    query: str, items: Iterable[T], text: Callable[[T], str], most: int = 200
) -> list[tuple[T, Marks]]:
    """The items that match, the best first; equals keep their order."""
    if not query.strip():
        return [(item, ()) for item, _ in zip(items, range(most), strict=False)]
    scored = [
        (found[0], item, found[1])
        for item in items
        if (found := match(query.strip(), text(item))) is not None
    ]
    scored.sort(key=lambda entry: -entry[0])
    return [(item, marks) for _, item, marks in scored[:most]]


def _from(letters: str, lower: str, text: str, start: int) -> tuple[int, list[int]] | None:
    """Take each letter at the first place behind the one before, but rather where a word begins."""
    places = [start]
    score = _WORD if _begins_word(text, start) else 0
    for letter in letters[1:]:
        after = places[-1] + 1
        place = lower.find(letter, after)
        if place < 0:
            return None
        at_word = place
        while at_word >= 0 and not _begins_word(text, at_word):
            at_word = lower.find(letter, at_word + 1)
        if place != after and at_word >= 0:
            place = at_word
        score += _RUN if place == after else -_GAP * min(place - after, 5)
        score += _WORD if _begins_word(text, place) else 0
        places.append(place)
    return score, places


def _begins_word(text: str, at: int) -> bool:
    if at == 0:
        return True
    before, here = text[at - 1], text[at]
    return not before.isalnum() or (before.islower() and here.isupper())


def _joined(places: list[int]) -> Marks:
    marks: list[tuple[int, int]] = []
    for place in places:
        if marks and marks[-1][1] == place:
            marks[-1] = (marks[-1][0], place + 1)
        else:
            marks.append((place, place + 1))
    return tuple(marks)
