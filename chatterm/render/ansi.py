"""Lines as text for a terminal: what is written, and nothing that a model could have chosen.

Styles become escape sequences only here; addresses do not, since they stand in the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

from rich.color import ColorSystem
from rich.segment import Segment

from chatterm.render.line import Line
from chatterm.render.theme import ANSI, ATTRIBUTES, BARE, Theme


class Colour(Enum):
    """How much of a style a terminal gets."""

    NONE = "none"
    """No escape sequence for any style."""
    ATTRIBUTES = "attributes"
    """Bold, italic, underlined, but no colour (NO_COLOR)."""
    FULL = "full"

    @property
    def theme(self) -> Theme:
        return {Colour.NONE: BARE, Colour.ATTRIBUTES: ATTRIBUTES, Colour.FULL: ANSI}[self]


def colour_of(setting: str, env: Mapping[str, str], *, is_terminal: bool) -> Colour:
    """What ``--color`` and the environment ask for; the option wins over the variables."""
    if setting == "always":
        return Colour.FULL
    if setting == "never" or env.get("TERM") == "dumb":
        return Colour.NONE
    if env.get("NO_COLOR"):
        return Colour.ATTRIBUTES if is_terminal else Colour.NONE
    forced = env.get("CLICOLOR_FORCE", "0") not in ("", "0")
    return Colour.FULL if is_terminal or forced else Colour.NONE


def written(lines: Iterable[Line], colour: Colour) -> list[str]:
    """Each row as the terminal is sent it, without the line's end."""
    return ["".join(_segment(segment, colour) for segment in line.segments) for line in lines]


def _segment(segment: Segment, colour: Colour) -> str:
    style = segment.style
    if colour is Colour.NONE or not style:
        return segment.text
    if style.link:
        style = style.update_link(None)
    return style.render(segment.text, color_system=_SYSTEM)


_SYSTEM = ColorSystem.STANDARD
