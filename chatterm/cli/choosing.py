"""What the commands about chats share: which chats are meant, when, and whether one is sure."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from chatterm.cli.completing import chat_ids
from chatterm.errors import ChattermError, ConfigError, NotFound

if TYPE_CHECKING:
    from chatterm.cli.console import Console
    from chatterm.store import Chat, Store

OneChat = Annotated[
    str,
    typer.Argument(metavar="ID", help="The id, or a unique part of it.", autocompletion=chat_ids),
]
ManyChats = Annotated[
    list[str],
    typer.Argument(metavar="ID...", help="Ids, or unique parts of them.", autocompletion=chat_ids),
]
Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")]


def each_chat(store: Store, refs: Sequence[str], *, deleted: bool = False) -> list[Chat]:
    """The chats that are meant; the list and the trash are looked through in turn."""
    return list(
        {chat.id: chat for chat in (one_chat(store, ref, deleted) for ref in refs)}.values()
    )


def one_chat(store: Store, ref: str, deleted: bool = False) -> Chat:
    """The chat that is meant: in the list, or else in the trash; with ``deleted`` the reverse."""
    try:
        return store.find_chat(ref, deleted=deleted)
    except NotFound as error:
        try:
            return store.find_chat(ref, deleted=not deleted)
        except ChattermError:
            raise error from None


def moment(text: str | None, option: str) -> float | None:
    """The time an option says, as the search language writes it."""
    from chatterm.store import moment

    if text is None:
        return None
    found = moment(text, time.time())
    if found is None:
        raise ConfigError(
            f"{option} is no date: {text!r}", hint="write it as 2026-01-31, 2026-01, 2026 or 7d"
        )
    return found


def make_sure(console: Console, what: str, yes: bool) -> None:
    """Ask before something is destroyed; where nobody can be asked, ``--yes`` must be given."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfigError(
            f"asked to {what}, and there is nobody to confirm it", hint="say --yes if that is meant"
        )
    console.aside(f"{what[0].upper()}{what[1:]}? This cannot be undone. [y/N] ")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise ConfigError("nothing was changed", hint="answer y to go on")
