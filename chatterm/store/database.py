"""One connection to the database: how it is opened, asked, and written in whole steps.

Statements live in the other modules; this one sees to it that every failure is translated and
that every write happens inside :meth:`Database.atomic`.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

from chatterm.errors import StoreError
from chatterm.store.failures import failure, translated

LEDGER = ("m001_tree", "m002_search", "m003_votes", "m004_summaries", "m005_reasoning_tokens")
"""The migrations this version knows, in order.

They are named here as well as in ``migrations.py`` so that opening an up-to-date file does not
import sqlite_utils, which costs more than everything else the store does to open.
"""

BUSY_SECONDS = 10.0

Row: TypeAlias = tuple[Any, ...]
Values: TypeAlias = Sequence[object]


class Database:
    """A connection with foreign keys, durable commits, and StoreErrors for errors."""

    def __init__(self, connection: sqlite3.Connection, path: Path | None) -> None:
        self.connection = connection
        self.path = path

    def close(self) -> None:
        with translated(self.path):
            self.connection.close()

    def interrupt(self) -> None:
        """From another thread: what is being asked now fails with a StoreError."""
        self.connection.interrupt()

    def rows(self, sql: str, values: Values = ()) -> list[Row]:
        with translated(self.path):
            return self._execute(sql, values).fetchall()

    def each(self, sql: str, values: Values = ()) -> Iterator[Row]:
        """The same one by one, for thousands of rows: to be used up at once."""
        with translated(self.path):
            yield from self._execute(sql, values)

    def row(self, sql: str, values: Values = ()) -> Row | None:
        with translated(self.path):
            found: Row | None = self._execute(sql, values).fetchone()
            return found

    def value(self, sql: str, values: Values = ()) -> Any:
        """The first column of the first row, or None."""
        found = self.row(sql, values)
        return found[0] if found else None

    def run(self, sql: str, values: Values = ()) -> int:
        """Write, and return how many rows were touched."""
        with translated(self.path):
            return self._execute(sql, values).rowcount

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """All of it or nothing; may be nested."""
        nested = self.connection.in_transaction
        # IMMEDIATE, because a transaction that reads first and writes later cannot wait for
        # another process: SQLite refuses it at once, whatever the busy timeout.
        self.run("SAVEPOINT nested" if nested else "BEGIN IMMEDIATE")
        try:
            yield
            self.run("RELEASE nested" if nested else "COMMIT")
        except BaseException:
            # A full disk makes SQLite roll back on its own; a second rollback would hide why.
            if self.connection.in_transaction:
                with suppress(sqlite3.Error):
                    self._roll_back(nested)
            raise

    def _roll_back(self, nested: bool) -> None:
        if nested:
            self.connection.execute("ROLLBACK TO nested")
            self.connection.execute("RELEASE nested")
        else:
            self.connection.execute("ROLLBACK")

    def _execute(self, sql: str, values: Values) -> sqlite3.Cursor:
        try:
            return self.connection.execute(sql, values)
        except UnicodeEncodeError:
            # Half a surrogate pair, as Python makes of command-line bytes that are not UTF-8.
            return self.connection.execute(sql, [_encodable(value) for value in values])


def open_database(path: Path | None) -> Database:
    """Open a file, or memory, and bring its schema up to date."""
    if path is None:
        database = Database(_connect(":memory:"), None)
    else:
        with translated(path):
            _make_private(path)
            database = Database(_connect(path), path)
    try:
        _prepare(database)
    except BaseException:
        database.connection.close()
        raise
    return database


def pending(database: Database) -> tuple[list[str], list[str]]:
    """The migrations a file has had and those it lacks; refuse a file that is not ours.

    Only reads, so a file that is refused stays as it is.
    """
    tables = {name for (name,) in database.rows("SELECT name FROM sqlite_master")}
    applied: list[str] = []
    if "_sqlite_migrations" in tables:
        applied = [
            name
            for (name,) in database.rows(
                "SELECT name FROM _sqlite_migrations WHERE migration_set = 'chatterm' ORDER BY id"
            )
        ]
    if tables and not applied:
        raise failure("foreign", database.path)
    unknown = [name for name in applied if name not in LEDGER]
    if unknown:
        raise StoreError(
            f"{database.path} was written by a newer chatterm",
            hint="upgrade chatterm, or set CHATTERM_HOME to another folder",
            detail=f"unknown migrations: {', '.join(unknown)}",
        )
    return applied, [name for name in LEDGER if name not in applied]


def _connect(path: Path | str) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)


def _prepare(database: Database) -> None:
    _, missing = pending(database)
    # Deleted words must not survive in pages that SQLite merely marks as free; not every build
    # of SQLite has this on.
    database.row("PRAGMA secure_delete = ON")
    database.run("PRAGMA foreign_keys = ON")
    database.run("PRAGMA synchronous = FULL")
    # Room for a long chat; with the 2 MB of the default, reading one evicts its own index.
    database.run("PRAGMA cache_size = -32000")
    if missing:
        from chatterm.store.migrations import migrate

        migrate(database)
    if database.path is not None and database.value("PRAGMA journal_mode") != "wal":
        _use_wal(database)


def _use_wal(database: Database) -> None:
    """Let readers and a writer work side by side.

    The switch needs the file for itself and SQLite does not wait for that; where another process
    is just opening it too, one of the two will do it, now or at the next open.
    """
    with suppress(sqlite3.OperationalError):
        database.connection.execute("PRAGMA journal_mode = WAL").fetchone()


def _make_private(path: Path) -> None:
    """Create the file before SQLite does, which would let others read it; -wal follows suit."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        return
    if stat.S_IMODE(mode) & 0o077 and stat.S_ISREG(mode):
        with suppress(PermissionError):
            path.chmod(0o600)


def _encodable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value
