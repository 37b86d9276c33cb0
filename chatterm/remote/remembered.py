"""The models that remotes had when they were last asked, so that a shell can complete their names.

It is a cache: what cannot be read or written is as good as not there, and nobody is asked for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from chatterm.catalog import RemoteEntry
from chatterm.messages import ModelInfo
from chatterm.paths import Paths, write_private

_MOST = 1000
"""Names of one remote; nobody completes by more."""


def remember_models(paths: Paths, entry: RemoteEntry, models: Iterable[ModelInfo]) -> None:
    """Note what a remote has."""
    file = _file(paths)
    names = [[model.name, model.summary] for model in models][:_MOST]
    known = _read(file)
    now = {"url": entry.url, "models": names}
    if known.get(entry.name) != now:
        with suppress(OSError):
            write_private(file, json.dumps({**known, entry.name: now}, indent=1))


def remembered_models(paths: Paths, remotes: Iterable[RemoteEntry]) -> Iterator[tuple[str, str]]:
    """The models of these remotes, as ``REMOTE/NAME``, with what is said about them."""
    known = _read(_file(paths))
    for entry in remotes:
        kept = known.get(entry.name)
        # Another server may have taken the name over.
        if isinstance(kept, dict) and kept.get("url") == entry.url:
            for model in kept.get("models", []):
                match model:
                    case [str(name), str(about)]:
                        yield name, about


def _file(paths: Paths) -> Path:
    return paths.cache / "remote-models.json"


def _read(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
