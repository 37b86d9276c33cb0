"""``chatterm chats delete|restore|prune``: into the trash, back, and out of it for good."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from chatterm.cli.choosing import ManyChats, Yes, each_chat, make_sure
from chatterm.cli.context import Context, context_of

if TYPE_CHECKING:
    from chatterm.store import Chat, Store

_DAY = 86400


def delete(
    ctx: typer.Context,
    chats: ManyChats,
    forever: Annotated[
        bool, typer.Option("--forever", help="Leave no trace of them in the database.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Put chats in the trash; restore brings them back.

    Example: chatterm chats delete 01K9
    """
    context = context_of(ctx)
    with context.store() as store:
        found = each_chat(store, chats)
        if forever:
            make_sure(context.console, f"remove {_named(found)} for good", yes)
            _remove(context, store, [chat.id for chat in found])
        else:
            with store.atomic():
                for chat in found:
                    store.delete_chat(chat.id)
    where = "removed for good" if forever else "in the trash; chatterm chats restore brings it back"
    for chat in found:
        context.console.note(f"{chat.id}  {chat.title}: {where}")


def restore(ctx: typer.Context, chats: ManyChats) -> None:
    """Take chats out of the trash.

    Example: chatterm chats restore 01K9
    """
    context = context_of(ctx)
    with context.store() as store, store.atomic():
        for chat in each_chat(store, chats, deleted=True):
            store.restore_chat(chat.id)
            context.console.note(f"{chat.id}  {chat.title}: restored")


def prune(
    ctx: typer.Context,
    days: Annotated[
        float, typer.Option("--days", min=0, help="Only what has been there that long.")
    ] = 30,
    yes: Yes = False,
) -> None:
    """Remove for good what has been in the trash for long.

    Example: chatterm chats prune --days 90 --yes
    """
    context = context_of(ctx)
    limit = time.time() - days * _DAY
    with context.store() as store:
        doomed = store.in_trash(limit)
        if doomed:
            make_sure(context.console, f"remove {_count(doomed)} for good", yes)
            _remove(context, store, doomed)
    context.console.note(f"{_count(doomed)} removed for good")


def _named(chats: list[Chat]) -> str:
    return f"the chat {chats[0].title!r}" if len(chats) == 1 else _count(chats)


def _count(things: list[Chat] | list[str]) -> str:
    return f"{len(things)} chat{'s' * (len(things) != 1)}"


def _remove(context: Context, store: Store, chat_ids: list[str]) -> None:
    if not store.delete_forever(*chat_ids, progress=Teller(context)):
        context.console.note(
            "another chatterm is reading the database: its log, chatterm.db-wal, keeps the words"
            " until the last one ends"
        )


class Teller:
    """Says that something takes long, once it does."""

    def __init__(self, context: Context) -> None:
        self._console = context.console
        self._started = time.monotonic()
        self._said = self._started

    def __call__(self, stage: str) -> None:
        now = time.monotonic()
        if now - self._started > 1 and now - self._said > 1:
            self._said = now
            self._console.note(f"{stage}: {now - self._started:.0f} s")
