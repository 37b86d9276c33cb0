"""The command tree. Only the commands that a run can need are imported and built.

Typer builds validators for every option it is given, which costs more than most commands do, so a
run that names its command gets a program with that command alone.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated

import typer

from chatterm import __version__
from chatterm.cli.completing import is_completing, line_so_far
from chatterm.cli.context import context_of

COMMANDS = {
    "ask": ("chatterm.cli.ask", "ask"),
    "chat": ("chatterm.cli.chat", "chat"),
    "chats": ("chatterm.cli.chats", "app"),
    "search": ("chatterm.cli.search", "search"),
    "models": ("chatterm.cli.models", "app"),
    "templates": ("chatterm.cli.templates", "app"),
    "engine": ("chatterm.cli.engine", "app"),
    "config": ("chatterm.cli.settings", "app"),
    "paths": ("chatterm.cli.settings", "paths"),
}
"""Each command and where it lives: a function, or a Typer app of several."""

HELP = """A chat that lives in the terminal and carries its own model.

Without a command it opens a chat.

Example: chatterm ask "Say hello"
"""


_OF_THE_PROGRAM = {"-h", "--help", "--version", "--install-completion", "--show-completion"}


def with_command(args: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """A chat is what is meant where no command is named: ``chatterm -m echo``."""
    completing = any(name.startswith("_CHATTERM_COMPLETE") for name in env)
    named = args and (not args[0].startswith("-") or args[0] in _OF_THE_PROGRAM)
    return list(args) if named or completing else ["chat", *args]


def needed(args: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """The commands to build: the one that is named, else all of them."""
    if is_completing(env):
        # Typer would load Rich to take markup out of help texts that have none.
        sys.modules["rich"] = None  # type: ignore[assignment]
        args = line_so_far(env)[1:]
    if args and args[0] in COMMANDS:
        return [args[0]]
    return list(COMMANDS)


def program(names: Sequence[str]) -> typer.Typer:
    """The tree with those commands."""
    app = typer.Typer(
        name="chatterm",
        help=HELP,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback(invoke_without_command=True, help=HELP)(_root)
    for name in names:
        module, attribute = COMMANDS[name]
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return app


def _root(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)
    ] = False,
) -> int:
    """Without a command: a chat."""
    if version:
        context_of(ctx).console.line(f"chatterm {__version__}")
    elif ctx.invoked_subcommand is None:
        from chatterm.cli.chat import chat

        return chat(ctx)
    return 0
