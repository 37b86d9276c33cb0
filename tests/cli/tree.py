"""Every command that there is."""

from __future__ import annotations

from typing import Any

from typer.main import get_command

from chatterm.cli.program import needed, program

TREE = get_command(program(needed([], {})))


def commands(command: Any, path: list[str]) -> list[list[str]]:
    """The words of a command and of all below it."""
    below = getattr(command, "commands", None) or {}
    return [path, *(each for name in below for each in commands(below[name], [*path, name]))]
