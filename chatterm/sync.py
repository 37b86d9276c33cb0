"""Takes the chats that live on an Open-Assistant server into the store, trees and all.

They are then read, searched and gone on with like any other, also without a network. Nothing here
is overwritten or sent: what is new there is added, what is known stays, what was deleted there is
kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatterm.errors import NotFound
from chatterm.messages import Role
from chatterm.remote.openassistant.values import Place, RemoteChat, RemoteMessage
from chatterm.store import Store
from chatterm.titles import first_words

if TYPE_CHECKING:
    from chatterm.remote.openassistant.api import Api


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
        added = take_in(store, api.name, await api.chat(listed.id), models)
        taken = Taken(
            taken.chats + added.chats,
            taken.messages + added.messages,
            taken.unfinished + added.unfinished,
        )
    return taken


def take_in(store: Store, remote: str, chat: RemoteChat, models: Sequence[str]) -> Taken:
    """Take in what is new of one chat; all of it or nothing."""
    known = store.linked(remote)
    home = home_of(store, chat, known)
    if home is None and all(message.ending == "open" for message in chat.messages):
        return Taken()
    with store.atomic():
        if home is not None:
            return _Taking(store, remote, chat, home, known).taken(is_new=False)
        title = first_words(chat.title or chat.messages[0].text)
        home = store.adopt_chat(
            title=title,
            model=_model(remote, chat, models),
            created_at=chat.created_at,
            updated_at=chat.modified_at,
        ).id
        store.link(home, remote, chat.id)
        return _Taking(store, remote, chat, home, known).taken(is_new=True)


class _Taking:
    """One chat on its way into the store."""

    def __init__(
        self, store: Store, remote: str, chat: RemoteChat, home: str, known: Mapping[str, str]
    ) -> None:
        self._store = store
        self._remote = remote
        self._chat = chat
        self._home = home
        self._known = known

    def taken(self, *, is_new: bool) -> Taken:
        messages, unfinished = 0, 0
        local: dict[str | None, str | None] = {None: None}
        for message in self._chat.messages:  # parents before children
            place = str(Place(self._chat.id, message.id))
            if place in self._known:
                local[message.id] = self._known[place]
            elif message.ending == "open":
                unfinished += 1
            elif message.parent_id in local and (is_new or message.parent_id is not None):
                # What hangs on a message that was deleted here stays away with it.
                with suppress(NotFound):
                    local[message.id] = self._adopt(message, local[message.parent_id])
                    messages += 1
        if is_new:
            newest = max(self._chat.messages, key=lambda message: message.created_at).id
            tip = local.get(self._chat.tip_id or newest) or local.get(newest)
            self._store.set_tip(self._home, tip)
        return Taken(int(is_new), messages, unfinished)

    def _adopt(self, message: RemoteMessage, parent_id: str | None) -> str:
        model = f"{self._remote}/{message.model}".rstrip("/")
        added = self._store.adopt(
            self._home,
            parent_id=parent_id,
            role=Role.USER if message.is_prompt else Role.ASSISTANT,
            text=message.text,
            created_at=message.created_at,
            model="" if message.is_prompt else model,
            error=message.failure,
        ).id
        self._store.link(added, self._remote, str(Place(self._chat.id, message.id)))
        if message.score in (-1, 1):
            self._store.vote(added, message.score)
        return added


def home_of(store: Store, chat: RemoteChat, known: Mapping[str, str]) -> str | None:
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


def homes_of(store: Store, remote: str, chat_id: str) -> list[str]:
    """The chats there that a chat here is: none, one, or more where the server needed a new one."""
    messages = [node.id for node in store.outline(chat_id)]
    found = store.links(remote, [chat_id, *messages])
    own = found.pop(chat_id, None)
    places = (Place.parse(link) for link in found.values())
    there = [own, *(place.chat_id for place in places if place is not None)]
    return list(dict.fromkeys(home for home in there if home))


def chats_on(store: Store, remote: str) -> dict[str, str]:
    """The chats of a server that are kept here, by their ids there."""
    return {there.partition("/")[0]: here for there, here in store.linked_chats(remote)}
