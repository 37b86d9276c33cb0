"""The user's own editor: which it is, run on a file or on a text."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from chatterm.errors import ConfigError

_HINT = "name another in the variable EDITOR"


def editor_of(env: Mapping[str, str]) -> str:
    """The command that the environment names."""
    fallback = "notepad" if sys.platform == "win32" else "vi"
    return env.get("VISUAL") or env.get("EDITOR") or fallback


def run_editor(command: str, file: Path) -> None:
    """Until it is left; a ConfigError where it cannot be started or ends badly."""
    try:
        # On Windows a backslash is part of a path.
        words = shlex.split(command, posix=sys.platform != "win32")
        code = subprocess.run([*words, str(file)], check=False).returncode
    except (OSError, ValueError) as error:
        raise ConfigError(f"the editor {command!r} cannot be started", hint=_HINT) from error
    if code:
        raise ConfigError(f"the editor {command!r} ended with code {code}", hint=_HINT)


@contextmanager
def private_file(text: str) -> Iterator[Path]:
    """A text as a file that only its user can read, gone afterwards."""
    descriptor, name = tempfile.mkstemp(prefix="chatterm-", suffix=".md")
    file = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
        yield file
    finally:
        file.unlink(missing_ok=True)


def text_of(file: Path) -> str:
    """What the editor left, without the break that it puts at the end."""
    return file.read_text(encoding="utf-8", errors="replace").rstrip("\n")
