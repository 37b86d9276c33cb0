"""The chats that are open: answers go on in those that are not shown."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from chatterm.params import Params
from chatterm.tui.desk import Desk
from chatterm.tui.talk import Talk


class Talks:
    """In the order they were opened."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._open: list[Talk] = []

    def __iter__(self) -> Iterator[Talk]:
        return iter(self._open)

    def new(self, model: str = "", params: Params | None = None, system: str | None = None) -> Talk:
        """A chat that comes into being with its first prompt; there is one such at most."""
        for talk in self._open:
            if talk.chat_id is None and not talk.busy:
                self._open.remove(talk)
                break
        session = self._desk.session(None, model=model, params=params, system=system)
        return self._added(Talk(self._desk, session))

    def of(self, chat_id: str, model: str = "", params: Params | None = None) -> Talk:
        """The open chat of that id, opened now if it is not."""
        for talk in self._open:
            if talk.chat_id == chat_id:
                return talk
        chat = self._desk.store.chat(chat_id)
        return self._added(Talk(self._desk, self._desk.session(chat, model=model, params=params)))

    def beside(self, talk: Talk, steps: int) -> Talk:
        """The chat so many places further, round the end."""
        if talk not in self._open:
            return talk
        return self._open[(self._open.index(talk) + steps) % len(self._open)]

    def drop(self, chat_id: str) -> Talk | None:
        """A chat that went to the trash is no longer open."""
        for talk in self._open:
            if talk.chat_id == chat_id:
                self._open.remove(talk)
                return talk
        return None

    def answers_in(self, chat_id: str) -> bool:
        """Whether an answer is being written in that chat."""
        return any(talk.busy for talk in self._open if talk.chat_id == chat_id)

    def signs(self) -> dict[str, str]:
        """What the list of chats shows before those that are open."""
        return {
            talk.chat_id: "●" if talk.busy else "◆" if talk.unseen else "·"
            for talk in self._open
            if talk.chat_id is not None
        }

    def busy(self, but: Talk | None = None) -> int:
        """How many answers are being written, in other chats than this."""
        return sum(talk.busy for talk in self._open if talk is not but)

    async def aclose(self) -> None:
        """Stop every answer and see it stored."""
        await asyncio.gather(*(talk.stop() for talk in self._open))

    def _added(self, talk: Talk) -> Talk:
        self._open.append(talk)
        return talk
