"""The colours: dark, light, high contrast, and those of the user's own ``themes/NAME.toml``."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from textual.color import Color, ColorParseError
from textual.theme import Theme

from chatterm.errors import ConfigError
from chatterm.hints import nearest, shown
from chatterm.tables import read_toml

DARK = Theme(
    name="dark",
    primary="#7aa2f7",
    secondary="#9d7cd8",
    accent="#7dcfff",
    foreground="#c8d0e0",
    background="#16181d",
    surface="#1c1f26",
    panel="#242832",
    success="#8fbf7f",
    warning="#e0af68",
    error="#e06c75",
    dark=True,
    variables={
        "muted": "#7f8899",
        "border": "#4c566a",
        "border-blurred": "#2e3440",
        "block-cursor-blurred-background": "#2a3040",
        "scrollbar": "#2e3440",
        "scrollbar-hover": "#4c566a",
        "scrollbar-active": "#7aa2f7",
        "scrollbar-background": "#16181d",
        "scrollbar-background-hover": "#16181d",
        "scrollbar-background-active": "#16181d",
        "scrollbar-corner-color": "#16181d",
    },
)
LIGHT = Theme(
    name="light",
    primary="#2f5fc4",
    secondary="#7a4fb5",
    accent="#006f9f",
    foreground="#2a2e38",
    background="#fafafa",
    surface="#f1f2f4",
    panel="#e6e8ec",
    success="#3d7a2f",
    warning="#9a6400",
    error="#b3263a",
    dark=False,
    variables={
        "muted": "#686f7d",
        "border": "#9aa2b1",
        "border-blurred": "#d5d9e0",
        "block-cursor-blurred-background": "#dfe6f5",
        "scrollbar": "#d5d9e0",
        "scrollbar-hover": "#9aa2b1",
        "scrollbar-active": "#2f5fc4",
        "scrollbar-background": "#fafafa",
        "scrollbar-background-hover": "#fafafa",
        "scrollbar-background-active": "#fafafa",
        "scrollbar-corner-color": "#fafafa",
    },
)
CONTRAST = Theme(
    name="contrast",
    primary="#00d7ff",
    secondary="#ffd700",
    accent="#ffff00",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1a1a1a",
    success="#00ff5f",
    warning="#ffd700",
    error="#ff5f5f",
    dark=True,
    text_alpha=1.0,
    variables={
        "muted": "#d0d0d0",
        "border": "#ffffff",
        "border-blurred": "#b0b0b0",
        "block-cursor-blurred-background": "#005f87",
        "scrollbar": "#b0b0b0",
        "scrollbar-background": "#000000",
        "scrollbar-background-hover": "#000000",
        "scrollbar-background-active": "#000000",
        "scrollbar-corner-color": "#000000",
    },
)
SHIPPED = (DARK, LIGHT, CONTRAST)
DARK_16 = dataclasses.replace(
    CONTRAST,
    name="dark-16",
    primary="#5555ff",
    secondary="#ff55ff",
    accent="#55ffff",
    success="#55ff55",
    warning="#ffff55",
    error="#ff5555",
    panel="#000000",
    variables={
        **CONTRAST.variables,
        "muted": "#aaaaaa",
        "border": "#ffffff",
        "border-blurred": "#aaaaaa",
        "block-cursor-blurred-background": "#0000aa",
        "scrollbar": "#aaaaaa",
    },
)
"""For terminals of 16 colours: each of these is one of them, so none becomes another's."""
LIGHT_16 = dataclasses.replace(
    DARK_16,
    name="light-16",
    dark=False,
    primary="#0000aa",
    secondary="#aa00aa",
    accent="#0000aa",
    foreground="#000000",
    background="#ffffff",
    surface="#ffffff",
    panel="#ffffff",
    success="#00aa00",
    warning="#aa5500",
    error="#aa0000",
    variables={
        **LIGHT.variables,
        "muted": "#555555",
        "border": "#000000",
        "border-blurred": "#555555",
        "block-cursor-blurred-background": "#55ffff",
        "scrollbar": "#555555",
        "scrollbar-background": "#ffffff",
        "scrollbar-background-hover": "#ffffff",
        "scrollbar-background-active": "#ffffff",
        "scrollbar-corner-color": "#ffffff",
    },
)
_FEW = {DARK.name: DARK_16, LIGHT.name: LIGHT_16}
AUTO = "auto"
"""In the place of a theme's name: the dark or the light one, as the terminal is."""
PLAIN = dataclasses.replace(DARK, name="plain", surface=DARK.background, panel=DARK.background)
"""For NO_COLOR: one ground, so that only what is under a cursor stands out."""

_FIELDS = {field.name: field for field in dataclasses.fields(Theme) if field.name != "name"}


def themes(folder: Path) -> dict[str, Theme]:
    """Every theme by name; a file of the user's wins over a shipped one of its name."""
    found = {theme.name: theme for theme in SHIPPED}
    if folder.is_dir():
        for file in sorted(folder.glob("*.toml")):
            found[file.stem] = load_theme(file)
    return found


def named(wanted: str, known: Mapping[str, Theme], *, is_dark: bool, few: bool = False) -> str:
    """The theme that a setting means on a ground; ``few`` is a terminal of 16 colours."""
    name = wanted if wanted in known and wanted != AUTO else (DARK if is_dark else LIGHT).name
    return _FEW[name].name if few and name in _FEW and known[name] in SHIPPED else name


def has_few_colours(console: Console) -> bool:
    """Whether a terminal of 16 colours is drawn on; what is no terminal has them all."""
    drawn_on = sys.__stderr__
    is_terminal = drawn_on is not None and drawn_on.isatty()
    return is_terminal and console.color_system in ("standard", "windows")


def load_theme(file: Path) -> Theme:
    """A theme out of a file: colours by name, as ``primary = "#7aa2f7"``; ``primary`` is needed."""
    table = read_toml(file) or {}
    based_on = {theme.name: theme for theme in SHIPPED}.get(str(table.pop("like", "")))
    for key, value in table.items():
        if key not in _FIELDS:
            raise ConfigError(f"{file} has no colour {shown(key)}", hint=nearest(key, _FIELDS))
        _check(file, key, value)
    if based_on is not None:
        merged = {**based_on.variables, **table.pop("variables", {})}
        return dataclasses.replace(based_on, name=file.stem, variables=merged, **table)
    if "primary" not in table:
        raise ConfigError(
            f"{file} lacks the colour primary",
            hint='name it, or begin from a shipped theme with like = "dark"',
        )
    return _with_muted(Theme(name=file.stem, **table))


def _with_muted(theme: Theme) -> Theme:
    """Every theme says how quiet words look; where a user's does not, half way to the ground."""
    if "muted" in theme.variables:
        return theme
    front = theme.foreground or ("#e0e0e0" if theme.dark else "#202020")
    ground = theme.background or ("#121212" if theme.dark else "#ffffff")
    muted = Color.parse(ground).blend(Color.parse(front), 0.6).hex
    return dataclasses.replace(theme, variables={**theme.variables, "muted": muted})


def _check(file: Path, key: str, value: object) -> None:
    if key in ("dark", "ansi"):
        good = isinstance(value, bool)
    elif key in ("luminosity_spread", "text_alpha"):
        good = isinstance(value, float | int) and not isinstance(value, bool)
    elif key == "variables":
        good = isinstance(value, Mapping) and all(_is_colour(item) for item in value.values())
    else:
        good = _is_colour(value)
    if not good:
        raise ConfigError(
            f"{file}: {key} cannot be {shown(value)}", hint='a colour is written "#7aa2f7"'
        )


def _is_colour(value: object) -> bool:
    try:
        Color.parse(value if isinstance(value, str) else "")
    except ColorParseError:
        return False
    return True
