"""The chats that lie on servers, beside those that are here.

They are looked for once the list of chats is shown, in the background, on servers the user is
logged in to; one after the other is then kept in the store, trees and all, so that it is opened,
searched and read like any other, also without a network.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chatterm.errors import ChattermError, Refused
from chatterm.sync import Taken, chats_on, home_of, homes_of, take_in
from chatterm.tui.desk import Desk

if TYPE_CHECKING:
    from chatterm.remote.openassistant.api import Api
    from chatterm.remote.openassistant.values import RemoteChat

LOOK_SECONDS = 60.0
"""Before a server is looked at again."""
KEPT_AT_ONCE = 200
"""Chats that are taken in at one look; what is beyond is taken in when it is opened."""
ELSEWHERE = "@"
"""Before the key of a row whose chat is not here yet; no id begins like that."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A chat that lies on a server and is not kept here yet."""

    remote: str
    chat_id: str
    title: str
    modified_at: float

    @property
    def key(self) -> str:
        return f"{ELSEWHERE}{self.remote}/{self.chat_id}"


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the servers ask and tell the rest of the program."""

    busy: Callable[[str], bool]
    """Whether a chat is being answered now, and is to be left alone."""
    changed: Callable[[], None]
    """The list is another."""
    arrived: Callable[[str, Taken], None]
    """There is more in a chat than before."""


class Servers:
    """All Open-Assistant servers of the catalogue that the user is logged in to."""

    def __init__(self, desk: Desk, hooks: Hooks) -> None:
        self._desk = desk
        self._hooks = hooks
        self._apis: dict[str, Api] = {}
        self._opening = asyncio.Lock()
        self._models: dict[str, list[str]] = {}
        self._listed: dict[str, list[RemoteChat]] = {}
        self._kept: dict[str, set[str]] = {}
        self._looked_at = -LOOK_SECONDS
        self._tasks: set[asyncio.Task[None]] = set()
        self.problems: dict[str, ChattermError] = {}
        """Why a server could not be asked, by its name."""

    @property
    def names(self) -> list[str]:
        remotes = self._desk.catalog.remotes.values()
        return [entry.name for entry in remotes if entry.kind == "openassistant"]

    # What is shown

    def marks(self, chat_ids: Sequence[str]) -> dict[str, str]:
        """Of these chats, those that lie on a server, with its name."""
        store = self._desk.store
        return {here: name for name in self.names for here in store.links(name, chat_ids)}

    def elsewhere(self) -> list[Elsewhere]:
        """What is listed there and is not kept here, the newest first."""
        found = [
            Elsewhere(name, chat.id, " ".join(chat.title.split()), chat.modified_at)
            for name, chats in self._listed.items()
            for chat in chats
            # A chat gets its title with its first prompt; without one there is nothing to read.
            if chat.title and chat.id not in self._kept[name]
        ]
        return sorted(found, key=lambda chat: chat.modified_at, reverse=True)

    def remotes_of(self, chat_id: str) -> list[str]:
        """The servers that a chat lies on."""
        return [name for name in self.names if homes_of(self._desk.store, name, chat_id)]

    # Looking and fetching

    def look(self) -> None:
        """Find out in the background what lies there, unless that was done just now."""
        now = self._desk.monotonic()
        if self._desk.config.offline or now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        for name in self.names:
            self._begin(self._look(name))

    def freshen(self, chat_id: str) -> None:
        """Find out in the background whether another client has gone on in a chat."""
        if self._desk.config.offline or self._hooks.busy(chat_id):
            return
        for name in self.names:
            for there in homes_of(self._desk.store, name, chat_id):
                self._begin(self._freshen(name, there))

    async def fetch(self, remote: str, there: str) -> str:
        """Take in a chat that is listed; its id here."""
        return await self._take(await self.api(remote), there)

    async def api(self, name: str) -> Api:
        """The server, for whoever is logged in; an error where nobody is."""
        api = await self._known(name)
        if api is None:
            raise Refused(f"you are not logged in to {name}", hint=f"chatterm login {name}")
        return api

    async def forget(self, name: str) -> None:
        """The login there has changed: ask anew."""
        api = self._apis.pop(name, None)
        if api is not None:
            await api.aclose()
        self.problems.pop(name, None)
        self._looked_at = -LOOK_SECONDS

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for api in self._apis.values():
            with suppress(ChattermError):
                await api.aclose()

    async def _known(self, name: str) -> Api | None:
        async with self._opening:
            if name not in self._apis:
                # It may bring the network library, and the keyring may take its time.
                api = await asyncio.to_thread(self._opened, name)
                if api is None:
                    return None
                self._apis[name] = api
        return self._apis[name]

    def _opened(self, name: str) -> Api | None:
        from chatterm.remote.address import parse_address
        from chatterm.remote.opening import credential_store, open_api

        entry, paths = self._desk.catalog.remotes[name], self._desk.paths
        kept = credential_store(paths).get(name, parse_address(entry.url).origin)
        return open_api(entry, self._desk.config, paths) if kept is not None else None

    async def _look(self, name: str) -> None:
        try:
            api = await self._known(name)
            if api is None:
                return  # Who is not logged in has nothing there.
            self._listed[name] = await api.chats()
            self._kept[name] = set(chats_on(self._desk.store, name))
            self.problems.pop(name, None)
            self._hooks.changed()
            await self._keep(api, self._listed[name])
        except ChattermError as error:
            self.problems[name] = error
        self._hooks.changed()

    async def _keep(self, api: Api, listed: list[RemoteChat]) -> None:
        """Take in what is new or has grown, the newest first."""
        known = chats_on(self._desk.store, api.name)
        wanted = [chat for chat in listed if chat.title and self._has_grown(chat, known)]
        for chat in wanted[:KEPT_AT_ONCE]:
            await self._take(api, chat.id)

    def _has_grown(self, chat: RemoteChat, known: dict[str, str]) -> bool:
        if chat.id not in known:
            return True
        here = self._desk.store.chat(known[chat.id])
        return here.deleted_at is None and chat.modified_at > here.updated_at

    async def _freshen(self, name: str, there: str) -> None:
        # Reading what is kept must not fail because of what is not there any more.
        with suppress(ChattermError):
            await self._take(await self.api(name), there)

    async def _take(self, api: Api, there: str) -> str:
        """Fetch one chat with its tree and keep it; its id here, if it is or was kept."""
        store = self._desk.store
        if api.name not in self._models:
            self._models[api.name] = [f"{api.name}/{name}" for name in await api.model_configs()]
        chat = await api.chat(there)
        home = home_of(store, chat, store.linked(api.name))
        if home is None or not self._hooks.busy(home):
            taken = take_in(store, api.name, chat, self._models[api.name])
            home = home or chats_on(store, api.name).get(there, "")
            self._kept.setdefault(api.name, set()).add(there)
            if taken.messages:
                self._hooks.arrived(home, taken)
        return home

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
