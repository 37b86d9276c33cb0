"""``chatterm chats``: what was said before."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatterm.cli.context import context_of
from chatterm.cli.dates import iso, local

if TYPE_CHECKING:
    from chatterm.messages import Message
    from chatterm.store import Chat

app = typer.Typer(
    help="List and show chats.\n\nExample: chatterm chats list",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, help="How many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """List chats, the latest first.

    Example: chatterm chats list -n 5
    """
    context = context_of(ctx)
    context.console.json_errors = as_json
    with context.store() as store:
        chats = store.chats(limit=limit)
    if as_json:
        context.console.json([_chat_json(chat) for chat in chats])
        return
    for chat in chats:
        context.console.line(f"{chat.id}  {local(chat.updated_at)}  {chat.model}  {chat.title}")
    if not chats:
        context.console.note('no chats yet; begin one with chatterm ask "your prompt"')


@app.command("show")
def show(
    ctx: typer.Context,
    chat: Annotated[str, typer.Argument(metavar="ID", help="The id, or a unique part of it.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Show the messages of a chat, as its current branch has them.

    Example: chatterm chats show 01K9
    """
    context = context_of(ctx)
    context.console.json_errors = as_json
    with context.store() as store:
        found = store.find_chat(chat)
        path = store.path(found.id)
    if as_json:
        context.console.json(
            {**_chat_json(found), "messages": [_message_json(message) for message in path]}
        )
        return
    context.console.line(f"# {found.title}")
    for message in path:
        context.console.line()
        context.console.line(f"## {_heading(message)}")
        context.console.line()
        context.console.line(message.text)


def _heading(message: Message) -> str:
    words = [message.role.value]
    if message.model:
        words.append(f"({message.model})")
    if message.state != "complete":
        words.append(f"[{message.state}]")
    return " ".join(words)


def _chat_json(chat: Chat) -> dict[str, Any]:
    return {
        "id": chat.id,
        "title": chat.title,
        "model": chat.model,
        "created_at": iso(chat.created_at),
        "updated_at": iso(chat.updated_at),
        "tags": list(chat.tags),
        "pinned": chat.pinned,
    }


def _message_json(message: Message) -> dict[str, Any]:
    return {**asdict(message), "created_at": iso(message.created_at)}
