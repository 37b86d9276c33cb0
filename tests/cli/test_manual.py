"""The manual page: everything that can be called, fit for man."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.tree import TREE, commands

SCRIPT = Path(__file__).parents[2] / "scripts" / "manual.py"


@pytest.fixture(scope="module")
def page() -> str:
    return subprocess.run(
        [sys.executable, str(SCRIPT)], capture_output=True, text=True, check=True
    ).stdout


def test_it_has_every_command_with_every_option(page: str) -> None:
    for path in commands(TREE, []):
        command = TREE
        for name in path:
            command = command.commands[name]  # type: ignore[attr-defined]
        if getattr(command, "commands", None):
            continue
        _, found, rest = page.partition(f".SS {' '.join(['chatterm', *path])}")
        assert found, path
        section = rest.partition("\n.SS ")[0]
        for param in command.params:
            for name in param.opts if param.param_type_name == "option" else []:
                assert f"\\fB{name.replace('-', chr(92) + '-')}\\fR" in section, (path, name)


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff")
def test_man_can_show_it(page: str) -> None:
    ran = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-P-cbou"], input=page, capture_output=True, text=True
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "chatterm ask [OPTIONS] [PROMPT...]" in ran.stdout
