"""A new chat out of a path: the one place where messages are copied."""

from __future__ import annotations

from dataclasses import replace

from chatterm.errors import StoreError
from chatterm.ids import NewId
from chatterm.messages import State
from chatterm.store import answers, chats, tree
from chatterm.store.database import Database
from chatterm.store.values import Chat


def fork(db: Database, chat_id: str, message_id: str, new_id: NewId, now: float) -> Chat:
    """Copy the path from the root to a message into a chat of its own."""
    source = chats.get(db, chat_id)
    tree.visible(db, chat_id, message_id)
    path = tree.path(db, chat_id, message_id)
    if any(message.state is State.WRITING for message in path):
        raise StoreError(
            "this answer is still being written", hint="stop it or wait for its end, then fork"
        )
    originals: dict[str, str | None] = dict(
        db.rows("SELECT id, copied_from FROM messages WHERE chat_id = ?", (chat_id,))
    )
    fork_id = new_id()
    chats.create(db, fork_id, title=source.title, model=source.model, forked_from=chat_id, now=now)
    parent_id = None
    for message in path:
        copy = replace(message, id=new_id(), parent_id=parent_id)
        # The first original, also in a fork of a fork, so that a search can tell that all of
        # them are the same message.
        first = originals[message.id] or message.id
        tree.insert(db, fork_id, copy, visited_at=now, copied_from=first)
        answers.copy_provenance(db, message.id, copy.id)
        parent_id = copy.id
    tree.move_tip(db, fork_id, parent_id, now)
    return chats.get(db, fork_id)
