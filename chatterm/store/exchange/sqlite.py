"""Databases of other programs: opened to be read only, and asked for what they have."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatterm.store.exchange.fields import Damaged, Item

MAGIC = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class Foreign:
    """A database of another program."""

    connection: sqlite3.Connection

    def columns(self, table: str) -> frozenset[str]:
        """The columns of a table; none if there is no such table."""
        rows = self.connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
        return frozenset(name for (name,) in rows)

    def rows(self, table: str, order: str) -> Iterator[Item]:
        """The rows of a table as objects of all columns it has."""
        cursor = self.connection.execute(f'SELECT * FROM "{table}" ORDER BY {order}')  # noqa: S608
        names = [column[0] for column in cursor.description]
        for row in cursor:
            values: dict[str, Any] = dict(zip(names, row, strict=True))
            yield Item(values, f"{table} {values.get('id', values.get('hash', ''))}".rstrip())


def chats_of(db: Foreign) -> Iterator[tuple[Item, list[Item]]]:
    """Each chat that has messages, with them, where both have a table and a number."""
    rows: dict[int, list[Item]] = {}
    for row in db.rows("message", "id"):
        rows.setdefault(row.whole("chat_id"), []).append(row)
    for chat in db.rows("chat", "id"):
        if said := rows.get(chat.whole("id")):
            yield chat, said


@contextmanager
def opened(path: Path) -> Iterator[Foreign]:
    """A database, until the block ends; what it cannot be read for is said in words."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    # A text that is no UTF-8 is a mistake of one program and not worth losing a chat for.
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    try:
        # Half a file may well have whole tables in it, which would then be taken for everything.
        (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            raise sqlite3.DatabaseError(state)
        yield Foreign(connection)
    except sqlite3.Error as error:
        raise Damaged("", f"this database cannot be read: {error}") from error
    finally:
        connection.close()
