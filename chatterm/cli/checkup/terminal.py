"""What the terminal can do, as far as it can be known without asking it.

A terminal that is asked may answer late, into the next command; so only what it says of itself in
the environment is used.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from chatterm.cli.checkup.check import Check, advice, ok

_COMFORTABLE: Final = (80, 24)
_COPIES: Final[Mapping[str, bool]] = {
    "kitty": True,
    "WezTerm": True,
    "ghostty": True,
    "Alacritty": True,
    "foot": True,
    "contour": True,
    "rio": True,
    "vscode": True,
    "Windows Terminal": True,
    "iTerm.app": True,
    "Apple_Terminal": False,
    "VTE": False,
    "the Linux console": False,
}
"""Whether a terminal takes text for the clipboard (OSC 52). iTerm2 and some others ask first."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """What is known of it."""

    env: Mapping[str, str]
    size: tuple[int, int] | None
    """Columns and lines; None where there is no terminal."""
    encoding: str

    @property
    def kind(self) -> str:
        return self.env.get("TERM", "")

    @property
    def multiplexer(self) -> str:
        """What runs between the terminal and us."""
        for variable, name in (("TMUX", "tmux"), ("ZELLIJ", "Zellij"), ("STY", "screen")):
            if self.env.get(variable):
                return name
        return ""

    @property
    def program(self) -> str:
        """The terminal itself; empty where it does not say."""
        env = self.env
        for variable, name in (
            ("KITTY_WINDOW_ID", "kitty"),
            ("WEZTERM_PANE", "WezTerm"),
            ("GHOSTTY_RESOURCES_DIR", "ghostty"),
            ("ALACRITTY_WINDOW_ID", "Alacritty"),
            ("WT_SESSION", "Windows Terminal"),
            ("VTE_VERSION", "VTE"),
        ):
            if env.get(variable):
                return name
        if env.get("TERM_PROGRAM") not in (None, "", "tmux"):
            return env["TERM_PROGRAM"]
        return {"linux": "the Linux console", "foot": "foot"}.get(self.kind, "")

    @property
    def colours(self) -> str:
        if self.env.get("NO_COLOR"):
            return "no colours, as NO_COLOR wants"
        if self.env.get("COLORTERM") in ("truecolor", "24bit") or self.kind.endswith("-direct"):
            return "16 million colours"
        return "256 colours" if "256color" in self.kind else "16 colours"


def this_terminal(env: Mapping[str, str], encoding: str) -> Terminal:
    """The terminal that any of the three streams is connected to."""
    for descriptor in (1, 2, 0):
        with suppress(OSError):
            columns, lines = os.get_terminal_size(descriptor)
            return Terminal(env, (columns, lines), encoding)
    return Terminal(env, None, encoding)


def terminal_checks(terminal: Terminal) -> Iterator[Check]:
    """What it can do, and what would make it do more."""
    if terminal.size is None:
        yield ok("terminal", "not looked at, since this runs without one")
        return
    if terminal.kind in ("", "dumb"):
        yield advice(
            "terminal",
            f"TERM is {terminal.kind or 'not set'}: nothing can be drawn",
            "use chatterm ask, or set TERM to what your terminal is, such as xterm-256color",
        )
        return
    columns, lines = terminal.size
    where = " in ".join(filter(None, [terminal.multiplexer, terminal.program])) or terminal.kind
    yield ok("terminal", f"{where}, {terminal.colours}, {columns} x {lines}")
    if columns < _COMFORTABLE[0] or lines < _COMFORTABLE[1]:
        yield advice("terminal", "it is small", "80 x 24 or more are comfortable")
    yield _unicode_check(terminal.encoding)
    yield from _colour_checks(terminal)
    yield _clipboard_check(terminal)


def _unicode_check(encoding: str) -> Check:
    if encoding.lower().replace("-", "") == "utf8":
        return ok("unicode", "UTF-8")
    return advice(
        "unicode",
        f"text is written as {encoding or 'an unknown encoding'}: other letters become ?",
        "set LANG to a UTF-8 locale, such as C.UTF-8 or en_US.UTF-8",
    )


def _colour_checks(terminal: Terminal) -> Iterator[Check]:
    if terminal.multiplexer == "tmux" and not terminal.kind.startswith(("tmux", "screen")):
        yield advice(
            "terminal",
            f"TERM is {terminal.kind} inside tmux, which draws some things wrong",
            "in ~/.tmux.conf: set -g default-terminal tmux-256color",
        )
    elif terminal.multiplexer == "tmux" and terminal.colours == "256 colours":
        yield advice(
            "terminal",
            "tmux passes on 256 colours only",
            "in ~/.tmux.conf: set -as terminal-features ',*:RGB', and COLORTERM=truecolor",
        )


def _clipboard_check(terminal: Terminal) -> Check:
    """Copying over the terminal works from remote machines too, if every link passes it on."""
    if terminal.multiplexer == "screen":
        return advice(
            "clipboard", "screen does not pass copied text on", "use tmux, or select with the mouse"
        )
    known = _COPIES.get(terminal.program)
    if known is False:
        return advice(
            "clipboard",
            f"{terminal.program} does not take copied text (OSC 52)",
            "select with the mouse, or use a terminal such as kitty, WezTerm or ghostty",
        )
    through = ""
    if terminal.multiplexer == "tmux":
        through = "; tmux passes it on after: set -g set-clipboard on"
    if known:
        return ok("clipboard", f"{terminal.program} takes copied text (OSC 52){through}")
    return ok("clipboard", f"whether copied text (OSC 52) arrives cannot be known{through}")
