"""The README and the pages in docs are true: what they show is run, what there is is shown."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from chatterm.cli.program import needed, program
from tests.cli.program import ask, chatterm

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = "\n".join(page.read_text() for page in PAGES)
NEEDS_A_TERMINAL = {"chatterm chat"}
NOT_A_COMMAND = {"--help"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.M | re.S)


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
def test_every_command_of_the_pages_works(command: str, shell: dict[str, str]) -> None:
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


def shown() -> list[str]:
    """Commands that are not run, for they need a network, a server or somebody's files."""
    return re.findall(r"^    (chatterm .*)", TEXT, re.M)


@pytest.mark.parametrize("line", shown())
def test_every_command_that_is_only_shown_can_be_read(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    if "<" in words:
        words = words[: words.index("<")]
    command: Any = get_command(program(needed([], {})))
    while words and words[0] in (getattr(command, "commands", None) or {}):
        command = command.commands[words.pop(0)]
    command.make_context("chatterm", words)


def test_every_command_of_the_program_is_shown() -> None:
    for path in leaf_commands([]):
        assert " ".join(["chatterm", *path]) in TEXT


def leaf_commands(path: list[str]) -> list[list[str]]:
    """Every command that help leads to."""
    text = chatterm(*path, "--help").out
    _, _, listed = text.partition("\nCommands:\n")
    names = re.findall(r"^  (\S+)", listed, re.M)
    if not names:
        return [path]
    return [leaf for name in names for leaf in leaf_commands([*path, name])]


def test_every_make_target_of_the_pages_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\S+)", "\n".join(blocks("sh")), re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="no sqlite3 program")
def test_the_sql_of_the_pages_runs(home: Path) -> None:
    ask("hello")
    for block in blocks("sql"):
        database = str(home / "data" / "chatterm.db")
        ran = subprocess.run(["sqlite3", database, block], capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr


def test_the_models_of_the_pages_are_a_valid_models_file(home: Path) -> None:
    (home / "config").mkdir(parents=True)
    models = [block for block in blocks("toml") if block.startswith("[models.")]
    (home / "config" / "models.toml").write_text("\n".join(models))
    assert chatterm("ask", "-m", "slow-echo", "hi").out == "hi\n"


@pytest.mark.parametrize("block", [b for b in blocks("toml") if not b.startswith("[models.")])
def test_the_settings_of_the_pages_are_valid(block: str, home: Path) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text(block)
    chatterm("config", "show")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_is_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).is_file(), target
