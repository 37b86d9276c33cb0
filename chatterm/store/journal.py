"""What was done to each chat, written down in the step that does it; ``undo.py`` reads it.

A row keeps what the chat was before. As changes are taken back last first, that is all an undo
needs to know.
"""

from __future__ import annotations

from chatterm.store.database import Database
from chatterm.store.values import ChangeKind, Chat


def record(
    db: Database, chat: Chat, kind: ChangeKind, *, now: float, message_id: str | None = None
) -> int:
    """Write a change down, with what ``chat`` was before it; return its number."""
    db.run(
        "INSERT INTO changes (chat_id, kind, message_id, tip_before, title_before,"
        " title_by_user_before, made_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (chat.id, kind, message_id, chat.tip_id, chat.title, chat.title_by_user, now),
    )
    number: int = db.value("SELECT last_insert_rowid()")
    return number


def last_added(db: Database, chat_id: str) -> str | None:
    """The message that the last change added; None if that change did something else."""
    row = db.row(
        "SELECT kind, message_id FROM changes WHERE chat_id = ? AND undone_at IS NULL"
        " ORDER BY n DESC LIMIT 1",
        (chat_id,),
    )
    return row[1] if row and row[0] == ChangeKind.ADD else None


def forget(db: Database, chat_id: str, kind: ChangeKind, *, now: float) -> None:
    """Changes of that kind were taken back in another way."""
    db.run(
        "UPDATE changes SET undone_at = ? WHERE chat_id = ? AND kind = ? AND undone_at IS NULL",
        (now, chat_id, kind),
    )
