"""``chatterm chats rename|tag|pin|vote|fork``: changes that destroy nothing."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from chatterm.cli.choosing import ManyChats, OneChat, each_chat, one_chat
from chatterm.cli.completing import tag_names
from chatterm.cli.context import context_of
from chatterm.cli.text import readable
from chatterm.errors import ConfigError


def rename(
    ctx: typer.Context,
    chat: OneChat,
    title: Annotated[list[str], typer.Argument(metavar="TITLE...", help="Its new title.")],
) -> None:
    """Give a chat a title, which no automatic one replaces.

    Example: chatterm chats rename 01K9 Plans for the garden
    """
    context = context_of(ctx)
    words = " ".join(readable(" ".join(title)).split())
    if not words:
        raise ConfigError("the title is empty", hint="give it a few words")
    with context.store() as store:
        store.rename(one_chat(store, chat).id, words, by_user=True)


def tag(
    ctx: typer.Context,
    chat: OneChat,
    tags: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TAG]...", help="To add.", autocompletion=tag_names),
    ] = None,
    remove: Annotated[
        list[str] | None, typer.Option("-r", "--remove", metavar="TAG", help="To take off.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """Add and remove tags, and print those the chat then has.

    Example: chatterm chats tag 01K9 work -r urgent
    """
    context = context_of(ctx)
    context.console.json_errors = as_json
    with context.store() as store:
        chat_id = one_chat(store, chat).id
        with store.atomic():
            for added in tags or []:
                store.tag(chat_id, readable(added))
            for removed in remove or []:
                store.untag(chat_id, readable(removed))
        now = store.chat(chat_id).tags
    if as_json:
        context.console.json(list(now))
    else:
        context.console.write("".join(f"{name}\n" for name in now))


def pin(
    ctx: typer.Context,
    chats: ManyChats,
    off: Annotated[bool, typer.Option("--off", help="Take the pin off again.")] = False,
) -> None:
    """Pin chats, for --pinned to find.

    Example: chatterm chats pin 01K9
    """
    with context_of(ctx).store() as store, store.atomic():
        for chat in each_chat(store, chats):
            store.pin(chat.id, pinned=not off)


def vote(
    ctx: typer.Context,
    message: Annotated[str, typer.Argument(metavar="MESSAGE_ID", help="Or a unique part of it.")],
    score: Annotated[Literal["up", "down", "none"], typer.Argument(help="What you think of it.")],
) -> None:
    """Say that an answer is good or bad; exported preference pairs are made of that.

    Example: chatterm chats vote Q4ZK7M2T up
    """
    with context_of(ctx).store() as store:
        store.vote(store.find_message(message), {"up": 1, "down": -1, "none": 0}[score])


def fork(
    ctx: typer.Context,
    chat: OneChat,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="MESSAGE_ID", help="The last message to take; else all."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Copy a chat up to a message into a new one, and print the new id.

    Example: chatterm chats fork 01K9 --at Q4ZK7M2T
    """
    context = context_of(ctx)
    context.console.json_errors = as_json
    with context.store() as store:
        source = one_chat(store, chat)
        place = store.find_message(at, chat_id=source.id) if at is not None else source.tip_id
        if place is None:
            raise ConfigError("this chat has no messages", hint="choose another chat")
        made = store.fork(source.id, place)
    if as_json:
        context.console.json({"chat_id": made.id, "forked_from": source.id, "message_id": place})
    else:
        context.console.line(made.id)
