"""Deletes models of our own folder, and nothing of anybody else's."""

from __future__ import annotations

from pathlib import Path

from chatterm.engine.library import LocalModel
from chatterm.errors import ModelError


def delete_files(model: LocalModel, top: Path) -> None:
    """Delete a model's files, and the folders below ``top`` that it had for itself."""
    for part in model.file.parts:
        try:
            part.unlink(missing_ok=True)
        except OSError as error:
            raise ModelError(
                f"{part} cannot be deleted: {error.strerror}", hint="look at its permissions"
            ) from error
    _drop_empty(model.path.parent, top)


def _drop_empty(folder: Path, top: Path) -> None:
    while folder != top and folder.is_relative_to(top) and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
