"""``chatterm doctor``: is all well with this installation, and what would make it better?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from chatterm.cli.context import Context, context_of
from chatterm.errors import ChattermError

if TYPE_CHECKING:
    from chatterm.cli.checkup.check import Check
    from chatterm.engine.machine import Machine

_MARKS = {"ok": "ok", "advice": "could", "failed": "FAILS"}


def doctor(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> int:
    """Check this installation: each line says ok, or what to do.

    "could" marks what works and could work better; only what fails counts for the exit code, which
    is that of the first failing line.

    Example: chatterm doctor
    """
    context = context_of(ctx)
    context.console.json_errors = as_json
    found = []
    for check in _checks(context):
        found.append(check)
        if not as_json:
            context.console.line(f"{_MARKS[check.state]:<7}{check.area:<11}{check.text}")
            if check.todo:
                context.console.line(f"{'':<7}{'':<11}-> {check.todo}")
    if as_json:
        context.console.json([check.to_json() for check in found])
    return next((check.exit_code for check in found if check.exit_code), 0)


def _checks(context: Context) -> Iterator[Check]:
    """Everything that is looked at, from what everything else needs to what is farthest away."""
    from chatterm.cli.checkup.folders import folder_checks
    from chatterm.cli.checkup.machine import machine_checks
    from chatterm.cli.checkup.terminal import terminal_checks, this_terminal
    from chatterm.engine.machine import devices_of, machine_with, probe

    said = probe()
    yield from machine_checks(said)
    yield from terminal_checks(this_terminal(context.env, sys.stdout.encoding or ""))
    yield from folder_checks(context.paths())
    yield from _content_checks(context, machine_with(devices_of(said)))


def _content_checks(context: Context, machine: Machine) -> Iterator[Check]:
    from chatterm.cli.checkup.check import failure, ok
    from chatterm.cli.checkup.contents import model_checks, remote_checks, store_check
    from chatterm.cli.checkup.server import server_checks

    yield store_check(context.paths())
    try:
        config, catalog = context.config(), context.catalog()
    except ChattermError as error:
        # Without settings it is not known what the models and remotes are.
        yield failure("settings", error)
        return
    yield ok("settings", f"{context.paths().config_file} is sound")
    yield from model_checks(config, catalog, context.paths(), machine)
    yield from remote_checks(config, catalog, context.paths())
    yield from server_checks(config, context.paths())
