"""``chatterm remotes chats|sync|change|vote|report``: what lives on an Open-Assistant server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from chatterm.cli.context import Context, context_of
from chatterm.cli.dates import iso, local
from chatterm.cli.known_remotes import RemoteName, known_remote
from chatterm.errors import ConfigError, NotFound

if TYPE_CHECKING:
    from chatterm.remote.openassistant.api import Api
    from chatterm.remote.openassistant.values import Place
    from chatterm.store import Store

T = TypeVar("T")

MessageId = Annotated[str, typer.Argument(metavar="MESSAGE", help="The whole id of an answer.")]
_SCORES = {"up": 1, "down": -1, "none": 0}


def chats(
    ctx: typer.Context,
    name: RemoteName,
    hidden: Annotated[bool, typer.Option("--hidden", help="Also hidden ones.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """List the chats that lie on a server, the newest first.

    Example: chatterm remotes chats lab
    """
    context = context_of(ctx)
    context.console.json_errors = as_json
    found = _with_api(context, name, lambda api: api.chats(include_hidden=hidden))
    if as_json:
        context.console.json(
            [
                {
                    "id": chat.id,
                    "title": chat.title,
                    "created_at": iso(chat.created_at),
                    "modified_at": iso(chat.modified_at),
                    "hidden": chat.hidden,
                }
                for chat in found
            ]
        )
        return
    for chat in found:
        title = " ".join(chat.title.split())
        mark = "  [hidden]" if chat.hidden else ""
        context.console.line(f"{chat.id}  {local(chat.modified_at)}  {title}{mark}")
    if not found:
        context.console.note(f"{name} has no chats of yours")


def sync(
    ctx: typer.Context,
    name: RemoteName,
    hidden: Annotated[bool, typer.Option("--hidden", help="Also hidden chats.")] = False,
) -> None:
    """Take the chats of a server into your own, to read and search them offline.

    What is new there is added here, with all its branches. Nothing of yours is changed or sent.

    Example: chatterm remotes sync lab
    """
    from chatterm.remote.openassistant.backend import OpenAssistantBackend
    from chatterm.sync import Taken
    from chatterm.sync import sync as take_in

    context = context_of(ctx)

    async def work(api: Api) -> Taken:
        models = [info.name for info in await OpenAssistantBackend(api).models()]
        with context.store() as store:
            return await take_in(store, api, models, include_hidden=hidden)

    taken = _with_api(context, name, work)
    context.console.note(f"{taken.chats} new chats and {taken.messages} new messages from {name}")
    if taken.unfinished:
        context.console.note(f"{taken.unfinished} answers are still being written there")


def change(
    ctx: typer.Context,
    name: RemoteName,
    chat: Annotated[
        str, typer.Argument(metavar="CHAT", help="A chat of yours, or its id on the server.")
    ],
    title: Annotated[str | None, typer.Option("--title", help="A new title there.")] = None,
    hide: Annotated[
        bool | None, typer.Option("--hide/--unhide", help="Leave it out of the list there.")
    ] = None,
    data_use: Annotated[
        bool | None,
        typer.Option("--allow-data-use/--forbid-data-use", help="Whether it may be trained on."),
    ] = None,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete it there, for good; it stays here.")
    ] = False,
) -> None:
    """Rename, hide or delete a chat on a server.

    Example: chatterm remotes change lab 01K9 --title "Better name"
    """
    context = context_of(ctx)
    if title is None and hide is None and data_use is None and not delete:
        raise ConfigError("nothing to change", hint="say what: --title, --hide or --delete")

    async def work(api: Api) -> None:
        chat_id = _chat_there(context, name, chat)
        if delete:
            await api.delete(chat_id)
            return
        if title is not None:
            await api.rename(chat_id, title)
        if hide is not None:
            await api.hide(chat_id, hidden=hide)
        if data_use is not None:
            await api.allow_data_use(chat_id, allowed=data_use)

    _with_api(context, name, work)
    context.console.note(f"{'deleted' if delete else 'changed'} on {name}")


def vote(
    ctx: typer.Context,
    name: RemoteName,
    message: MessageId,
    score: Annotated[str, typer.Argument(metavar="up|down|none", help="What you think of it.")],
) -> None:
    """Tell a server what you think of an answer of its.

    Example: chatterm remotes vote lab 01KAJ3Y4Z8 up
    """
    context = context_of(ctx)
    if score not in _SCORES:
        raise ConfigError(f"a vote is up, down or none, not {score!r}")
    place = _answer_there(context, name, message)
    _with_api(context, name, lambda api: api.vote(place.chat_id, place.message_id, _SCORES[score]))
    context.console.note(f"{name} knows")


def report(
    ctx: typer.Context,
    name: RemoteName,
    message: MessageId,
    reason: Annotated[str, typer.Argument(metavar="REASON", help="What is wrong with it.")],
    kind: Annotated[
        str, typer.Option("--type", help="What it is: spam, offensive or feedback.")
    ] = "feedback",
) -> None:
    """Report an answer to its server.

    Example: chatterm remotes report lab 01KAJ3Y4Z8 "It is wrong." --type feedback
    """
    from chatterm.remote.openassistant.api import report_type

    context = context_of(ctx)
    place = _answer_there(context, name, message)
    its_type = report_type(kind)
    _with_api(
        context,
        name,
        lambda api: api.report(place.chat_id, place.message_id, its_type, reason),
    )
    context.console.note(f"{name} knows")


def _with_api(context: Context, name: str, work: Callable[[Api], Awaitable[T]]) -> T:
    """Do something with the chats of a server, and let go of it."""
    from chatterm.remote.opening import open_api

    entry = known_remote(context, name)
    if entry.kind != "openassistant":
        raise ConfigError(
            f"{name} keeps no chats: it is a server of the kind {entry.kind}",
            hint="your chats with it are your own; chatterm chats list shows them",
        )
    api = open_api(entry, context.config(), context.paths())

    async def worked() -> T:
        try:
            return await work(api)
        finally:
            await api.aclose()

    import asyncio

    return asyncio.run(worked())


def _chat_there(context: Context, name: str, ref: str) -> str:
    """The server's id of a chat, which may be named by its id here."""
    with context.store() as store:
        try:
            chat_id = store.find_chat(ref).id
        except NotFound:
            return ref
        linked = store.links(name, [chat_id])
    if chat_id not in linked:
        raise NotFound(
            f"that chat is not on {name}", hint=f"chatterm remotes chats {name} lists those"
        )
    return linked[chat_id]


def _answer_there(context: Context, name: str, message: str) -> Place:
    from chatterm.sync import place_of

    with context.store() as store:
        place = place_of(store, name, _message(store, message))
    if place is None:
        raise NotFound(f"that answer is not on {name}", hint="only answers of its can be judged")
    return place


def _message(store: Store, ref: str) -> str:
    return store.message(ref).id
