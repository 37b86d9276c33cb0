"""Copying: OSC 52, which also works over ssh, and the system's own clipboard where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from textual.app import App

_PROGRAMS: Sequence[tuple[str, Sequence[str]]] = (
    ("WAYLAND_DISPLAY", ["wl-copy"]),
    ("DISPLAY", ["xclip", "-selection", "clipboard"]),
    ("DISPLAY", ["xsel", "--clipboard", "--input"]),
    ("", ["pbcopy"]),
    ("", ["clip.exe"]),
)


LONGEST = 700_000
"""Bytes that are sent to a terminal: tmux drops more, in base64, than a million."""


def copy(app: App[int], text: str, env: Mapping[str, str] | None = None) -> bool:
    """Put it wherever a paste may look for it; whether there is any such place."""
    command = program(os.environ if env is None else env)
    if command:
        _feed(command, text)
    is_short = len(text) <= LONGEST and len(text.encode()) <= LONGEST
    if is_short:
        app.copy_to_clipboard(text)
    return is_short or bool(command)


def program(env: Mapping[str, str]) -> Sequence[str]:
    """The command that fills the clipboard of this desktop; none over ssh without one."""
    for variable, command in _PROGRAMS:
        if (not variable or env.get(variable)) and shutil.which(command[0], path=env.get("PATH")):
            return command
    return ()


def _feed(command: Sequence[str], text: str) -> None:
    """The program stays in the background to serve the clipboard, so nobody waits for it."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert process.stdin is not None
        with process.stdin as pipe:
            pipe.write(text.encode())
    except OSError:
        # OSC 52 has it, which is all that can be done.
        return
