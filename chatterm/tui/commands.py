"""The ``/`` commands of the composer: actions by name, a few that take words, and templates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chatterm.templates import Template
from chatterm.tui.actions import ACTIONS, Action
from chatterm.tui.fuzzy import ranked
from chatterm.tui.kept import about
from chatterm.tui.widgets.rows import Row

WITH_WORDS: Mapping[str, str] = {
    "title": "Rename this chat: /title New name",
    "tag": "Tag this chat: /tag work",
    "log-in": "Log in to a server: /log-in NAME or URL",
    "model": "Choose the model: /model NAME",
    "search": "Search everything: /search words",
    "system": "Begin a new chat with a system prompt: /system You are …",
    "set": "Set a parameter: /set temperature 0.7",
}


def command_rows(query: str, templates: Iterable[Template] = ()) -> list[Row]:
    """What ``/`` and these letters may become."""
    known: dict[str, str] = dict(WITH_WORDS)
    for action in ACTIONS:
        if action.in_palette:
            known.setdefault(action.id, action.label)
    for template in templates:
        known.setdefault(template.name, about(template))
    return [
        Row(f"/{name}", f"/{name}", right=known[name])
        for name, _ in ranked(query, sorted(known), lambda name: name, most=50)
    ]


def parsed(line: str, templates: Iterable[Template] = ()) -> tuple[str, str] | None:
    """Name and words of a command; None for what is a message after all."""
    text = line.strip()
    if not text.startswith("/"):
        return None
    name, _, words = text[1:].partition(" ")
    if "\n" not in text and (name in WITH_WORDS or action_of(name) is not None):
        return name, words.strip()
    name, words = _split(text)
    if any(template.name == name for template in templates):
        return name, words
    return None


def _split(text: str) -> tuple[str, str]:
    """What a template is given may have lines."""
    parts = text[1:].split(maxsplit=1)
    return (parts[0], parts[1]) if len(parts) > 1 else ("".join(parts), "")


def needs_words(name: str) -> bool:
    """Whether a command does nothing by its name alone."""
    return name in WITH_WORDS and action_of(name) is None


def action_of(name: str) -> Action | None:
    return next((action for action in ACTIONS if action.id == name), None)
