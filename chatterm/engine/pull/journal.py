"""The notes beside a file that is being pulled: what of it is here, and of which version.

Lines are appended after the bytes they speak of and never changed, so whatever kills the process
leaves a journal that is true. Each names the CRC-32 of its bytes: what a power cut took from the
file, but not from the journal, is found when the file is read. The journal is also the lock.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from typing import Any

from chatterm.engine.locks import try_lock
from chatterm.engine.pull.spans import Spans

FORMAT = 1
_LONGEST_HEADER = 1 << 16


@dataclass(frozen=True, slots=True)
class Version:
    """What tells one version of a file on a server from another."""

    size: int
    sha256: str = ""
    tag: str = ""
    """The server's ETag, or the date of its last change."""

    def is_same(self, other: Version) -> bool:
        """Whether bytes of the two may be mixed."""
        if self.size != other.size:
            return False
        if self.sha256 and other.sha256:
            return self.sha256 == other.sha256
        return bool(self.tag) and self.tag == other.tag


@dataclass(slots=True)
class Notes:
    """What a journal says."""

    version: Version
    pieces: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Where each piece that is here begins: where it ends, and its CRC-32."""
    doubted: bool = False
    """Whether the rest of the file holds bytes that are being compared with the server's."""


class Journal:
    """An open journal, and with it the right to write to the file."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def claim(cls, path: Path) -> Journal | None:
        """Open and lock the journal; None while another process has it."""
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            if not try_lock(descriptor):
                os.close(descriptor)
                return None
            if _is_at(descriptor, path):
                return cls(path, descriptor)
            # It was removed by one who finished, between the opening and the locking.
            os.close(descriptor)

    def begin(self, version: Version) -> None:
        """Forget everything and start with this version."""
        os.ftruncate(self._descriptor, 0)
        self._append(json.dumps({"format": FORMAT, **asdict(version)}))

    def wrote(self, start: int, stop: int, crc: int) -> None:
        self._append(f"+ {start} {stop} {crc:08x}")

    def dropped(self, start: int) -> None:
        """The piece that begins there is not what was written."""
        self._append(f"- {start}")

    def doubted(self) -> None:
        """Nothing is certain any more, though the bytes are still there."""
        self._append("?")

    def read(self, longest_piece: int) -> Notes | None:
        """What was noted so far; None if that cannot be used."""
        return read_notes(self.path, longest_piece)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def remove(self) -> None:
        self.close()
        with suppress(OSError):
            self.path.unlink()

    def _append(self, line: str) -> None:
        os.write(self._descriptor, line.encode() + b"\n")


def read_notes(path: Path, longest_piece: int) -> Notes | None:
    """Read a journal, also one that another process is writing."""
    with path.open("rb") as file:
        version = _version(file.readline(_LONGEST_HEADER))
        if version is None:
            return None
        notes = Notes(version)
        present = Spans()
        for line in file:
            if line.endswith(b"\n"):
                _take(notes, present, line.split(), longest_piece)
    return notes


def _take(notes: Notes, present: Spans, words: list[bytes], longest_piece: int) -> None:
    """Add one line. One that was torn, or says what cannot be, is passed over."""
    with suppress(ValueError, KeyError):
        match words:
            case [b"+", start_word, stop_word, crc]:
                start, stop = int(start_word), int(stop_word)
                possible = 0 <= start < stop <= min(notes.version.size, start + longest_piece)
                if possible and not present.overlaps(start, stop):
                    notes.pieces[start] = stop, int(crc, 16)
                    present.add(start, stop)
            case [b"-", start_word]:
                stop, _ = notes.pieces.pop(int(start_word))
                present.remove(int(start_word), stop)
            case [b"?"]:
                notes.pieces.clear()
                present.remove(0, notes.version.size)
                notes.doubted = True


def _version(line: bytes) -> Version | None:
    try:
        said: dict[str, Any] = json.loads(line)
        if said.pop("format") != FORMAT:
            return None
        version = Version(**said)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return version if [type(value) for value in astuple(version)] == [int, str, str] else None


def _is_at(descriptor: int, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False
