"""Called by hatchling: a package that is built has the manual page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManualHook(BuildHookInterface):
    """Makes the page beside the package and says where it belongs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        sys.path.insert(0, str(Path(self.root) / "scripts"))
        from manual import page

        made = Path(self.directory) / "chatterm.1"
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(page(), encoding="utf-8")
        if self.target_name == "wheel":
            build_data["shared_data"][str(made)] = "share/man/man1/chatterm.1"
        else:
            build_data["force_include"][str(made)] = "man/chatterm.1"
