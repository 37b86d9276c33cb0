"""Where something ends whose beginning was seen: a JSON value, or what a closing tag closes.

Both are fed a text in pieces and look at each character once.
"""

from __future__ import annotations

import re
from typing import Protocol

_OUTSIDE = re.compile(r'["<{}\[\]]')
_INSIDE = re.compile(r'["\\]')


class NotACall(ValueError):
    """What began like a tool call is none."""


class End(Protocol):
    """Finds an end in a text that comes in pieces."""

    def feed(self, text: str, at: int) -> int:
        """One past the end, if it lies in ``text[at:]``; -1 if it is still to come."""
        ...


class JsonEnd:
    """Finds the bracket that closes the first one; what no JSON has ends it at once."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def feed(self, text: str, at: int) -> int:
        while at < len(text):
            if self._escaped:
                self._escaped = False
                at += 1
                continue
            match = (_INSIDE if self._in_string else _OUTSIDE).search(text, at)
            if match is None:
                return -1
            at = match.end()
            if self._closes(match.group()):
                return at
        return -1

    def _closes(self, sign: str) -> bool:
        match sign:
            case '"':
                self._in_string = not self._in_string
            case "\\":
                self._escaped = True
            case "<":
                raise NotACall
            case "{" | "[":
                self._depth += 1
            case _:
                self._depth -= 1
                return self._depth <= 0
        return False


class TagEnd:
    """Finds a closing tag; without one, nothing but the end of the answer is the end."""

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self._tail = ""

    def feed(self, text: str, at: int) -> int:
        if not self._tag:
            return -1
        window = self._tail + text[at:]
        found = window.find(self._tag)
        if found >= 0:
            end = at - len(self._tail) + found + len(self._tag)
            self._tail = ""
            return end
        keep = len(self._tag) - 1
        self._tail = window[-keep:] if keep else ""
        return -1
