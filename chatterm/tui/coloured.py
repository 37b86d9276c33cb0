"""An app in the colours of its user and of its terminal."""

from __future__ import annotations

import os
from typing import TypeVar

from chatterm.tui.desk import Desk
from chatterm.tui.ground import GroundTold, ask_for_ground, guessed
from chatterm.tui.in_turn import InTurn
from chatterm.tui.terminal import NoColour, driver_class
from chatterm.tui.themes import AUTO, DARK_16, LIGHT_16, PLAIN, has_few_colours, named, themes

_Result = TypeVar("_Result")


class Coloured(InTurn[_Result]):
    """Wears the theme that the settings name, and none where colours are not wanted."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(driver_class=driver_class())
        self.desk = desk
        self.themes = themes(desk.paths.config / "themes")
        for theme in (*self.themes.values(), DARK_16, LIGHT_16, PLAIN):
            self.register_theme(theme)
        self.worn = desk.config.tui.theme
        """What was chosen; ``theme`` is what that means here."""
        self._few = has_few_colours(self.console)
        self._is_dark = guessed(os.environ)
        self._is_plain = self.no_color or desk.config.output.color == "never"
        if self._is_plain:
            self._filters = [NoColour()]
        self._wear_it()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """What our rules use and Textual's own themes, drawn before ours is chosen, do not have."""
        return {"muted": "#808080"}

    def on_mount(self) -> None:
        if self.worn == AUTO:
            ask_for_ground(self)

    def wear(self, wanted: str) -> None:
        """Take a theme by the name that the settings have for it."""
        self.worn = wanted
        if wanted == AUTO:
            ask_for_ground(self)
        self._wear_it()

    def on_ground_told(self, event: GroundTold) -> None:
        """Follow the terminal, unless a theme was chosen."""
        self._is_dark = event.is_dark
        if self.worn == AUTO:
            self._wear_it()

    def _wear_it(self) -> None:
        known = self.themes
        name = named(self.worn, known, is_dark=self._is_dark, few=self._few)
        self.theme = PLAIN.name if self._is_plain else name
