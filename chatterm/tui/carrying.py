"""Carries to a server what was done here with a chat of its, in the background.

What was done here is done; where the server cannot, or is away, the user is told that it is so here
alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from chatterm.errors import ChattermError
from chatterm.sync import homes_of, place_of
from chatterm.tui.servers import Servers

if TYPE_CHECKING:
    from chatterm.remote.openassistant.api import Api
    from chatterm.remote.openassistant.values import Place
    from chatterm.store import Store

LEAVING_SECONDS = 3.0
"""For what is on its way when the program ends."""

At = TypeVar("At")
ChatChange: TypeAlias = Callable[["Api", str], Awaitable[None]]
Told: TypeAlias = Callable[[str, ChattermError | None], None]
"""How it went, with the error where it did not."""


class Carrying:
    """Changes on their way."""

    def __init__(self, store: Store, servers: Servers, told: Told) -> None:
        self._store = store
        self._servers = servers
        self._told = told
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        """What was done last must be what the server hears last."""

    def renamed(self, chat_id: str, title: str) -> None:
        self._to_chats(
            chat_id, "the new title is here alone", lambda api, at: api.rename(at, title)
        )

    def put_away(self, chat_id: str) -> None:
        self._to_chats(chat_id, "it is put away here alone", lambda api, at: api.hide(at))

    def brought_back(self, chat_id: str) -> None:
        self._to_chats(chat_id, "it is back here alone", lambda api, at: api.hide(at, hidden=False))

    def shows(self, tip_id: str) -> None:
        """Another branch is shown; a server that is too old for that need not know."""
        for name in self._servers.names:
            place = place_of(self._store, name, tip_id)
            if place is not None:
                self._begin(self._show(name, place))

    def voted(self, message_id: str, score: int) -> None:
        self._to_message(
            message_id,
            "your vote is here alone",
            lambda api, at: api.vote(at.chat_id, at.message_id, score),
        )

    def reported(self, message_id: str, kind: str, reason: str) -> bool:
        """False where no server has that message."""

        async def report(api: Api, at: Place) -> None:
            from chatterm.remote.openassistant.api import report_type

            await api.report(at.chat_id, at.message_id, report_type(kind), reason)

        return self._to_message(message_id, "it is not reported", report, done="reported")

    def preferred(self, message_id: str, others: Sequence[str]) -> bool:
        """An answer is better than its siblings; False where no server can be told."""

        async def choose(api: Api, at: Place) -> None:
            links = self._store.links(api.name, others).values()
            inferior = [link.partition("/")[2] for link in links]
            await api.choose(at.chat_id, at.message_id, inferior)

        return self._to_message(message_id, "your choice is not known there", choose, done="knows")

    def delete_there(self, chat_id: str) -> bool:
        """For good; the chat stays here. False where no server has it."""
        return self._to_chats(
            chat_id,
            "it stays there",
            lambda api, at: api.delete(at),
            done="deleted there for good; it is still here",
        )

    async def aclose(self) -> None:
        """Give what is on its way a moment to arrive."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=LEAVING_SECONDS)
            for task in late:
                task.cancel()

    def _to_chats(self, chat_id: str, failed: str, change: ChatChange, done: str = "") -> bool:
        found = False
        for name in self._servers.names:
            for there in homes_of(self._store, name, chat_id):
                found = True
                self._begin(self._carry(name, failed, _at(there, change), done))
        return found

    def _to_message(
        self,
        message_id: str,
        failed: str,
        change: Callable[[Api, Place], Awaitable[None]],
        done: str = "",
    ) -> bool:
        for name in self._servers.names:
            place = place_of(self._store, name, message_id)
            if place is not None:
                self._begin(self._carry(name, failed, _at(place, change), done))
                return True
        return False

    async def _carry(
        self, name: str, failed: str, change: Callable[[Api], Awaitable[None]], done: str
    ) -> None:
        try:
            async with self._turn:
                await change(await self._servers.api(name))
        except ChattermError as error:
            self._told(f"{failed}: {error.message}", error)
        else:
            if done:
                self._told(f"{name}: {done}", None)

    async def _show(self, name: str, place: Place) -> None:
        try:
            async with self._turn:
                api = await self._servers.api(name)
                if (await api.access.generation()).updates:
                    await api.set_tip(place.chat_id, place.message_id)
        except ChattermError:
            return  # The next branch that is chosen says it again.

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _at(
    place: At, change: Callable[[Api, At], Awaitable[None]]
) -> Callable[[Api], Awaitable[None]]:
    return lambda api: change(api, place)
