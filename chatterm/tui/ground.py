"""Dark or light: what the terminal says of its ground.

The question (OSC 11) is asked once the screen stands, and the reply comes among the keys, so nobody
waits for a terminal that never answers, and a late reply is not taken for typing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from textual._xterm_parser import XTermParser
from textual.app import App
from textual.message import Message

_QUESTION = "\x1b]11;?\x1b\\"
_BEGINNING = "\x1b]11;"
_REPLY = re.compile(r"\x1b\]11;([^\x07\x1b]{0,60})(?:\x07|\x1b\\)")
_LONGEST = 72
_COLOUR = re.compile(r"rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})")
_SILENT = ("", "dumb", "linux")
"""Terminals that do not know the question, and would print it."""
_LIGHT = {"7", "9", "10", "11", "12", "13", "14", "15"}


class GroundTold(Message):
    """The terminal has answered."""

    def __init__(self, is_dark: bool) -> None:
        super().__init__()
        self.is_dark = is_dark


class GroundParser(XTermParser):
    """Textual's parser of what a terminal sends, which does not know this reply."""

    _held = ""

    def feed(self, data: str) -> Iterable[Message]:
        text, self._held = self._held + data, ""
        while found := _REPLY.search(text):
            if before := text[: found.start()]:
                yield from super().feed(before)
            text = text[found.end() :]
            is_dark = ground_in(found[1])
            if is_dark is not None:
                yield GroundTold(is_dark)
        at = text.rfind(_BEGINNING)
        if data and at >= 0 and len(text) - at < _LONGEST:
            text, self._held = text[:at], text[at:]
        if text or not data:
            yield from super().feed(text)


def ground_in(reply: str) -> bool | None:
    """Whether the colour of a reply is dark; None for what is no colour."""
    found = _COLOUR.match(reply)
    if found is None:
        return None
    red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in found.groups())
    return bool(0.299 * red + 0.587 * green + 0.114 * blue < 0.5)


def guessed(env: Mapping[str, str]) -> bool:
    """Whether the ground is dark, as far as the environment tells; most are."""
    return env.get("COLORFGBG", "").rpartition(";")[2] not in _LIGHT


def teach_parser() -> None:
    """The drivers take the parser out of their modules, and there is no other way to extend it."""
    from textual.drivers import linux_driver, linux_inline_driver

    for module in (linux_driver, linux_inline_driver):
        module.XTermParser = GroundParser  # type: ignore[attr-defined]


def ask_for_ground(app: App[Any], env: Mapping[str, str] = os.environ) -> None:
    """Ask; the reply comes as :class:`GroundTold`, or never."""
    driver = app._driver
    if driver is None or driver.is_headless or env.get("TERM", "") in _SILENT:
        return
    driver.write(_QUESTION)
    driver.flush()
