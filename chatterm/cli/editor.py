"""The user's own editor, on a file."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from chatterm.errors import ConfigError


def run_editor(env: Mapping[str, str], file: Path) -> None:
    # On Windows a backslash is part of a path.
    posix = sys.platform != "win32"
    fallback = "vi" if posix else "notepad"
    editor = env.get("VISUAL") or env.get("EDITOR") or fallback
    try:
        ended = subprocess.run([*shlex.split(editor, posix=posix), str(file)], check=False)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the editor {editor!r} cannot be started",
            hint="name another in the variable EDITOR",
        ) from error
    if ended.returncode:
        raise ConfigError(
            f"the editor {editor!r} ended with code {ended.returncode}",
            hint="name another in the variable EDITOR",
        )
