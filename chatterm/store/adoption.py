"""Statements that take in what was written elsewhere, with the times it has there."""

from __future__ import annotations

from chatterm.messages import Message
from chatterm.store import chats, tree
from chatterm.store.database import Database


def chat(
    db: Database, chat_id: str, title: str, model: str, created_at: float, updated_at: float
) -> None:
    chats.create(db, chat_id, title=title, model=model, forked_from=None, now=created_at)
    db.run("UPDATE chats SET updated_at = ? WHERE id = ?", (updated_at, chat_id))


def message(db: Database, chat_id: str, new: Message) -> Message:
    """Add a message; it is no change that undo would take back."""
    if new.parent_id is not None:
        tree.visible(db, chat_id, new.parent_id)
    tree.insert(db, chat_id, new, visited_at=new.created_at)
    if chats.tip(db, chat_id) == new.parent_id:
        tree.move_tip(db, chat_id, new.id, new.created_at)
    return tree.get(db, new.id)
