"""The files around here, for ``@``: what version control knows, else what a walk finds."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from chatterm.attachments.content import picture_type
from chatterm.tui.fuzzy import ranked
from chatterm.tui.widgets.chips import size_text
from chatterm.tui.widgets.rows import Row
from chatterm.tui.widgets.status import tokens

_MOST_FILES = 50_000
_SHOWN = 20
_PREVIEW_BYTES = 400
_BYTES_A_TOKEN = 3.6
_SKIPPED = {"node_modules", "__pycache__", "venv", "target", "dist", "build"}


class FileShelf:
    """Names of files below a folder, found once, in a thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names: Sequence[str] | None = None

    @property
    def loaded(self) -> bool:
        return self._names is not None

    def load(self) -> None:
        """Find the names; it takes a while in a large folder."""
        self._names = sorted(_known_to_git(self.folder) or _walked(self.folder), key=_order)

    def rows(self, query: str) -> list[Row]:
        """The best matches, each with its size in tokens and how it begins."""
        if query.startswith(("/", "~", "..")):
            return self._outside(query)
        found = ranked(query, self._names or (), lambda name: name, most=_SHOWN)
        return [_row(f"@{name}", self.folder / name) for name, _ in found]

    def _outside(self, query: str) -> list[Row]:
        """Files elsewhere, folder by folder."""
        head, _, last = query.rpartition("/")
        folder = self.folder / Path(f"{head}/").expanduser()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name.lower())
        except OSError:
            return []
        rows = []
        for entry in entries:
            if entry.name.lower().startswith(last.lower()):
                name = f"@{head}/{entry.name}"
                rows.append(
                    Row(f"{name}/", f"{name}/") if entry.is_dir() else _row(name, Path(entry.path))
                )
        return rows[:_SHOWN]


def _row(name: str, file: Path) -> Row:
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            head = opened.read(_PREVIEW_BYTES)
    except OSError:
        return Row(_quoted(name), name)
    if picture_type(head):
        return Row(_quoted(name), name, right=size_text(size), detail="picture")
    if b"\0" in head:
        return Row(_quoted(name), name, right=size_text(size), detail="not text")
    text = " ".join(head.decode("utf-8", "replace").split())
    said = f"{tokens(round(size / _BYTES_A_TOKEN))} tokens"
    return Row(_quoted(name), name, right=said, detail=text)


def _quoted(name: str) -> str:
    return name.replace(" ", "\\ ")


def _known_to_git(folder: Path) -> list[str]:
    try:
        ran = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=folder,
            capture_output=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    if ran.returncode != 0:
        return []
    names = ran.stdout.decode("utf-8", "replace").split("\0")
    return [name for name in names[:_MOST_FILES] if name]


def _walked(folder: Path) -> list[str]:
    return [name for name, _ in zip(_walk(folder), range(_MOST_FILES), strict=False)]


def _walk(folder: Path) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _SKIPPED]
        for name in files:
            if not name.startswith("."):
                yield os.path.relpath(os.path.join(place, name), folder)  # noqa: PTH118


def _order(name: str) -> tuple[int, str]:
    return name.count("/"), name.lower()
