"""Folders and files: private, writable, with room."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from chatterm.cli.checkup.check import Check, advice, failed, ok
from chatterm.cli.sizes import bytes_text
from chatterm.errors import ConfigError
from chatterm.paths import Paths

_LITTLE_ROOM: Final = 2_000_000_000
"""Less than a small model takes."""


def folder_checks(paths: Paths) -> Iterator[Check]:
    """Of every folder chatterm writes to, and of its private files."""
    folders = dict.fromkeys((paths.config, paths.data, paths.state, paths.cache, paths.runtime))
    found = [check for folder in folders for check in _folder(folder)]
    found += [check for file in _private_files(paths) for check in _private(file, 0o600)]
    if not found:
        made = sum(folder.exists() for folder in folders)
        rest = f", {len(folders) - made} not made yet" if made < len(folders) else ""
        yield ok("folders", f"{made} private and writable{rest}; chatterm paths lists them")
    yield from found
    yield _room(paths.data)


def _folder(folder: Path) -> Iterator[Check]:
    """What is wrong with one; nothing if nothing is."""
    existing = folder
    while not existing.exists() and existing.parent != existing:
        existing = existing.parent
    if not existing.is_dir():
        todo = f"move {existing} out of the way, or set CHATTERM_HOME to another folder"
        yield failed("folders", f"{existing} is not a folder", todo, ConfigError)
    elif not os.access(existing, os.W_OK | os.X_OK):
        what = "cannot be written to" if existing == folder else "cannot be made"
        yield failed(
            "folders",
            f"{folder} {what}",
            f"give yourself the right (chmod u+wx {existing}), or set CHATTERM_HOME",
            ConfigError,
        )
    elif existing == folder:
        yield from _private(folder, 0o700)


def _private(path: Path, wanted: int) -> Iterator[Check]:
    if os.name != "posix":
        return
    try:
        status = path.stat()
    except OSError:
        return
    if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) & 0o077:
        yield advice(
            "folders",
            f"others on this machine can read {path}",
            f"chmod {wanted:o} {path}",
        )


def _private_files(paths: Paths) -> list[Path]:
    """Those that hold what was said, or what opens other doors."""
    names = ("", "-wal", "-shm")
    files = (paths.database, paths.server_database)
    return [file.with_name(file.name + name) for file in files for name in names]


def _room(folder: Path) -> Check:
    existing = folder
    while not existing.exists() and existing.parent != existing:
        existing = existing.parent
    try:
        free = shutil.disk_usage(existing).free
    except OSError as error:
        return failed("disk", f"{existing} cannot be read", str(error), ConfigError)
    text = f"{bytes_text(free) or 'nothing'} free for chats and models"
    if free < _LITTLE_ROOM:
        return advice("disk", text, "free some room before you pull a model")
    return ok("disk", text)
