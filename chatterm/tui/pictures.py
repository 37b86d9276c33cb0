"""The pictures that are to go with the next message, held until it is sent.

A draft keeps them by their paths, as mentions at its end, so that they outlive a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from chatterm.attachments.content import Content
from chatterm.attachments.files import read_file
from chatterm.attachments.mentions import is_picture, mention, mentioned
from chatterm.errors import ChattermError


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, and where it lies."""

    path: Path
    content: Content


class Pictures:
    """In the order they were taken."""

    def __init__(self, folder: Path, changed: Callable[[], None]) -> None:
        self._folder = folder
        self._changed = changed
        self._held: list[Picture] = []

    def __iter__(self) -> Iterator[Picture]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def add(self, path: Path) -> Picture:
        """Read one and hold it; a ConfigError where it cannot be read."""
        path = self._folder / path
        known = next((picture for picture in self._held if picture.path == path), None)
        if known is not None:
            return known
        picture = Picture(path, read_file(path, path.name))
        self._held.append(picture)
        self._changed()
        return picture

    def remove(self, picture: Picture) -> None:
        if picture in self._held:
            self._held.remove(picture)
            self._changed()

    def pop(self, number: int = -1) -> None:
        """Leave one out."""
        if -len(self._held) <= number < len(self._held):
            del self._held[number]
            self._changed()

    def take(self) -> tuple[Content, ...]:
        """All of them, for a message that is sent now."""
        contents = tuple(picture.content for picture in self._held)
        self._held.clear()
        self._changed()
        return contents

    def draft(self, text: str) -> str:
        """The text with what goes along, as it is kept."""
        return "\n".join([*([text] if text else []), *(mention(one.path) for one in self._held)])

    def restore(self, draft: str) -> str:
        """The text of a draft; what it names at its end is held again."""
        self._held.clear()
        lines = draft.split("\n")
        found: list[Path] = []
        while lines and (paths := self._alone(lines[-1])):
            found[:0] = paths
            lines.pop()
        for path in found:
            try:
                self._held.append(Picture(path, read_file(path, path.name)))
            except ChattermError:
                lines.append(mention(path))
        self._changed()
        return "\n".join(lines)

    def _alone(self, line: str) -> Sequence[Path]:
        """The picture that is all that a line says."""
        if not line.startswith("@/"):
            return ()
        paths = mentioned(line, self._folder)
        return paths if [mention(path) for path in paths] == [line] and is_picture(paths[0]) else ()
