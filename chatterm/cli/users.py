"""``chatterm users``: the people who may use this machine's server."""

from __future__ import annotations

import sys
from getpass import getpass
from typing import Annotated

import typer

from chatterm.cli.completing import server_user_names
from chatterm.cli.context import context_of
from chatterm.cli.dates import iso, local
from chatterm.cli.people import people_of, records_of, user_named
from chatterm.cli.table import columns
from chatterm.errors import ConfigError

_PASSWORD_LIMIT = 10_000

app = typer.Typer(
    help="Add, list and remove people who may use your server.\n\nExample: chatterm users add ada",
    no_args_is_help=True,
    rich_markup_mode=None,
)
NewName = Annotated[str, typer.Argument(metavar="NAME", help="How they log in.")]
UserName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="How they log in.", autocompletion=server_user_names),
]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from stdin.")
]


@app.command("add")
def add(
    ctx: typer.Context,
    name: NewName,
    admin: Annotated[
        bool, typer.Option("--admin", help="May also manage users and models over the network.")
    ] = False,
    password_stdin: PasswordStdin = False,
) -> None:
    """Let a person use your server. The password is asked for.

    Example: chatterm users add ada
    """
    context = context_of(ctx)
    with people_of(context) as people:
        if people.users.named(name) is not None:
            raise ConfigError(
                f"there is a user {name!r} already",
                hint=f"chatterm users password {name} gives them another password",
            )
        is_first = not people.users.all()
        password = _piped_password() if password_stdin else _asked_password("add", name)
        people.users.add(name, password, is_admin=admin)
    context.console.note(f"{name} may use the server from now on")
    if is_first:
        context.console.note("a server that runs without logins wants them when it starts again")


@app.command("password")
def password_(ctx: typer.Context, name: UserName, password_stdin: PasswordStdin = False) -> None:
    """Give a person another password. Their logins end; their keys and chats stay.

    Example: chatterm users password ada
    """
    context = context_of(ctx)
    with people_of(context) as people:
        user = user_named(people, name)
        said = _piped_password() if password_stdin else _asked_password("password", name)
        people.users.set_password(user, said)
        people.logins.end_all(user.id)
    context.console.note(f"{name} has a new password, and has to log in again")


@app.command("list")
def list_(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """List the people who may use your server.

    Example: chatterm users list
    """
    context = context_of(ctx)
    context.console.json_errors = as_json
    with people_of(context) as people:
        users = people.users.all()
    if as_json:
        context.console.json(
            [
                {"id": u.id, "name": u.name, "admin": u.is_admin, "created_at": iso(u.created_at)}
                for u in users
            ]
        )
        return
    if not users:
        context.console.note("no users yet; add one with chatterm users add NAME")
        return
    rows = [(u.name, "admin" if u.is_admin else "user", local(u.created_at)) for u in users]
    for line in columns(("NAME", "ROLE", "SINCE"), rows, "<<<"):
        context.console.line(line)


@app.command("remove")
def remove(
    ctx: typer.Context,
    name: UserName,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
) -> None:
    """End a person's account: their keys, logins and chats, for good.

    A server that runs knows it at once.

    Example: chatterm users remove ada
    """
    context = context_of(ctx)
    with records_of(context) as records:
        from chatterm.server.people import people_in
        from chatterm.server.sweeping import chats_of, sweep, take_away_account

        people = people_in(records)
        user = user_named(people, name)
        count = len(chats_of(records, user))
        question = f"Remove {name} and {count} chats for good?"
        if count and not yes and not context.console.agrees(question, sys.stdin):
            raise ConfigError(f"{name} was not removed", hint="add --yes to be sure")
        take_away_account(records, people, user)
        for _ in sweep(records, keep_seconds=None):
            continue
    context.console.note(f"{name} can no longer use the server")


def _asked_password(command: str, name: str) -> str:
    if not sys.stdin.isatty():
        raise ConfigError(
            "the password has to be asked for, and nobody is at the terminal",
            hint=f"pipe it in: chatterm users {command} {name} --password-stdin < FILE",
        )
    password = getpass(f"password for {name} (it is not shown): ", stream=sys.stderr)
    if getpass("once more: ", stream=sys.stderr) != password:
        raise ConfigError("the two passwords differ", hint="try again")
    return password


def _piped_password() -> str:
    password = sys.stdin.readline(_PASSWORD_LIMIT).rstrip("\r\n")
    if not password:
        raise ConfigError("stdin has no password", hint="write it on its first line")
    return password
