"""A text in the user's own editor, with the program out of the way meanwhile; answers go on."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from textual.app import App, SuspendNotSupported

from chatterm.render.sanitise import sanitise
from chatterm.tui.aside import stand_aside
from chatterm.tui.desk import Desk


async def edited(app: App[int], desk: Desk, text: str) -> str | None:
    """The text as it was saved; None where the editor failed, which the user is told."""
    file = _written(text)
    try:
        return _read(file) if await edited_file(app, desk, file) else None
    except OSError as error:
        _complain(app, f"what the editor left cannot be read: {error.strerror or error}")
        return None
    finally:
        _remove(file)


async def edited_file(app: App[int], desk: Desk, file: Path) -> bool:
    """Whether the editor ended well; the user is told where it did not."""
    try:
        code = await stand_aside(app, lambda: run_editor(desk.editor, file))
    except SuspendNotSupported:
        _complain(app, "this terminal cannot be left to an editor")
    except (OSError, ValueError):
        _complain(
            app,
            f"the editor {desk.editor!r} cannot be started\nname another in the variable EDITOR",
        )
    else:
        if code == 0:
            return True
        _complain(app, f"the editor {desk.editor!r} ended with code {code}; all is as it was")
    return False


def _complain(app: App[int], said: str) -> None:
    app.notify(said, severity="error", markup=False)


def _written(text: str) -> Path:
    """A private file for the editor, gone afterwards."""
    descriptor, name = tempfile.mkstemp(prefix="chatterm-", suffix=".md")
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
    return Path(name)


def _read(file: Path) -> str:
    return sanitise(file.read_text(encoding="utf-8", errors="replace")).rstrip("\n")


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)


def run_editor(command: str, file: Path) -> int:
    # On Windows a backslash is part of a path.
    words = shlex.split(command, posix=sys.platform != "win32")
    return subprocess.run([*words, str(file)], check=False).returncode
