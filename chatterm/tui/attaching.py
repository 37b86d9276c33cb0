"""Files that a message names with ``@``: found when it is sent, and sent along."""

from __future__ import annotations

import re
from pathlib import Path

from chatterm.attachments.content import Content
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
