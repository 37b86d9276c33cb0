"""A GGUF file through a window that follows its parser; every length is checked before use.

Nothing the file claims is believed here, so a broken or hostile one costs an error, not memory or
minutes. What the bytes mean is ``gguf_file``'s.
"""

from __future__ import annotations

import functools
import re
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from chatterm.engine.gguf_values import AGAIN, damaged
from chatterm.errors import ModelError

MAX_ELEMENTS: Final = 1 << 22
_WINDOW: Final = 1 << 20
_RUN: Final = 128
"""Strings stepped over by one match of a regular expression."""
_MAX_HEADER: Final = 1 << 28
_MAX_KEPT: Final = 1 << 25
"""Bytes of keys, names and values that are held at once; real files stay below one million."""
_LENGTH: Final = struct.Struct("<Q")
_ACCESS: Final = "Look at its permissions, and at the disk it lies on."


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """A regular file and its size; whatever the system refuses becomes a ModelError."""
    try:
        status = path.stat()
    except FileNotFoundError as error:
        gone = f"{path} points to a file that is gone." if path.is_symlink() else ""
        raise ModelError(
            gone or f"There is no file {path}.", hint="See what is there with: chatterm models list"
        ) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}.", hint=_ACCESS) from error
    if stat.S_ISDIR(status.st_mode):
        raise ModelError(f"{path} is a folder, not a model file.", hint="Name a .gguf file in it.")
    # opening a pipe would wait for somebody to write into it
    if not stat.S_ISREG(status.st_mode):
        raise ModelError(f"{path} is not a regular file.", hint="Name a .gguf file.")
    try:
        with path.open("rb") as file:
            yield file, status.st_size
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.", hint=_ACCESS) from error


class Window:
    """No memory map: a download that shortens the file would end the process with a bus error."""

    def __init__(self, file: BinaryIO, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self._file = file
        self._buffer = b""
        self._start = 0
        self._at = 0
        self._kept = 0
        self._stepped = 0

    @property
    def position(self) -> int:
        return self._start + self._at

    def take(self, count: int, what: str) -> bytes:
        if self._at + count > len(self._buffer):
            self._fill(count, what)
        data = self._buffer[self._at : self._at + count]
        self._at += count
        return data

    def skip(self, count: int, what: str) -> None:
        self._check(self.position + count, what)
        self._at += count

    def rewind(self, position: int) -> None:
        self._at = position - self._start
        if self._at < 0:
            self._buffer, self._start, self._at = b"", position, 0

    def scalar(self, layout: struct.Struct, what: str) -> bool | int | float:
        value: bool | int | float = layout.unpack(self.take(layout.size, what))[0]
        return value

    def u32(self, what: str) -> int:
        return int.from_bytes(self.take(4, what), "little")

    def u64(self, what: str) -> int:
        return int.from_bytes(self.take(8, what), "little")

    def string(self, limit: int, what: str) -> bytes:
        length = self.u64(what)
        if length > limit:
            self._check(self.position + length, what)
            damaged(self.path, f"{what} is {length:,} bytes long")
        return self.take(length, what)

    def skip_strings(self, count: int, what: str) -> None:
        self._stepped += count
        if self._stepped > MAX_ELEMENTS:
            damaged(self.path, f"{what} and what comes before it hold {self._stepped:,} texts")
        while count:
            if self._at + 8 > len(self._buffer):
                self._fill(8, what)
            count -= self._skip_buffered_strings(count)
            self._check(self.position, what)

    def keep(self, size: int) -> None:
        """Account for something that stays in memory."""
        self._kept += size
        if self._kept > _MAX_KEPT:
            damaged(self.path, "its metadata is larger than that of any model")

    def _skip_buffered_strings(self, count: int) -> int:
        buffer, at, left = self._buffer, self._at, count
        match = _short_strings().match
        while left >= _RUN and (run := match(buffer, at)):
            at = run.end()
            left -= _RUN
        length = _LENGTH.unpack_from
        try:
            for _ in range(min(left, _RUN)):
                at += 8 + length(buffer, at)[0]
                left -= 1
        except (struct.error, OverflowError):
            pass  # the next string begins beyond the window
        self._at = at
        return count - left

    def _fill(self, count: int, what: str) -> None:
        position = self.position
        self._check(position + count, what)
        self._file.seek(position)
        self._buffer = self._file.read(max(count, _WINDOW))
        self._start, self._at = position, 0
        # the file may have shrunk since its size was asked for
        self._check(position + count, what, position + len(self._buffer))

    def _check(self, end: int, what: str, size: int | None = None) -> None:
        if end > (self.size if size is None else size):
            raise ModelError(
                f"{self.path.name} is truncated or damaged: {what} goes on "
                f"after the end of the file ({self.size:,} bytes).",
                hint=AGAIN,
            )
        if end > _MAX_HEADER:
            damaged(self.path, f"its header is larger than {_MAX_HEADER:,} bytes")


@functools.cache
def _short_strings() -> re.Pattern[bytes]:
    """Matches ``_RUN`` strings of less than 64 bytes.

    Stepping over a vocabulary string by string costs 100 ns each in Python and is most of the
    time a header takes; the regular expression engine needs a third of that.
    """
    by_length = b"|".join(re.escape(bytes([n])) + rb"\0{7}.{%d}" % n for n in range(64))
    return re.compile(rb"(?:%s){%d}+" % (by_length, _RUN), re.DOTALL)
