"""A text in the user's own editor, with the program out of the way meanwhile; answers go on."""

from __future__ import annotations

from pathlib import Path

from textual.app import App, SuspendNotSupported

from chatterm.editor import private_file, run_editor, text_of
from chatterm.errors import ConfigError
from chatterm.render.sanitise import sanitise
from chatterm.tui.aside import stand_aside
from chatterm.tui.desk import Desk


async def edited(app: App[int], desk: Desk, text: str) -> str | None:
    """The text as it was saved; None where the editor failed, which the user is told."""
    try:
        with private_file(text) as file:
            return sanitise(text_of(file)) if await edited_file(app, desk, file) else None
    except OSError as error:
        _complain(app, f"what the editor left cannot be read: {error.strerror or error}")
        return None


async def edited_file(app: App[int], desk: Desk, file: Path) -> bool:
    """Whether the editor ended well; the user is told where it did not."""
    try:
        await stand_aside(app, lambda: run_editor(desk.editor, file))
    except SuspendNotSupported:
        _complain(app, "this terminal cannot be left to an editor")
    except ConfigError as error:
        _complain(app, f"{error.message}; all is as it was\n{error.hint}")
    else:
        return True
    return False


def _complain(app: App[int], said: str) -> None:
    app.notify(said, severity="error", markup=False)
