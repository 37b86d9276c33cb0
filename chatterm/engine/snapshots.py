"""Sequences on disk: what the model remembers of a chat, so that tomorrow it need not read again.

A file is a JSON line (tokens, answers, size and checksum of what follows) and then the state. The
library aborts the process on a damaged state, so nothing is handed to it that was not verified.
The folder is named after model and settings, and the whole of it has a cap.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from chatterm.paths import private_dir

Written: TypeAlias = tuple[int, list[int]]
"""An answer: the position of its first token, and its tokens, the last chosen one included."""

_FORMAT = 1
_MAX_HEADER = 64 << 20


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One sequence, whole."""

    tokens: list[int]
    answers: list[Written]
    state: bytearray


class Snapshots:
    """The snapshots of one model under one set of settings."""

    def __init__(self, root: Path, key: str, cap_bytes: int) -> None:
        """``root`` is shared by all models and its size is what ``cap_bytes`` limits."""
        self._root = root
        self._folder = root / key
        self._cap = cap_bytes
        self._known: dict[Path, list[int]] = {}
        self.answers: list[list[int]] = []
        """The answers in the snapshots found at the start."""
        for path in sorted(self._folder.glob("*.snap")):
            header = _read_header(path)
            if header is None:
                path.unlink(missing_ok=True)
                continue
            self._known[path] = header["tokens"]
            self.answers += [tokens for _, tokens in _answers(header)]

    def best(self, usable: Callable[[list[int]], int]) -> tuple[Path, int] | None:
        """The snapshot of which most can be used."""
        rated = ((usable(tokens), path) for path, tokens in self._known.items())
        most, path = max(rated, default=(0, None), key=lambda pair: pair[0])
        return (path, most) if path is not None and most else None

    def read(self, path: Path) -> Snapshot | None:
        """A snapshot whose checksum holds; a damaged one is dropped."""
        header = _read_header(path)
        state = _read_state(path, header) if header is not None else None
        if header is None or state is None:
            self._drop(path)
            return None
        os.utime(path)
        return Snapshot(header["tokens"], _answers(header), state)

    def write(self, tokens: list[int], answers: list[Written], state: bytearray) -> bool:
        """Keep a sequence; snapshots it contains whole are given up for it."""
        if len(state) > self._cap:
            return False
        name = hashlib.sha256(json.dumps(tokens).encode()).hexdigest()[:24]
        path = self._folder / f"{name}.snap"
        try:
            self._write_file(path, tokens, answers, state)
        except OSError:
            # A full disk costs warmth, never an answer.
            return False
        for other, held in list(self._known.items()):
            if other != path and len(held) < len(tokens) and tokens[: len(held)] == held:
                self._drop(other)
        self._known[path] = list(tokens)
        self._shrink(keep=path)
        return True

    def _write_file(
        self, path: Path, tokens: list[int], answers: list[Written], state: bytearray
    ) -> None:
        private_dir(self._folder)
        header = {
            "format": _FORMAT,
            "tokens": tokens,
            "answers": answers,
            "size": len(state),
            "crc32": zlib.crc32(state),
        }
        partial = path.with_suffix(f".{os.getpid()}.partial")
        try:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(json.dumps(header).encode() + b"\n")
                file.write(state)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    def _shrink(self, keep: Path) -> None:
        """Give up the oldest snapshots of any model until all of them fit under the cap."""
        files = []
        for path in self._root.glob("*/*.snap"):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            files.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self._cap:
                return
            if path != keep:
                self._drop(path)
                total -= size

    def _drop(self, path: Path) -> None:
        self._known.pop(path, None)
        path.unlink(missing_ok=True)


def _read_header(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            header = json.loads(file.readline(_MAX_HEADER))
            start = file.tell()
        whole = path.stat().st_size == start + header["size"]
        known = header["format"] == _FORMAT
        tokens_are_ints = all(type(token) is int for token in header["tokens"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return header if whole and known and tokens_are_ints else None


def _read_state(path: Path, header: dict[str, Any]) -> bytearray | None:
    try:
        with path.open("rb") as file:
            file.readline(_MAX_HEADER)
            state = bytearray(header["size"])
            whole = file.readinto(state) == len(state)
    except OSError:
        return None
    return state if whole and zlib.crc32(state) == header["crc32"] else None


def _answers(header: dict[str, Any]) -> list[Written]:
    return [(start, list(tokens)) for start, tokens in header["answers"]]
