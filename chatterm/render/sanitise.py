"""Makes text from models, servers and files harmless on a terminal.

Control characters become visible signs, so no escape sequence, no bell and no reversed text ever
reaches the screen. The work is character by character, hence safe at any cut of a stream; only a
final ``\\r`` must wait for what follows, which is what ``Cleaner`` is for.
"""

from __future__ import annotations

import re

LONGEST_LINE = 20_000
_SEARCHED = 200
"""How far beyond that a blank is looked for."""
_VISIBLE_CONTROLS = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"}
_REPLACED = [
    *range(0x80, 0xA0),  # C1, where 0x9b alone begins an escape sequence
    *range(0x202A, 0x202F),  # bidi embeddings and overrides
    *range(0x2066, 0x206A),  # bidi isolates
    *range(0xD800, 0xE000),  # half characters, which no terminal can be sent
]
_DROPPED = [
    0x00AD,  # a soft hyphen: terminals do not agree on its width
    0x061C,  # bidi marks: they show nothing, and turn only the punctuation beside them
    0x200E,
    0x200F,
]
_TABLE: dict[int, int | None] = {
    **_VISIBLE_CONTROLS,
    0x7F: 0x2421,
    **dict.fromkeys(_REPLACED, 0xFFFD),
    **dict.fromkeys(_DROPPED),
    0x2028: 0x0A,
    0x2029: 0x0A,
}


_JOINER = "\u200d"
_JOINS_NOTHING = re.compile(r"(?<=[\0-\u05ff\u3000-\ua4cf\uac00-\ud7ff\uff00-\uffef])\u200d+")
"""After letters that are never joined: it shows nothing there, but hides the next one's width."""


def sanitise(text: str, before: str = "") -> str:
    """The same text without anything a terminal would obey; ``before`` stands before it."""
    text = text.replace("\r\n", "\n").translate(_TABLE)
    if _JOINER in text:
        return _JOINS_NOTHING.sub("", before + text)[len(before) :]
    return text


class Cleaner:
    """The same for a text that comes in pieces. Lines beyond measure are cut."""

    def __init__(self) -> None:
        self._held = ""
        self._last = ""
        self._column = 0

    def feed(self, text: str) -> str:
        text = self._held + text
        self._held = "\r" if text.endswith("\r") else ""
        return self._clean(text[:-1] if self._held else text)

    def finish(self) -> str:
        held, self._held = self._held, ""
        return self._clean(held)

    def _clean(self, text: str) -> str:
        clean = sanitise(text, self._last)
        self._last = clean[-1:] or self._last
        return self._cut(clean)

    def _cut(self, text: str) -> str:
        if self._column + len(text) <= LONGEST_LINE:
            at = text.rfind("\n")
            self._column = len(text) - at - 1 if at >= 0 else self._column + len(text)
            return text
        return "\n".join(
            self._cut_line(line, first=not at) for at, line in enumerate(text.split("\n"))
        )

    def _cut_line(self, line: str, *, first: bool) -> str:
        if not first:
            self._column = 0
        parts = []
        while self._column + len(line) > LONGEST_LINE:
            begin = max(0, LONGEST_LINE - self._column)
            end = begin + _SEARCHED
            at = line.find(" ", begin, end)
            if at < 0 and len(line) <= end:
                break
            parts.append(line[:at] if at >= 0 else line[:end])
            line = line[at + 1 :] if at >= 0 else line[end:]
            self._column = 0
        self._column += len(line)
        return "\n\n".join([*parts, line])
