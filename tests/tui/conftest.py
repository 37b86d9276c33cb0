"""What tests of the TUI in a real terminal stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import slow_echo
from tests.tui.terminal import Terminal, terminal


@pytest.fixture
def window(home: Path, tmp_path: Path) -> Iterator[Terminal]:
    """A terminal in a folder with a file, and a model that takes its time."""
    slow_echo(home, 60)
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "notes.txt").write_text("Remember the milk.\n")
    with terminal(folder) as opened:
        yield opened
