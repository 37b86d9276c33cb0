"""What ``models remove`` takes away: files of our own folder, and notes of what was added."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from chatterm.cli.sizes import bytes_text
from chatterm.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from chatterm.cli.context import Context
    from chatterm.engine.library import Library, LocalModel


def remove_model(context: Context, library: Library, name: str, yes: bool) -> None:
    """Delete or forget; what belongs to another program is refused."""
    from chatterm.engine.library import PROGRAMS, forget, read_added

    path = Path(name).expanduser().absolute()
    if forget(context.paths(), path):
        context.console.note(f"forgot {path}; nothing was deleted")
        return
    model = library.look(name)
    if model.file.place == "chatterm":
        _delete(context, model, yes)
        return
    if model.file.place == "added" and forget(context.paths(), model.path):
        context.console.note(f"forgot {model.path}; nothing was deleted")
        return
    if model.file.place == "added":
        folder = next(one for one in read_added(context.paths()) if model.path.is_relative_to(one))
        raise ModelError(
            f"{name} lies in a folder you added, which is not chatterm's to delete from",
            hint=f"forget the folder with: chatterm models remove {folder}",
        )
    raise ModelError(
        f"{name} belongs to {PROGRAMS[model.file.place]}, so chatterm does not delete it",
        hint=f"remove it there; it lies at {model.path}",
    )


def _delete(context: Context, model: LocalModel, yes: bool) -> None:
    question = f"delete {model.name} ({bytes_text(model.file.size)})?"
    if not yes and not context.console.agrees(question, sys.stdin):
        raise ConfigError(f"{model.name} was not deleted", hint="say yes, or add --yes")
    from chatterm.engine.removal import delete_files

    delete_files(model, context.paths().models_dir)
    context.console.note(f"deleted {model.name}, {bytes_text(model.file.size)}")
