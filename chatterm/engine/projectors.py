"""Which file holds the eyes of a model: the projector that lies beside it."""

from __future__ import annotations

from pathlib import Path

from chatterm.engine.gguf import read_header
from chatterm.errors import ChattermError

_NAMES = "*mmproj*.gguf"


def projector_beside(model: Path) -> str:
    """The projector for a model, or nothing where none fits.

    A folder may hold several models, so one counts only if it makes what this model reads. Of the
    forms of one projector the smallest is as good as any.
    """
    found = sorted(model.parent.glob(_NAMES), key=lambda path: path.stat().st_size)
    found = [path for path in found if path != model]
    if not found:
        return ""
    width = _width(model)
    return next((str(path) for path in found if width and _makes(path) == width), "")


def _width(model: Path) -> int | None:
    try:
        header = read_header(model)
    except ChattermError:
        return None
    return header.number("embedding_length") or None


def _makes(projector: Path) -> int | None:
    try:
        header = read_header(projector)
    except ChattermError:
        return None
    return header.number("vision.projection_dim") or None
