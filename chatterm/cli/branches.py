"""Draws the tree of a chat in outline: a line a message, moved in only where branches part."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatterm.messages import Message

_WORDS = 60
_SHOWN_OF_ID = 8
_VOTES = {1: " +1", -1: " -1"}


def outline(
    messages: Sequence[Message], shown: Collection[str], votes: Mapping[str, int]
) -> Iterator[str]:
    """Lines with the end of each id; a star is before what the chat shows."""
    below: dict[str | None, list[Message]] = {}
    for message in messages:
        below.setdefault(message.parent_id, []).append(message)
    # A stack and not recursion: a chat may be thousands of messages deep.
    waiting = [(message, "") for message in reversed(below.get(None, []))]
    while waiting:
        message, margin = waiting.pop()
        siblings = below[message.parent_id]
        if len(siblings) == 1:
            turn, inner = "", margin
        elif message is siblings[-1]:
            turn, inner = "└─ ", margin + "   "
        else:
            turn, inner = "├─ ", margin + "│  "
        star = "*" if message.id in shown else " "
        yield f"{star} {margin}{turn}{_line(message)}{_VOTES.get(votes.get(message.id, 0), '')}"
        waiting += [(child, inner) for child in reversed(below.get(message.id, []))]


def _line(message: Message) -> str:
    words = " ".join(message.text[: 4 * _WORDS].split())
    if len(words) > _WORDS:
        words = words[: _WORDS - 1] + "…"
    state = "" if message.state == "complete" else f" [{message.state}]"
    return f"{message.id[-_SHOWN_OF_ID:]} {message.role}{state}: {words}"
