"""What the user thinks of a message: up, down, or nothing."""

from __future__ import annotations

from chatterm.errors import StoreError
from chatterm.store import tree
from chatterm.store.database import Database


def vote(db: Database, message_id: str, score: int, now: float) -> None:
    """Note 1 or -1; 0 takes the vote back."""
    if score not in (-1, 0, 1):
        raise StoreError(f"a vote is 1, -1 or 0, not {score}")
    tree.visible(db, tree.chat_of(db, message_id), message_id)
    if score:
        db.run(
            "INSERT OR REPLACE INTO votes (message_id, score, voted_at) VALUES (?, ?, ?)",
            (message_id, score, now),
        )
    else:
        db.run("DELETE FROM votes WHERE message_id = ?", (message_id,))


def of_chat(db: Database, chat_id: str) -> dict[str, int]:
    """The votes on a chat's messages, by their ids."""
    return dict(
        db.rows(
            # Votes are few, messages may be many.
            "SELECT v.message_id, v.score FROM votes AS v"
            " CROSS JOIN messages AS m ON m.id = v.message_id"
            " WHERE m.chat_id = ? AND m.deleted_by IS NULL ORDER BY m.n",
            (chat_id,),
        )
    )
