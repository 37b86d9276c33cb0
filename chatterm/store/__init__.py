"""The chats on disk: a tree of messages in SQLite. Values go in, values come out, never rows.

Everything is in :class:`Store`; the other names are what it returns.
"""

from __future__ import annotations

from chatterm.store.query import moment
from chatterm.store.store import Store
from chatterm.store.values import Change, ChangeKind, Chat, Hit, Node, Provenance

__all__ = ["Change", "ChangeKind", "Chat", "Hit", "Node", "Provenance", "Store", "moment"]
