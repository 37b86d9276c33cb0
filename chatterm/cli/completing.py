"""What the shell proposes on Tab. A proposal is never worth an error, so there are none.

Shells evaluate what they are given, and titles may come from a model: nothing but plain words and
signs without a meaning to any shell leaves this module.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import typer

from chatterm.cli.context import Context, context_of
from chatterm.errors import ChattermError

_CHATS = 50
"""The latest ones; more cannot be read in a terminal."""
_PLAIN = re.compile(r"[\w./:+=@-]+")
_NOT_PLAIN = re.compile(r"[^\w .,:+/=-]+")

Proposals: TypeAlias = list[tuple[str, str]]
"""Each a word and what is said about it."""
_Known: TypeAlias = Callable[[Context], Iterable[tuple[str, str]]]
_Completer: TypeAlias = Callable[[typer.Context, str], Proposals]


def is_completing(env: Mapping[str, str]) -> bool:
    """Whether a shell asks, and not a user."""
    return "_CHATTERM_COMPLETE" in env


def line_so_far(env: Mapping[str, str]) -> list[str]:
    """The words before the one that is being completed, the program's name first."""
    if "_TYPER_COMPLETE_ARGS" in env:
        line = env["_TYPER_COMPLETE_ARGS"]
        # PowerShell leaves the blank out that stands before a word yet to be begun.
        is_begun = env.get("_TYPER_COMPLETE_WORD_TO_COMPLETE", line[-1:].strip())
        return line.split()[:-1] if is_begun else line.split()
    words = env.get("COMP_WORDS", "").split()
    at = env.get("COMP_CWORD", "")
    return words[: int(at)] if at.isdecimal() else words


def _proposing(known: _Known) -> _Completer:
    """Of what is known, that which begins with what was typed."""

    def complete(ctx: typer.Context, incomplete: str) -> Proposals:
        try:
            words = list(known(context_of(ctx)))
        except ChattermError:
            return []
        typed = incomplete.casefold()
        return [
            (word, " ".join(_NOT_PLAIN.sub(" ", about).split()))
            for word, about in words
            if word.casefold().startswith(typed) and _PLAIN.fullmatch(word)
        ]

    return complete


@_proposing
def remote_names(context: Context) -> Iterable[tuple[str, str]]:
    return [(entry.name, entry.kind) for entry in context.catalog().remotes.values()]


@_proposing
def model_names(context: Context) -> Iterable[tuple[str, str]]:
    """Those that can answer now: built in, on this machine, or on a remote when it was asked."""
    from chatterm.engine.library import PROGRAMS, open_library
    from chatterm.remote.remembered import remembered_models

    catalog = context.catalog()
    for name, entry in catalog.models.items():
        if not entry.files:
            yield name, entry.summary
    for model in open_library(context.paths(), catalog).models:
        if not model.file.problem:
            about = model.entry.summary if model.entry else f"in {PROGRAMS[model.file.place]}"
            yield model.name, about
    yield from remembered_models(context.paths(), catalog.remotes.values())


@_proposing
def catalogue_names(context: Context) -> Iterable[tuple[str, str]]:
    """Those that can be pulled."""
    models = context.catalog().models
    return ((name, entry.summary) for name, entry in models.items() if entry.files)


@_proposing
def known_model_names(context: Context) -> Iterable[tuple[str, str]]:
    """Those that are here, and those that can be had."""
    from chatterm.engine.library import open_library

    catalog = context.catalog()
    here = ((model.name, "") for model in open_library(context.paths(), catalog).models)
    every = {**dict(here), **{name: entry.summary for name, entry in catalog.models.items()}}
    return every.items()


@_proposing
def chat_ids(context: Context) -> Iterable[tuple[str, str]]:
    """Chats by id, the latest first, with their titles."""
    if not context.paths().database.exists():
        return []
    with context.store() as store:
        return [(chat.id, chat.title) for chat in store.chats(limit=_CHATS)]


@_proposing
def tag_names(context: Context) -> Iterable[tuple[str, str]]:
    """The tags of the latest chats."""
    if not context.paths().database.exists():
        return []
    with context.store() as store:
        tags = {tag for chat in store.chats(limit=1000) for tag in chat.tags}
    return [(tag, "") for tag in sorted(tags)]


@_proposing
def template_names(context: Context) -> Iterable[tuple[str, str]]:
    templates = context.templates()
    for name in templates.names():
        try:
            yield name, templates.get(name).summary
        except ChattermError:
            yield name, "cannot be used"


@_proposing
def parameter_names(_: Context) -> Iterable[tuple[str, str]]:
    import dataclasses

    from chatterm.params import Params

    return ((f"{field.name}=", "") for field in dataclasses.fields(Params))


@_proposing
def scopes(_: Context) -> Iterable[tuple[str, str]]:
    """What a key of a server may do."""
    from chatterm.server.keys import Scope

    return [(str(scope), "") for scope in Scope]


@_proposing
def server_user_names(context: Context) -> Iterable[tuple[str, str]]:
    """Those who may use this machine's server."""
    from chatterm.cli.people import people_of

    if not context.paths().server_database.exists():
        return []
    with people_of(context) as people:
        return [(user.name, "admin" if user.is_admin else "") for user in people.users.all()]


@_proposing
def server_keys(context: Context) -> Iterable[tuple[str, str]]:
    """Keys that open something, by name or else by id."""
    from chatterm.cli.people import people_of

    if not context.paths().server_database.exists():
        return []
    with people_of(context) as people:
        keys = [key for key in people.keys.all() if key.revoked_at is None]
    return [(key.name or key.id, f"{key.hint}… {' '.join(sorted(key.scopes))}") for key in keys]
