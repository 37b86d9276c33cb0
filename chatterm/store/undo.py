"""Taking the last change of a chat back.

It moves pointers and marks and never removes a row: a branch that an undo leaves is still there.
"""

# Statements are put together from constants of this module; what is given is always bound.

from __future__ import annotations

from chatterm.store import chats, tree
from chatterm.store.database import Database, Row
from chatterm.store.values import Change, ChangeKind

_CHANGES = (
    "SELECT n, chat_id, kind, message_id, made_at, tip_before, title_before, title_by_user_before"
    " FROM changes WHERE undone_at IS NULL"
)


def undo(db: Database, chat_id: str, now: float) -> Change | None:
    """Undo the last change that is not undone yet; None if there is none."""
    chats.get(db, chat_id)
    row = db.row(f"{_CHANGES} AND chat_id = ? ORDER BY n DESC LIMIT 1", (chat_id,))
    return _undo(db, row, now) if row is not None else None


def undo_listed(db: Database, chat_id: str | None, now: float) -> Change | None:
    """Undo the last change of a title or of the trash, of one chat or of any.

    What was said in the chat since then stays, so that a list never takes messages back.
    """
    row = db.row(
        f"{_CHANGES} AND kind IN (?, ?) AND chat_id = ifnull(?, chat_id) ORDER BY n DESC LIMIT 1",
        (ChangeKind.RENAME, ChangeKind.DELETE_CHAT, chat_id),
    )
    return _undo(db, row, now) if row is not None else None


def _undo(db: Database, row: Row, now: float) -> Change:
    number, chat_id, kind, message_id, made_at, tip, title, by_user = row
    match ChangeKind(kind):
        case ChangeKind.RENAME:
            chats.set_title(db, chat_id, title, by_user=bool(by_user))
        case ChangeKind.DELETE_CHAT:
            chats.take_out_of_trash(db, chat_id)
        case ChangeKind.DELETE_MESSAGE:
            tree.show_again(db, chat_id, number)
            tree.move_tip(db, chat_id, tip, now)
        case ChangeKind.ADD | ChangeKind.ANSWER | ChangeKind.SELECT | ChangeKind.SUMMARY:
            tree.move_tip(db, chat_id, tip, now)
    db.run("UPDATE changes SET undone_at = ? WHERE n = ?", (now, number))
    return Change(ChangeKind(kind), chat_id, message_id, made_at)
