"""Taking the last change of a chat back.

It moves pointers and marks and never removes a row: a branch that an undo leaves is still there.
"""

from __future__ import annotations

from chatterm.store import chats, tree
from chatterm.store.database import Database
from chatterm.store.values import Change, ChangeKind


def undo(db: Database, chat_id: str, now: float) -> Change | None:
    """Undo the last change that is not undone yet; None if there is none."""
    chats.get(db, chat_id)
    row = db.row(
        "SELECT n, kind, message_id, made_at, tip_before, title_before, title_by_user_before"
        " FROM changes WHERE chat_id = ? AND undone_at IS NULL ORDER BY n DESC LIMIT 1",
        (chat_id,),
    )
    if row is None:
        return None
    number, kind, message_id, made_at, tip, title, by_user = row
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
