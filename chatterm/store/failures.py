"""The one place where errors of SQLite and of the file system become errors of the store.

Mistakes in our own calls (``ProgrammingError``) pass through: they are bugs, and must look so.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chatterm.errors import StoreError

_BY_SQLITE_CODE = {
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "no-database",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read-only",
    sqlite3.SQLITE_PERM: "read-only",
    sqlite3.SQLITE_AUTH: "read-only",
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_PROTOCOL: "locked",
    sqlite3.SQLITE_CANTOPEN: "unopened",
    sqlite3.SQLITE_IOERR: "input-output",
    sqlite3.SQLITE_TOOBIG: "too-big",
    sqlite3.SQLITE_CONSTRAINT: "refused",
}

_BY_ERRNO = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EROFS: "read-only",
    errno.EACCES: "read-only",
    errno.EPERM: "read-only",
    errno.EIO: "input-output",
}

_TEXTS = {
    "damaged": (
        "the database {name} is damaged",
        "keep a copy of the file, then put a backup in its place; chatterm doctor says more",
    ),
    "no-database": (
        "{name} is not a database, or its beginning is damaged",
        "put a backup in its place, or move it away and chatterm begins a new one",
    ),
    "foreign": (
        "{name} is not a database of chatterm",
        "move it away, or set CHATTERM_HOME to another folder",
    ),
    "full": (
        "the disk is full: {name} could not be written",
        "free some space, then try again; what was stored before is safe",
    ),
    "read-only": (
        "{name} cannot be written",
        "check who owns the file and its folder, and their permissions",
    ),
    "locked": (
        "another program keeps {name} locked",
        "wait a moment and try again, or close the other program",
    ),
    "unopened": (
        "{name} cannot be opened",
        "check that its folder exists and that you may write there",
    ),
    "input-output": (
        "reading or writing {name} failed",
        "check the disk and its free space; what was stored before is safe",
    ),
    "too-big": ("this is too large to be stored", "split it, or attach less"),
    "refused": (
        "{name} refused a change that would break a rule of its own",
        "nothing was changed; this is a bug, please report it",
    ),
    "other": (
        "the database {name} could not do what was asked",
        "chatterm doctor checks it; if it is sound, this is a bug, please report it",
    ),
}


@contextmanager
def translated(path: Path | None) -> Iterator[None]:
    """Turn what goes wrong with the file at ``path`` into a StoreError with a hint."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.Error as error:
        raise failure(_sqlite_kind(error), path, str(error)) from error
    except OSError as error:
        kind = _BY_ERRNO.get(error.errno or 0, "unopened")
        raise failure(kind, path, str(error)) from error


def failure(kind: str, path: Path | None, detail: str = "") -> StoreError:
    """The StoreError for one kind of trouble, in the user's words."""
    message, hint = _TEXTS[kind]
    name = str(path) if path else "the temporary chat in memory"
    return StoreError(message.format(name=name), hint=hint, detail=detail)


def _sqlite_kind(error: sqlite3.Error) -> str:
    # Extended codes keep the primary one in their lowest byte.
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return "too-big" if isinstance(error, sqlite3.DataError) else "other"
    return _BY_SQLITE_CODE.get(code & 0xFF, "other")
