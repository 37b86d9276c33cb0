"""Removing chats for good: their rows, their words in the search index, their bytes in the file.

Deleting a row leaves its words in four other places: free pages (``secure_delete`` zeroes them),
merged parts of the index, the write-ahead log, and the copy of the file that an upgrade kept.
``scrub`` clears the last three.
"""

from __future__ import annotations

from collections.abc import Generator

from chatterm.store.database import Database
from chatterm.store.failures import translated

_MERGE_PAGES = 50
"""Of the search index, in one step: few, as everybody else who writes has to wait for it."""
_DAY = 86400.0


def in_trash(db: Database, before: float) -> list[str]:
    """Chats that were deleted before that time."""
    rows = db.rows("SELECT id FROM chats WHERE deleted_at < ?", (before,))
    return [chat_id for (chat_id,) in rows]


def remove(db: Database, chat_id: str, now: float) -> None:
    """Remove a chat with everything that belongs to it, if it is there."""
    attached = db.rows(
        "SELECT DISTINCT digest FROM message_attachments WHERE chat_id = ?", (chat_id,)
    )
    db.run(
        "DELETE FROM links WHERE local_id = ?"
        " OR local_id IN (SELECT id FROM messages WHERE chat_id = ?)",
        (chat_id, chat_id),
    )
    db.run("UPDATE chats SET tip_id = NULL WHERE id = ?", (chat_id,))
    db.run("DELETE FROM messages WHERE chat_id = ?", (chat_id,))
    db.run("DELETE FROM chats WHERE id = ?", (chat_id,))
    for (digest,) in attached:
        db.run(
            "DELETE FROM attachments WHERE digest = ?1 AND NOT EXISTS"
            " (SELECT 1 FROM message_attachments WHERE digest = ?1)",
            (digest,),
        )
    # Files that were attached to a prompt which was never sent; a day leaves time to send it.
    db.run(
        "DELETE FROM attachments WHERE attached_at < ? AND NOT EXISTS"
        " (SELECT 1 FROM message_attachments AS m WHERE m.digest = attachments.digest)",
        (now - _DAY,),
    )


def scrub(db: Database) -> Generator[str, None, bool]:
    """Clear removed words out of the search index, the log and the copies that upgrades kept.

    In steps, so that others can write in between. Where another process reads at this
    very moment, the log stays until the last process closes the file: False.
    """
    # A negative number begins to merge everything into one, which is when the index drops what
    # was deleted; each further call goes on with it and touches no row once it is done.
    pages = -_MERGE_PAGES
    while True:
        with db.atomic():
            touched = db.value("SELECT total_changes()")
            db.run("INSERT INTO messages_fts (messages_fts, rank) VALUES ('merge', ?)", (pages,))
            done = db.value("SELECT total_changes()") - touched < 2
        if done:
            break
        pages = _MERGE_PAGES
        yield "clearing the search index"
    if db.path is not None:
        with translated(db.path):
            for copy in db.path.parent.glob(f"{db.path.name}.before-*"):
                copy.unlink(missing_ok=True)
    busy = db.value("PRAGMA wal_checkpoint(TRUNCATE)")
    return not busy
