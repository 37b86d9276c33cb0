"""A chat with everything that belongs to it, as files carry it from one store to another.

What a deleted message said, drafts, and what undo could take back are not part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chatterm.messages import Message
from chatterm.store.values import Chat, Provenance


@dataclass(frozen=True, slots=True)
class PortableMessage:
    """A message, and what is known of it beside its words."""

    message: Message
    answer: Provenance | None = None
    """Where it came from and what it cost; None where nobody was asked or nothing is known."""
    vote: int = 0
    """1 is good, -1 is bad."""
    visited_at: float = 0.0
    """When it was last the tip of its chat; it says which branch to go on with."""
    copied_from: str | None = None
    """Made by a fork: the message first written."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Its ids at remotes."""


@dataclass(frozen=True, slots=True)
class PortableChat:
    """A chat with all its branches, parents before children, siblings in order."""

    chat: Chat
    messages: tuple[PortableMessage, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    """The bytes of attached files by their digests."""
    links: Mapping[str, str] = field(default_factory=dict)

    def path(self) -> list[PortableMessage]:
        """What the chat shows: from the root to the tip."""
        by_id = {one.message.id: one for one in self.messages}
        found: list[PortableMessage] = []
        place = self.chat.tip_id
        while place is not None:
            found.append(by_id[place])
            place = by_id[place].message.parent_id
        return found[::-1]

    def below(self) -> dict[str | None, list[PortableMessage]]:
        """What follows each message; None is what begins the chat."""
        found: dict[str | None, list[PortableMessage]] = {}
        for one in self.messages:
            found.setdefault(one.message.parent_id, []).append(one)
        return found


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did."""

    new_chats: int = 0
    grown_chats: int = 0
    """Chats that were there and got new messages."""
    known_chats: int = 0
    """Chats that had all of it already."""
    messages: int = 0
    """Messages that were added."""
