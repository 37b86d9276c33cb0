"""The ``/`` commands of the composer: actions by name, and a few that take words."""

from __future__ import annotations

from collections.abc import Mapping

from chatterm.tui.actions import ACTIONS, Action
from chatterm.tui.fuzzy import ranked
from chatterm.tui.widgets.rows import Row

WITH_WORDS: Mapping[str, str] = {
    "title": "Rename this chat: /title New name",
    "tag": "Tag this chat: /tag work",
    "model": "Choose the model: /model NAME",
    "search": "Search everything: /search words",
    "system": "Begin a new chat with a system prompt: /system You are …",
    "set": "Set a parameter: /set temperature 0.7",
}


def command_rows(query: str) -> list[Row]:
    """What ``/`` and these letters may become."""
    known: dict[str, str] = dict(WITH_WORDS)
    for action in ACTIONS:
        if action.in_palette:
            known.setdefault(action.id, action.label)
    return [
        Row(f"/{name}", f"/{name}", right=known[name])
        for name, _ in ranked(query, sorted(known), lambda name: name, most=50)
    ]


def parsed(line: str) -> tuple[str, str] | None:
    """Name and words of a command; None for what is a message after all."""
    text = line.strip()
    if not text.startswith("/") or "\n" in text:
        return None
    name, _, words = text[1:].partition(" ")
    if name in WITH_WORDS or any(action.id == name for action in ACTIONS):
        return name, words.strip()
    return None


def action_of(name: str) -> Action | None:
    return next((action for action in ACTIONS if action.id == name), None)
