"""Prompts that were sent before, to be brought back: this chat's first, then all others."""

from __future__ import annotations

from chatterm.messages import Role
from chatterm.store import Store

_MOST = 100


class History:
    """A walk back through prompts; read from the store when it is first asked for."""

    def __init__(self, store: Store, chat_id: str | None) -> None:
        self._store = store
        self._chat_id = chat_id
        self._prompts: list[str] | None = None
        self._at = -1
        self._typed = ""

    def restart(self, chat_id: str | None) -> None:
        """Something was sent, or another chat is shown."""
        self._chat_id = chat_id
        self._prompts = None
        self._at = -1

    @property
    def walking(self) -> bool:
        return self._at >= 0

    def previous(self, typed: str) -> str | None:
        """One prompt further back; None at the end."""
        prompts = self._loaded()
        if self._at + 1 >= len(prompts):
            return None
        if self._at < 0:
            self._typed = typed
        self._at += 1
        return prompts[self._at]

    def next(self) -> str | None:
        """One prompt nearer, and in the end what was typed before; None where no walk began."""
        if self._at < 0:
            return None
        self._at -= 1
        return self._loaded()[self._at] if self._at >= 0 else self._typed

    def leave(self) -> None:
        """What was brought back is edited now, so it counts as typed."""
        self._at = -1

    def _loaded(self) -> list[str]:
        if self._prompts is None:
            self._prompts = list(dict.fromkeys([*self._of_this_chat(), *self._of_others()]))
        return self._prompts

    def _of_this_chat(self) -> list[str]:
        if self._chat_id is None:
            return []
        path = self._store.path(self._chat_id)
        return [message.text for message in reversed(path) if message.role is Role.USER][:_MOST]

    def _of_others(self) -> list[str]:
        hits = self._store.search("role:user", limit=_MOST)
        return [self._store.message(hit.message_id).text for hit in hits]
