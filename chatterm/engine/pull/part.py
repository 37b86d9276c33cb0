"""A file that is being pulled: its bytes under a name of their own, its journal, its digest.

The SHA-256 follows the front, the place up to which everything is here. What arrives at the front
is hashed from memory; what other connections wrote ahead of it, or an earlier run, is read back
once when the front gets there, and its CRC-32 is compared with the journal's: a piece the disk did
not keep is dropped and fetched again. Everything here blocks and may be called from any thread.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from chatterm.engine.pull import origin
from chatterm.engine.pull.journal import Journal, Notes, Version
from chatterm.engine.pull.spans import Span, Spans
from chatterm.errors import ModelError

PIECE = 256 << 10
"""What is written and noted at once: a process that is killed loses less than this for each of
its connections."""
MAGIC = b"GGUF"


class Part:
    """One process's hold on one unfinished file."""

    def __init__(self, target: Path, journal: Journal, version: Version) -> None:
        self.target = target
        self.path = part_path(target)
        self.version = version
        self.fetched = 0
        """Bytes this process wrote."""
        self.changed = 0
        """Pieces that turned out different when they were compared with the server's."""
        self.began_anew = False
        """Whether what an earlier run left was of another version."""
        self._journal = journal
        self._lock = threading.Lock()
        self._present = Spans()
        self._ahead: dict[int, tuple[int, int]] = {}
        self._doubted = False
        self._front = 0
        self._hash = hashlib.sha256()
        with disk_errors(self.path):
            notes = journal.read(PIECE)
            self._file = _open(self.path)
        try:
            with disk_errors(self.path):
                self._take_up(notes)
        except BaseException:
            self._file.close()
            raise

    # -- what is here ------------------------------------------------------------------------

    @property
    def present(self) -> int:
        with self._lock:
            return self._present.total

    @property
    def front(self) -> int:
        """Up to where the digest is computed."""
        return self._front

    @property
    def is_complete(self) -> bool:
        return self._front == self.version.size

    @property
    def sha256(self) -> str:
        """Of everything before the front."""
        return self._hash.hexdigest()

    def missing(self, taken: Spans) -> Span | None:
        """The first range that is not here and that nobody is fetching."""
        with self._lock:
            for start, stop in self._present.gaps(0, self.version.size):
                gap = next(taken.gaps(start, stop), None)
                if gap is not None:
                    return gap
        return None

    def gap_end(self, start: int) -> int:
        """Up to where nothing is here, from ``start`` on."""
        with self._lock:
            return next(self._present.gaps(start, self.version.size))[1]

    # -- changing it -------------------------------------------------------------------------

    def write(self, start: int, data: bytes | bytearray) -> None:
        """Keep bytes that came; afterwards they survive the end of this process."""
        if not data:
            return
        stop = start + len(data)
        crc = zlib.crc32(data)
        with self._lock, disk_errors(self.path):
            if start == 0 and len(data) >= len(MAGIC) and not data.startswith(MAGIC):
                raise ModelError(
                    f"{self.target.name} is not a GGUF file on its server",
                    hint="check the address: a page may have been sent in its place",
                )
            if not (self._doubted and self._is_there(start, data)):
                self._write(start, data)
            self._journal.wrote(start, stop, crc)
            self._present.add(start, stop)
            self.fetched += len(data)
            if start == self._front:
                self._hash.update(data)
                self._front = stop
            else:
                self._ahead[start] = stop, crc

    def advance(self) -> bool:
        """Hash the piece at the front if it is here; False where there is nothing to do."""
        with self._lock, disk_errors(self.path):
            found = self._ahead.pop(self._front, None)
            if found is None:
                return False
            stop, crc = found
            self._file.seek(self._front)
            data = self._file.read(stop - self._front)
            if data is None or len(data) < stop - self._front or zlib.crc32(data) != crc:
                self._journal.dropped(self._front)
                self._present.remove(self._front, stop)
            else:
                self._hash.update(data)
                self._front = stop
            return True

    def doubt(self) -> None:
        """Count everything as missing, but keep the bytes: what comes is compared with them."""
        with self._lock, disk_errors(self.path):
            self._journal.doubted()
            self._doubted = True
            self._present = Spans()
            self._ahead = {}
            self._front = 0
            self._hash = hashlib.sha256()

    @property
    def is_doubted(self) -> bool:
        return self._doubted

    def begin_anew(self, version: Version) -> None:
        """Let go of every byte."""
        with self._lock, disk_errors(self.path):
            self._begin(version)

    def finish(self, source: str) -> None:
        """Put the whole file, and no less, under its final name."""
        assert self.is_complete
        with self._lock, disk_errors(self.target):
            os.fsync(self._file.fileno())
            self._file.close()
            known = Version(self.version.size, self._hash.hexdigest(), self.version.tag)
            origin.remember(self.target, self.path.stat(), known, source)
            self.path.replace(self.target)
            sync_folder(self.target.parent)
        self._journal.remove()

    def discard(self) -> None:
        """Leave nothing behind."""
        self._file.close()
        with disk_errors(self.path):
            self.path.unlink(missing_ok=True)
        self._journal.remove()

    def close(self) -> None:
        """Leave it for a later run, if there is anything to leave."""
        with self._lock:
            is_open, is_empty = not self._file.closed, self._present.total == 0
            self._file.close()
            if is_open and is_empty and not self._doubted:
                with disk_errors(self.path):
                    self.path.unlink(missing_ok=True)
                self._journal.remove()
            self._journal.close()

    # -- the file ----------------------------------------------------------------------------

    def _take_up(self, notes: Notes | None) -> None:
        """Go on with what an earlier run left, if it is of this version."""
        if notes is None or not notes.version.is_same(self.version):
            self.began_anew = notes is not None and bool(notes.pieces)
            self._begin(self.version)
            return
        self._doubted = notes.doubted
        self._ahead = notes.pieces
        for start, (stop, _) in notes.pieces.items():
            self._present.add(start, stop)

    def _begin(self, version: Version) -> None:
        self._file.truncate(0)
        self._journal.begin(version)
        self.version = version
        self._present = Spans()
        self._ahead = {}
        self._doubted = False
        self._front = 0
        self._hash = hashlib.sha256()

    def _is_there(self, start: int, data: bytes | bytearray) -> bool:
        self._file.seek(start)
        if self._file.read(len(data)) == data:
            return True
        self.changed += 1
        return False

    def _write(self, start: int, data: bytes | bytearray) -> None:
        self._file.seek(start)
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) or 0 :]


def part_path(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def journal_path(target: Path) -> Path:
    return target.with_name(target.name + ".part.journal")


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """A disk that fails is an error the user can understand."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ModelError(
                f"the disk of {path.parent} is full",
                hint="free some room and run it again: it goes on where it stopped",
            ) from error
        raise ModelError(
            f"{path} cannot be written: {error.strerror or error}",
            hint="check its folder's rights; chatterm paths shows where models are kept",
        ) from error


def sync_folder(folder: Path) -> None:
    """Make a new name in a folder survive a power cut; Windows needs and knows nothing of it."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _open(path: Path) -> FileIO:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    return FileIO(descriptor, "r+b")
