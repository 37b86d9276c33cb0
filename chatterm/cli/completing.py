"""What the shell proposes on Tab. A proposal is never worth an error, so there are none."""

from __future__ import annotations

from collections.abc import Iterable

import typer

from chatterm.cli.context import context_of
from chatterm.errors import ChattermError
from chatterm.render.sanitise import sanitise

_CHATS = 50
"""The latest ones; more cannot be read in a terminal."""

Proposals = list[tuple[str, str]]
"""Each a word and what is said about it."""


def model_names(ctx: typer.Context, incomplete: str) -> Proposals:
    try:
        models = context_of(ctx).catalog().models
    except ChattermError:
        return []
    return _fitting(incomplete, ((name, entry.summary) for name, entry in models.items()))


def chat_ids(ctx: typer.Context, incomplete: str) -> Proposals:
    """Chats by id, and any chat whose title has what was typed."""
    try:
        context = context_of(ctx)
        if not context.paths().database.exists():
            return []
        with context.store() as store:
            chats = store.chats(limit=_CHATS)
    except ChattermError:
        return []
    return _fitting(incomplete.upper(), ((chat.id, chat.title) for chat in chats))


def template_names(ctx: typer.Context, incomplete: str) -> Proposals:
    found = context_of(ctx).templates()
    proposals = []
    for name in found.names():
        try:
            proposals.append((name, found.get(name).summary))
        except ChattermError:
            proposals.append((name, "cannot be used"))
    return _fitting(incomplete, proposals)


def parameter_names(incomplete: str) -> list[str]:
    import dataclasses

    from chatterm.params import Params

    names = [f"{field.name}=" for field in dataclasses.fields(Params)]
    return [name for name in names if name.startswith(incomplete)]


def _fitting(incomplete: str, words: Iterable[tuple[str, str]]) -> Proposals:
    return [(word, sanitise(about)) for word, about in words if word.startswith(incomplete)]
