"""What the header of a GGUF file holds, and how a value of the wrong kind is told.

``gguf_file`` makes these of bytes, ``gguf`` makes sense of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn, TypeAlias

from chatterm.errors import ModelError

AGAIN: Final = "Download it again, or take another file."

Scalar: TypeAlias = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Skipped:
    """An array or a text too long to be kept; ``read_array`` reads an array."""

    kind: str
    """What it holds: ``u32``, ``string`` ... or ``text`` for a single long string."""
    count: int
    """Elements, or bytes of a text."""
    offset: int


Value: TypeAlias = Scalar | tuple[Scalar, ...] | Skipped


@dataclass(frozen=True, slots=True)
class Tensor:
    name: str
    shape: tuple[int, ...]
    """The fastest-moving dimension first, as in the file."""
    type: str
    offset: int
    """From the start of the weights."""
    size: int

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class RawHeader:
    """What the file says, before anybody asks what it means."""

    path: Path
    version: int
    file_size: int
    expected_size: int
    data_offset: int
    metadata: Mapping[str, Value]
    tensors: tuple[Tensor, ...]


def find_number(path: Path, metadata: Mapping[str, Value], key: str, default: int = 0) -> int:
    return whole(path, key, metadata[key]) if key in metadata else default


def find_text(path: Path, metadata: Mapping[str, Value], key: str) -> str:
    value = metadata.get(key, "")
    if not isinstance(value, str):
        wrong_type(path, key, value, "a text")
    return value


def damaged(path: Path, what: str) -> NoReturn:
    raise ModelError(f"{path.name} is damaged: {what}.", hint=AGAIN)


def wrong_type(path: Path, key: str, value: Value, wanted: str) -> NoReturn:
    if isinstance(value, Skipped):
        found = f"{value.count:,} bytes" if value.kind == "text" else f"{value.count:,} elements"
    else:
        found = "a list" if isinstance(value, tuple) else shown(value)
    damaged(path, f"{shown(key)} is {found}, where {wanted} belongs")


def whole(path: Path, key: str, value: Value) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        wrong_type(path, key, value, "a whole number")
    return value


def shown(value: object) -> str:
    """For a message: what the file says may hold control characters and have any length."""
    text = value if isinstance(value, str) else repr(value)
    short = text if len(text) <= 60 else text[:57] + "..."
    return "".join(c if c.isprintable() else "?" for c in short)
