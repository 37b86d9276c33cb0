"""What a key of vim's does: to the text, and for whom it has something else to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mode = Literal["insert", "replace", "normal", "visual", "visual line"]
Wish = Literal["", "send", "leave", "command", "copy", "say", "row up", "row down"]


@dataclass(frozen=True, slots=True)
class Change:
    """The text and the cursor afterwards."""

    text: str
    at: int
    wish: Wish = ""
    """What is left to others: to send what is written, to leave, to do a ``/`` command."""
    words: str = ""
    """The command, what is to be copied, or what is to be said."""


class Past:
    """The texts of before; what is typed between two Escs is one step."""

    _MOST = 200
    _MOST_LETTERS = 5_000_000

    def __init__(self) -> None:
        self._seen: tuple[str, int] = ("", 0)
        self._before: list[tuple[str, int]] = []
        self._after: list[tuple[str, int]] = []
        self._is_typing = False

    def notice(self, text: str, at: int) -> None:
        """Before a key: somebody else may have changed the text."""
        if text != self._seen[0] and not self._is_typing:
            self._keep(self._seen)
        self._is_typing = False
        self._seen = (text, at)

    def changed(self, change: Change, *, is_typing: bool) -> None:
        """After a key; what is typed then belongs to its step."""
        if change.text != self._seen[0] or is_typing:
            self._keep(self._seen)
        self._is_typing = is_typing
        self._seen = (change.text, change.at)

    def goes_on(self, change: Change) -> None:
        """The step that is being typed is not over."""
        self._is_typing = True
        self._seen = (change.text, change.at)

    def undo(self, text: str, at: int) -> Change:
        return self._step(self._before, self._after, text, at)

    def redo(self, text: str, at: int) -> Change:
        return self._step(self._after, self._before, text, at)

    def _keep(self, state: tuple[str, int]) -> None:
        if not self._before or self._before[-1][0] != state[0]:
            self._before.append(state)
        self._after.clear()
        letters = sum(len(text) for text, _ in self._before)
        while len(self._before) > self._MOST or letters > self._MOST_LETTERS:
            letters -= len(self._before.pop(0)[0])

    def _step(
        self, source: list[tuple[str, int]], target: list[tuple[str, int]], text: str, at: int
    ) -> Change:
        while source:
            state = source.pop()
            if state[0] != text:
                target.append((text, at))
                self._seen = state
                return Change(*state)
        return Change(text, at)
