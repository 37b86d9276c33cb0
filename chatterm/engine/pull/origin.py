"""Where a pulled file came from, kept beside it: so that pulling it again knows it is the same.

The note counts only while the file is as it was when the note was written.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from chatterm.engine.pull.journal import Version

_BLOCK = 1 << 20


def remember(target: Path, status: os.stat_result, version: Version, source: str) -> None:
    """Note the version of a file, whose status is given since it may still have another name."""
    said = {
        "source": source,
        "size": version.size,
        "sha256": version.sha256,
        "tag": version.tag,
        "mtime_ns": status.st_mtime_ns,
    }
    path = _path(target)
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(json.dumps(said, indent=1) + "\n")
    temporary.replace(path)


def recall(target: Path) -> Version | None:
    """The version of the file of that name, if it is known."""
    try:
        said = json.loads(_path(target).read_text())
        status = target.stat()
        if (status.st_size, status.st_mtime_ns) != (said["size"], said["mtime_ns"]):
            return None
        return Version(int(said["size"]), str(said["sha256"]), str(said["tag"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def digest(path: Path, progress: Callable[[int], None]) -> str:
    """The SHA-256 of a file; reads all of it."""
    found = hashlib.sha256()
    done = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
            done += len(block)
            progress(done)
    return found.hexdigest()


def _path(target: Path) -> Path:
    return target.with_name(f".{target.name}.origin")
