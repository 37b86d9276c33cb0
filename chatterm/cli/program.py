"""The command tree. Only the commands that a run can need are imported and built.

Typer builds a parser for every option it is given, and a command's module imports what it needs, so
a run that names its command, or a command of a group, gets a program with that one alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any

import typer

from chatterm import __version__
from chatterm.cli.completing import is_completing, line_so_far
from chatterm.cli.context import context_of

COMMANDS = {
    "ask": ("chatterm.cli.ask", "ask"),
    "chat": ("chatterm.cli.chat", "chat"),
    "search": ("chatterm.cli.search", "search"),
    "models": ("chatterm.cli.models", "app"),
    "templates": ("chatterm.cli.templates", "app"),
    "doctor": ("chatterm.cli.doctor", "doctor"),
    "login": ("chatterm.cli.login", "login"),
    "logout": ("chatterm.cli.login", "logout"),
    "remotes": ("chatterm.cli.remotes", "app"),
    "serve": ("chatterm.cli.serve", "serve"),
    "users": ("chatterm.cli.users", "app"),
    "keys": ("chatterm.cli.keys", "app"),
    "engine": ("chatterm.cli.engine", "app"),
    "config": ("chatterm.cli.settings", "app"),
    "paths": ("chatterm.cli.settings", "paths"),
}
"""Each command and where it lives: a function, or a Typer app of several."""

GROUPS = {
    "chats": (
        "Find, change, export and import chats.\n\nExample: chatterm chats list --since 7d",
        {
            "list": ("chatterm.cli.chats", "list_"),
            "show": ("chatterm.cli.chats", "show"),
            "rename": ("chatterm.cli.chats_change", "rename"),
            "tag": ("chatterm.cli.chats_change", "tag"),
            "pin": ("chatterm.cli.chats_change", "pin"),
            "vote": ("chatterm.cli.chats_change", "vote"),
            "fork": ("chatterm.cli.chats_change", "fork"),
            "delete": ("chatterm.cli.chats_trash", "delete"),
            "restore": ("chatterm.cli.chats_trash", "restore"),
            "prune": ("chatterm.cli.chats_trash", "prune"),
            "export": ("chatterm.cli.exchange", "export"),
            "import": ("chatterm.cli.exchange", "import_"),
        },
    ),
}
"""Groups of commands that are many: what a group is for, and where each of its commands lives."""

HELP = """A chat that lives in the terminal and carries its own model.

Without a command it opens a chat.

Example: chatterm ask "Say hello"
"""


_OF_THE_PROGRAM = {"-h", "--help", "--version", "--install-completion", "--show-completion"}


def with_command(args: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """A chat is what is meant where no command is named: ``chatterm -m echo``."""
    named = args and (not args[0].startswith("-") or args[0] in _OF_THE_PROGRAM)
    return list(args) if named or is_completing(env) else ["chat", *args]


def needed(args: Sequence[str], env: Mapping[str, str]) -> list[tuple[str, ...]]:
    """The commands to build: the one that is named, else all of its group, or all there are."""
    if is_completing(env):
        # Typer would load Rich to take markup out of help texts that have none.
        sys.modules["rich"] = None  # type: ignore[assignment]
        args = line_so_far(env)[1:]
    everything: list[tuple[str, ...]] = [(name,) for name in [*COMMANDS, *GROUPS]]
    match tuple(args[:2]):
        case (group, name) if group in GROUPS and name in GROUPS[group][1]:
            return [(group, name)]
        case (name, *_) if (name,) in everything:
            return [(name,)]
        case _:
            return everything


def program(names: Iterable[tuple[str, ...]]) -> typer.Typer:
    """The tree with those commands."""
    app = typer.Typer(
        name="chatterm",
        help=HELP,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback(invoke_without_command=True, help=HELP)(_root)
    for name, *rest in names:
        found = _group(name, rest) if name in GROUPS else _at(COMMANDS[name])
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return app


def _group(name: str, only: Sequence[str]) -> typer.Typer:
    help_, commands = GROUPS[name]
    group = typer.Typer(help=help_, no_args_is_help=True, rich_markup_mode=None)
    # A group of one command would be taken for that command.
    group.callback(help=help_)(_nothing)
    for command in only or commands:
        group.command(command)(_at(commands[command]))
    return group


def _at(place: tuple[str, str]) -> Any:
    module, attribute = place
    return getattr(import_module(module), attribute)


def _nothing() -> None:
    return


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
