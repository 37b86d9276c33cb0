"""Makes text from models, servers and files harmless on a terminal.

Control characters become visible signs, so no escape sequence, no bell and no reversed text ever
reaches the screen. The work is character by character, hence safe at any cut of a stream.
"""

from __future__ import annotations

_VISIBLE_CONTROLS = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"}
_REPLACED = [
    *range(0x80, 0xA0),  # C1, where 0x9b alone begins an escape sequence
    *range(0x202A, 0x202F),  # bidi embeddings and overrides
    *range(0x2066, 0x206A),  # bidi isolates
    0x200E,
    0x200F,
]
_TABLE: dict[int, int] = {
    **_VISIBLE_CONTROLS,
    0x7F: 0x2421,
    **dict.fromkeys(_REPLACED, 0xFFFD),
    0x2028: 0x0A,
    0x2029: 0x0A,
}


def sanitise(text: str) -> str:
    """The same text without anything a terminal would obey."""
    return text.replace("\r\n", "\n").translate(_TABLE)
