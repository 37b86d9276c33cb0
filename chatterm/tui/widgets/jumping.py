"""The jump mode: what is in sight and can be gone to, copied or opened, each with a letter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from chatterm.render.line import Line
from chatterm.tui.widgets.turns import HEADER, REASONING, STEP, Drawn

LETTERS = "asdfghjklqwertyuiopzxcvbnm"


@dataclass(frozen=True, slots=True)
class Target:
    """Something on the screen."""

    kind: Literal["turn", "code", "link", "fold"]
    place: tuple[int, int]
    x: int = 0
    """The character where it begins."""
    address: str = ""


def targets(view: Iterable[tuple[int, int] | None], drawn: Callable[[int], Drawn]) -> list[Target]:
    """Everything in sight, from the top."""
    found: list[Target] = []
    for place in view:
        if place is not None:
            found += _on_row(drawn(place[0]).line(place[1]), place)
    return found


def labels(found: Sequence[Target]) -> dict[str, Target]:
    """A letter for each, as far as letters go."""
    return dict(zip(LETTERS, found, strict=False))


def numbers(turn: int, drawn: Drawn) -> dict[str, Target]:
    """A digit for each code block of a turn, in sight or not, as far as digits go."""
    rows = [row for row in range(len(drawn)) if drawn.line(row).mark == "code"]
    return {str(n): Target("code", (turn, row)) for n, row in enumerate(rows[:9], 1)}


def _on_row(line: Line, place: tuple[int, int]) -> list[Target]:
    if line.mark == HEADER:
        return [Target("turn", place)]
    if line.mark == "code":
        return [Target("code", place)]
    if line.mark == REASONING or line.mark.startswith(STEP):
        return [Target("fold", place)]
    found = []
    at = 0
    last = ""
    for segment in line.segments:
        address = (segment.style.link or "") if segment.style else ""
        if address and address != last:
            found.append(Target("link", place, at, address))
        last = address
        at += len(segment.text)
    return found
