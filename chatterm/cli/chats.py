"""``chatterm chats list`` and ``show``: what was said before."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatterm.cli.choosing import OneChat, moment, one_chat
from chatterm.cli.completing import model_names, tag_names
from chatterm.cli.context import context_of
from chatterm.cli.dates import iso, local

if TYPE_CHECKING:
    from chatterm.messages import Message
    from chatterm.store import Chat


def list_(
    ctx: typer.Context,
    text: Annotated[
        str | None, typer.Option("--text", help="In the title, or words of a message.")
    ] = None,
    tag: Annotated[
        str | None, typer.Option("--tag", help="With that tag.", autocompletion=tag_names)
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("-m", "--model", help="Last asked that.", autocompletion=model_names),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Written in since then, as 2026-01-31 or 7d.")
    ] = None,
    pinned: Annotated[bool, typer.Option("--pinned", help="Only pinned ones.")] = False,
    trash: Annotated[bool, typer.Option("--trash", help="What was deleted.")] = False,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=10**9, help="How many.")] = 20,
    before: Annotated[
        str | None, typer.Option("--before", metavar="ID", help="The page after that chat.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """List chats, the latest first.

    Example: chatterm chats list --tag work --since 7d
    """
    context = context_of(ctx)
    context.console.json_errors = as_json
    start = moment(since, "--since")
    with context.store() as store:
        chats = store.chats(
            limit=limit,
            before=one_chat(store, before, trash) if before is not None else None,
            tag=tag,
            model=model,
            since=start,
            text=text,
            pinned=pinned or None,
            deleted=trash,
        )
    if as_json:
        context.console.json([_chat_json(chat) for chat in chats])
        return
    context.console.write("".join(f"{_line(chat)}\n" for chat in chats))
    if not chats:
        context.console.note(_nothing_to_list(text or tag or model or since or pinned, trash))
    elif len(chats) == limit and context.console.is_terminal:
        context.console.note(f"there may be more: --before {chats[-1].id}")


def show(
    ctx: typer.Context,
    chat: OneChat,
    tree: Annotated[bool, typer.Option("--tree", help="All branches, in outline.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object; with --tree every branch.")
    ] = False,
) -> None:
    """Show the messages of a chat, as its current branch has them.

    Example: chatterm chats show 01K9 --tree
    """
    context = context_of(ctx)
    context.console.json_errors = as_json
    with context.store() as store:
        found = one_chat(store, chat)
        path = store.path(found.id)
        messages = store.tree(found.id) if tree else path
        votes = store.votes(found.id)
    if as_json:
        shown = [
            {**_message_json(message), "vote": votes.get(message.id, 0)} for message in messages
        ]
        context.console.json({**_chat_json(found), "tip_id": found.tip_id, "messages": shown})
    elif tree:
        from chatterm.cli.branches import outline

        context.console.line(f"# {found.title}")
        for line in outline(messages, {message.id for message in path}, votes):
            context.console.line(line)
    else:
        from chatterm.cli.reading import print_markdown

        said = (f"## {_heading(message)}\n\n{message.text}" for message in path)
        print_markdown(context, [f"# {found.title}", *said])


def _nothing_to_list(filtered: object, trash: bool) -> str:
    if filtered:
        return "no such chats; without options, chatterm chats list shows the latest"
    if trash:
        return "the trash is empty"
    return 'no chats yet; begin one with chatterm ask "your prompt"'


def _line(chat: Chat) -> str:
    marks = "".join(f" #{tag}" for tag in chat.tags)
    pin = " *" if chat.pinned else ""
    return f"{chat.id}  {local(chat.updated_at)}{pin}  {chat.model}  {chat.title}{marks}"


def _heading(message: Message) -> str:
    words = [message.label]
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
        "message_count": chat.message_count,
        "forked_from": chat.forked_from,
        "deleted_at": None if chat.deleted_at is None else iso(chat.deleted_at),
    }


def _message_json(message: Message) -> dict[str, Any]:
    return {**asdict(message), "created_at": iso(message.created_at)}
