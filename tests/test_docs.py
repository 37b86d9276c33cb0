"""The README is true: what it shows is run, and what the program offers is shown."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.program import ask, chatterm

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
NEEDS_A_TERMINAL = {"chatterm chat"}
NOT_A_COMMAND = {"--help"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def commands() -> list[str]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if "chatterm" in line]


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """An environment in which `chatterm` is this one."""
    program = tmp_path / "bin" / "chatterm"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m chatterm "$@"\n')
    program.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "CHATTERM_TERMINAL": "docs",
        "CHATTERM_MODEL": "echo",
        "CHATTERM_ENGINE_KEEP_ALIVE": "0",
    }


@pytest.mark.parametrize("command", commands())
def test_every_command_of_the_readme_works(command: str, shell: dict[str, str]) -> None:
    ask("hello")
    subprocess.run(["bash", "-c", "chatterm ask 'say hello'"], env=shell, check=True)
    if "translate" in command and "templates new" not in command:
        chatterm("templates", "new", "translate", "Translate into {{to}}: {{input}}")
    ran = subprocess.run(
        ["bash", "-c", command],
        env=shell,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if command in NEEDS_A_TERMINAL:
        assert ran.returncode == 2, "without a terminal it says what to use"
    elif re.search(r"chats \w+ 01\b", command):
        assert ran.returncode in (0, 6), "a part that several chats have is refused"
    else:
        assert ran.returncode == 0, ran.stderr


def test_every_command_of_the_program_is_in_the_readme() -> None:
    for path in leaf_commands([]):
        assert " ".join(["chatterm", *path]) in README


def leaf_commands(path: list[str]) -> list[list[str]]:
    """Every command that help leads to."""
    text = chatterm(*path, "--help").out
    _, _, listed = text.partition("\nCommands:\n")
    names = re.findall(r"^  (\S+)", listed, re.M)
    if not names:
        return [path]
    return [leaf for name in names for leaf in leaf_commands([*path, name])]


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\S+)", "\n".join(blocks("sh")), re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="no sqlite3 program")
def test_the_sql_of_the_readme_runs(home: Path) -> None:
    ask("hello")
    for block in blocks("sql"):
        database = str(home / "data" / "chatterm.db")
        ran = subprocess.run(["sqlite3", database, block], capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr


def test_the_toml_of_the_readme_is_a_valid_models_file(home: Path) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "models.toml").write_text("\n".join(blocks("toml")))
    assert chatterm("ask", "-m", "slow-echo", "hi").out == "hi\n"
