"""Files that a message names with ``@``, or whose paths are pasted: found, and sent along."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from urllib.parse import unquote, urlparse

from chatterm.attachments.content import Content, picture_type
from chatterm.attachments.files import read_file, read_folder

_MENTION = re.compile(r"(?<!\S)@((?:\\ |\S)+)")


def mentioned(text: str, folder: Path) -> list[Path]:
    """The files and folders that a text names; an @ before anything else is only a sign."""
    found: list[Path] = []
    for match in _MENTION.finditer(text):
        name = match[1].replace("\\ ", " ")
        for candidate in (name, name.rstrip(".,;:!?)")):
            path = Path(candidate).expanduser()
            if (folder / path).exists() and path not in found:
                found.append(path)
                break
    return found


def contents_of(text: str, folder: Path) -> tuple[Content, ...]:
    """What is sent along; a ConfigError where a file is not fit to be."""
    contents: list[Content] = []
    for path in mentioned(text, folder):
        place = folder / path
        if place.is_dir():
            contents += read_folder(place).contents
        else:
            contents.append(read_file(place, str(path)))
    return tuple(contents)


def mention(path: Path) -> str:
    """How a text names that file."""
    return "@" + str(path).replace(" ", "\\ ")


def pictures_in(pasted: str, folder: Path) -> list[Path]:
    """The pictures whose paths were pasted or dropped, if it was nothing but that."""
    try:
        words = shlex.split(pasted) if len(pasted) < 4096 and "\n" not in pasted.strip() else []
    except ValueError:
        return []
    # A path with blanks that nobody quoted is one path all the same.
    for names in (words, [pasted.strip()]):
        paths = [_path(name, folder) for name in names]
        if paths and all(is_picture(path) for path in paths):
            return paths
    return []


def is_picture(path: Path) -> bool:
    """Whether the file begins as a picture does."""
    try:
        with path.open("rb") as file:
            return bool(picture_type(file.read(16)))
    except (OSError, ValueError):
        return False


def _path(name: str, folder: Path) -> Path:
    if name.startswith("file://"):
        name = unquote(urlparse(name).path)
    return folder / Path(name).expanduser()
