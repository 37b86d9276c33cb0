"""Takes the chats that live on an Open-Assistant server into the store, trees and all.

They are then read, searched and gone on with like any other, also without a network. Nothing here
is overwritten or sent: what is new there is added, what is known stays, what was deleted there is
kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from chatterm.errors import NotFound
from chatterm.messages import Role
from chatterm.remote.openassistant.api import Api
from chatterm.remote.openassistant.sending import Place
from chatterm.remote.openassistant.values import RemoteChat, RemoteMessage
from chatterm.store import Store
from chatterm.titles import first_words


@dataclass(frozen=True, slots=True)
class Taken:
    """What a synchronisation brought."""

    chats: int = 0
    messages: int = 0
    unfinished: int = 0
    """Answers that are still being written there, and are left for the next time."""


async def sync(
    store: Store, api: Api, models: Sequence[str], *, include_hidden: bool = False
) -> Taken:
    """Take in what is new on a server; ``models`` are those it can be asked for."""
    taken = Taken()
    for listed in reversed(await api.chats(include_hidden=include_hidden)):
        chat = await api.chat(listed.id)
        with store.atomic():
            added = _take_in(store, api.name, chat, models)
        taken = Taken(
            taken.chats + added.chats,
            taken.messages + added.messages,
            taken.unfinished + added.unfinished,
        )
    return taken


def _take_in(store: Store, remote: str, chat: RemoteChat, models: Sequence[str]) -> Taken:
    known = store.linked(remote)
    home = _home(store, chat, known)
    is_new = home is None
    if home is None:
        if not chat.messages:
            return Taken()
        title = first_words(chat.title or chat.messages[0].text)
        home = store.adopt_chat(
            title=title,
            model=_model(remote, chat, models),
            created_at=chat.created_at,
            updated_at=chat.modified_at,
        ).id
        store.link(home, remote, chat.id)
    messages, unfinished = 0, 0
    local: dict[str | None, str | None] = {None: None}
    for message in chat.messages:  # parents before children
        place = str(Place(chat.id, message.id))
        if place in known:
            local[message.id] = known[place]
        elif message.ending == "open":
            unfinished += 1
        elif message.parent_id in local and (is_new or message.parent_id is not None):
            # What hangs on a message that was deleted here stays away with it.
            with suppress(NotFound):
                added = _adopt(store, home, remote, message, local[message.parent_id])
                store.link(added, remote, place)
                local[message.id] = added
                messages += 1
    if is_new:
        newest = max(chat.messages, key=lambda message: message.created_at).id
        store.set_tip(home, local.get(chat.tip_id or newest) or local.get(newest))
    return Taken(int(is_new), messages, unfinished)


def _adopt(
    store: Store, chat_id: str, remote: str, message: RemoteMessage, parent_id: str | None
) -> str:
    return store.adopt(
        chat_id,
        parent_id=parent_id,
        role=Role.USER if message.is_prompt else Role.ASSISTANT,
        text=message.text,
        created_at=message.created_at,
        model="" if message.is_prompt else f"{remote}/{message.model}".rstrip("/"),
        error=message.failure,
    ).id


def _home(store: Store, chat: RemoteChat, known: Mapping[str, str]) -> str | None:
    """The chat here that a chat there belongs to; two there may be one here."""
    if chat.id in known:
        return known[chat.id]
    for message in chat.messages:
        local_id = known.get(str(Place(chat.id, message.id)))
        if local_id is not None:
            return store.chat_of(local_id).id
    return None


def _model(remote: str, chat: RemoteChat, models: Sequence[str]) -> str:
    """A model to go on with: the one that answered, if the server has it under that name."""
    answered = [m.model for m in chat.messages if m.model]
    wanted = [f"{remote}/{name}" for name in reversed(answered)]
    return next((name for name in [*wanted, *models] if name in models), "")


def place_of(store: Store, remote: str, message: str) -> Place | None:
    """Where a message lies on a server."""
    return Place.parse(store.links(remote, [message]).get(message))
