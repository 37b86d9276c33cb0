"""Files and folders as attachments.

A folder gives its texts: what version control ignores, hidden files and links are left out, and
what is no text is named and left out. A file that is named by itself must be fit to be sent.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chatterm.attachments.content import FILE_LIMIT, Content, content_of
from chatterm.errors import ConfigError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

FOLDER_FILES = 1000
FOLDER_LIMIT = 20_000_000
"""Bytes of all texts of one folder."""
_HEAD = 8192


@dataclass(frozen=True, slots=True)
class Folder:
    """The texts of a folder, and the names of what is no text."""

    contents: list[Content]
    left_out: list[str]


def read_file(path: Path, name: str = "") -> Content:
    """One file, which may also be a pipe, as the shell's ``<(command)`` is."""
    name = name or _name_of(path)
    try:
        with path.open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
    except FileNotFoundError as error:
        raise ConfigError(f"there is no file {name}", hint="check the name") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"{name} cannot be read: {reason}") from error
    if len(data) > FILE_LIMIT:
        raise too_long(name)
    return content_of(name, data)


def _name_of(path: Path) -> str:
    """A name that can be stored; on disk it may be any bytes."""
    return os.fsencode(path).decode("utf-8", "replace")


def too_long(name: str) -> ConfigError:
    return ConfigError(
        f"{name} is longer than {FILE_LIMIT // 1_000_000} MB", hint="send the part that matters"
    )


def read_folder(folder: Path) -> Folder:
    """Everything in a folder that a person wrote, in the order of its names."""
    contents: list[Content] = []
    left_out: list[str] = []
    size = 0
    for path in _files(folder):
        if len(contents) >= FOLDER_FILES:
            raise _too_much(folder, f"more than {FOLDER_FILES:,} files")
        content = _text_in(path)
        if content is None:
            left_out.append(_name_of(path))
            continue
        size += len(content.data)
        if size > FOLDER_LIMIT:
            raise _too_much(folder, f"more than {FOLDER_LIMIT // 1_000_000} MB of text")
        contents.append(content)
    if not contents:
        raise ConfigError(
            f"there is no text in the folder {folder}",
            hint="hidden files and those that .gitignore names are left out; name them one by one",
        )
    return Folder(contents, left_out)


def _text_in(path: Path) -> Content | None:
    """The text of a file; of anything else no more than its beginning is read."""
    try:
        with path.open("rb") as file:
            if content_of("", file.read(_HEAD)).is_image:
                return None
        return read_file(path)
    except (OSError, ConfigError):
        return None


def _too_much(folder: Path, what: str) -> ConfigError:
    return ConfigError(f"the folder {folder} has {what}", hint="send the parts that matter")


def _files(folder: Path) -> Iterator[Path]:
    yield from _walk(folder, _ignores_above(folder.resolve()))


_Ignores = Sequence[tuple[Path, "GitIgnoreSpec"]]
"""The rules that count somewhere, each with the folder it speaks of; the last one wins."""


def _walk(folder: Path, ignores: _Ignores) -> Iterator[Path]:
    whole = folder.resolve()
    own = _rules(whole / ".gitignore")
    if own is not None:
        ignores = [*ignores, (whole, own)]
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be read: {error.strerror}") from error
    for entry in entries:
        is_folder = entry.is_dir(follow_symlinks=False)
        if entry.name.startswith(".") or _ignored(whole / entry.name, is_folder, ignores):
            continue
        if is_folder:
            yield from _walk(folder / entry.name, ignores)
        elif entry.is_file(follow_symlinks=False):
            yield folder / entry.name


def _ignored(path: Path, is_folder: bool, ignores: _Ignores) -> bool:
    """What the nearest rules that speak of a path say; git asks in the same order."""
    for base, spec in reversed(ignores):
        name = path.relative_to(base).as_posix() + ("/" if is_folder else "")
        said = spec.check_file(name).include
        if said is not None:
            return said
    return False


def _ignores_above(folder: Path) -> _Ignores:
    """The rules of the repository that a folder lies in, from its top to the folder's parent."""
    above = [folder, *folder.parents]
    top = next((place for place in above if (place / ".git").exists()), None)
    if top is None:
        return []
    places = reversed(above[1 : above.index(top) + 1])
    files = [(top, top / ".git" / "info" / "exclude")]
    files += [(place, place / ".gitignore") for place in places]
    return [(place, rules) for place, file in files if (rules := _rules(file)) is not None]


def _rules(file: Path) -> GitIgnoreSpec | None:
    from pathspec import GitIgnoreSpec
    from pathspec.patterns.gitignore import GitIgnorePatternError

    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    spec = GitIgnoreSpec.from_lines([])
    for line in lines:
        # A line that is no pattern says nothing, as it does to git.
        with suppress(GitIgnorePatternError):
            spec += GitIgnoreSpec.from_lines([line])
    return spec
