"""Answers whose writer died: told from those still being written, and brought to an end.

A process that writes an answer holds a lock on a small file of its own, and the row names that
file. The system drops the lock when the process dies, however it dies, and keeps it while the
process is only suspended; a pid or a heartbeat would be wrong in one of the two cases.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from chatterm.ids import NewId
from chatterm.messages import State, Stop
from chatterm.store.database import Database
from chatterm.store.failures import translated

CUT_OFF = "the program ended before this answer was finished"

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class Writer:
    """This process as a writer of answers: a name for its rows and the lock behind it."""

    def __init__(self, path: Path | None, new_id: NewId) -> None:
        self._folder = _folder(path) if path else None
        self._new_id = new_id
        self._name = ""
        self._descriptor: int | None = None

    def name(self) -> str:
        """The name to write into rows. The lock is taken at the first call, since most runs
        only read."""
        if self._folder is not None and self._descriptor is None:
            with translated(self._folder):
                _sweep(self._folder)
                self._name, self._descriptor = self._take(self._folder)
        return self._name

    def release(self) -> None:
        """Give the lock back; what is still being written then counts as cut off."""
        if self._folder is not None and self._descriptor is not None:
            with suppress(OSError):
                (self._folder / self._name).unlink()
            os.close(self._descriptor)
            self._descriptor = None
            with suppress(OSError):
                self._folder.rmdir()

    def _take(self, folder: Path) -> tuple[str, int]:
        while True:
            folder.mkdir(mode=0o700, exist_ok=True)
            name = self._new_id()
            path = folder / name
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            except FileNotFoundError:
                continue  # another process just removed the folder, empty as it was
            # Someone sweeping may have locked or removed the file before it was locked here.
            if _try_lock(descriptor) and _is_at(descriptor, path):
                return name, descriptor
            os.close(descriptor)


def recover(database: Database, now: float) -> int:
    """Turn answers of dead writers into stopped ones; return how many there were."""
    writing = database.rows(
        "SELECT DISTINCT answers.writer FROM messages"
        " JOIN answers ON answers.message_id = messages.id WHERE messages.state = 'writing'"
    )
    if not writing or database.path is None:
        return 0
    folder = _folder(database.path)
    count = 0
    for (name,) in writing:
        with _dead(folder / name) as dead:
            if dead:
                count += _stop(database, name, now)
    return count


def _stop(database: Database, writer: str, now: float) -> int:
    with database.atomic():
        ids = [
            message_id
            for (message_id,) in database.rows(
                "SELECT messages.id FROM messages"
                " JOIN answers ON answers.message_id = messages.id"
                " WHERE messages.state = 'writing' AND answers.writer = ?",
                (writer,),
            )
        ]
        for message_id in ids:
            database.run(
                "UPDATE answers SET stop = ?, finished_at = ? WHERE message_id = ?",
                (Stop.CANCELLED, now, message_id),
            )
            database.run(
                "UPDATE messages SET state = ?, error = ? WHERE id = ?",
                (State.STOPPED, CUT_OFF, message_id),
            )
    return len(ids)


def _folder(path: Path) -> Path:
    return path.with_name(path.name + "-writers")


@contextmanager
def _dead(path: Path) -> Iterator[bool]:
    """Whether nobody holds this writer's lock; while True is used, it is held here."""
    free = False  # where it cannot be told, the answer is left alone
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError as error:
        yield isinstance(error, FileNotFoundError)
        return
    try:
        with suppress(OSError):
            free = _try_lock(descriptor)
        yield free
        if free:
            with suppress(OSError):
                path.unlink()
    finally:
        os.close(descriptor)


def _sweep(folder: Path) -> None:
    """Remove the files of processes that died without leaving an answer behind."""
    with suppress(FileNotFoundError):
        for path in list(folder.iterdir()):
            with _dead(path):
                pass


def _is_at(descriptor: int, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False
