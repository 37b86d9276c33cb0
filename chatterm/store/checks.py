"""Whether the file is sound, and a copy of it: what ``chatterm doctor`` and backups ask for."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from chatterm.errors import StoreError
from chatterm.store.database import Database
from chatterm.store.failures import translated

_MOST_PROBLEMS = 20

_RULES = (
    (
        "chats whose tip is deleted or missing",
        "SELECT chats.id FROM chats LEFT JOIN messages AS m ON m.id = chats.tip_id"
        " AND m.chat_id = chats.id WHERE chats.tip_id IS NOT NULL"
        " AND (m.id IS NULL OR m.deleted_by IS NOT NULL)",
    ),
    (
        "messages that come before their parent, or lie in another chat",
        "SELECT m.id FROM messages AS m LEFT JOIN messages AS p ON p.id = m.parent_id"
        " WHERE m.parent_id IS NOT NULL"
        " AND (p.id IS NULL OR p.chat_id <> m.chat_id OR p.n >= m.n)",
    ),
    (
        "messages that are shown below deleted ones",
        "SELECT m.id FROM messages AS m JOIN messages AS p ON p.id = m.parent_id"
        " WHERE m.deleted_by IS NULL AND p.deleted_by IS NOT NULL",
    ),
)


def problems(db: Database) -> list[str]:
    """What is wrong with the file, in words; empty if nothing is. Reads all of it."""
    found = [
        line for (line,) in db.rows(f"PRAGMA integrity_check({_MOST_PROBLEMS})") if line != "ok"
    ]
    if found:
        return found
    for table, row, target, _ in db.rows("PRAGMA foreign_key_check"):
        found.append(f"row {row} of {table} points at a row of {target} that is missing")
    for name, rule in _RULES:
        ids = [id_ for (id_,) in db.rows(f"{rule} LIMIT ?", (_MOST_PROBLEMS,))]
        if ids:
            found.append(f"{name}: {', '.join(ids)}")
    try:
        db.run("INSERT INTO messages_fts (messages_fts, rank) VALUES ('integrity-check', 1)")
    except StoreError as error:
        found.append(f"the search index does not fit the messages ({error.detail})")
    return found[:_MOST_PROBLEMS]


def back_up(db: Database, path: Path) -> None:
    """Copy the whole database, as it is at this moment, to a new file only its owner can read."""
    with translated(path):
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError as error:
            raise StoreError(
                f"{path} exists already", hint="choose another name for the backup"
            ) from error
        with closing(sqlite3.connect(path)) as target:
            db.connection.backup(target)
