"""``chatterm keys``: what programs show to this machine's server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatterm.cli import completing
from chatterm.cli.context import context_of
from chatterm.cli.dates import iso, local
from chatterm.cli.people import people_of, user_named
from chatterm.cli.table import columns
from chatterm.errors import ConfigError, NotFound
from chatterm.hints import nearest

if TYPE_CHECKING:
    from chatterm.server.keys import Key, Scope
    from chatterm.server.people import People

_UNITS = {"h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 365 * 86400.0}

app = typer.Typer(
    help="Make, list and revoke keys for programs that use your server.\n\n"
    "Example: chatterm keys add --name editor",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("add")
def add(
    ctx: typer.Context,
    user: Annotated[
        str | None,
        typer.Option(
            "--user",
            metavar="NAME",
            help="Whose key it is; else that of whoever sits here.",
            autocompletion=completing.server_user_names,
        ),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="What it is for.")] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help="What it may do, as often as needed: use (the default), models, metrics, admin,"
            " trusted.",
            autocompletion=completing.scopes,
        ),
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="TIME", help="As in 12h, 30d or 1y.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Make a key and print it. It is shown this once, and kept as a hash.

    Example: chatterm keys add --name editor --expires 90d
    """
    context = context_of(ctx)
    context.console.json_errors = as_json
    seconds = _seconds(expires) if expires is not None else None
    with people_of(context) as people:
        owner = user_named(people, user) if user is not None else people.users.local_user()
        key, text = people.keys.add(
            owner,
            name=name,
            scopes=_scopes(scope or ["use"]),
            expires_at=time.time() + seconds if seconds is not None else None,
        )
        shown = _json(people, key)
    if as_json:
        context.console.json({**shown, "key": text})
        return
    context.console.line(text)
    context.console.note("this key is not shown again")


@app.command("list")
def list_(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """List the keys, without the keys themselves.

    Example: chatterm keys list
    """
    context = context_of(ctx)
    context.console.json_errors = as_json
    with people_of(context) as people:
        keys = people.keys.all()
        shown = [_json(people, key) for key in keys]
    if as_json:
        context.console.json(shown)
        return
    if not keys:
        context.console.note("no keys yet; make one with chatterm keys add")
        return
    rows = [
        (
            key.id,
            f"{key.hint}…",
            key.name,
            entry["user"],
            " ".join(sorted(key.scopes)),
            _state(key, time.time()),
            local(key.used_at) if key.used_at is not None else "never",
        )
        for key, entry in zip(keys, shown, strict=True)
    ]
    head = ("ID", "KEY", "NAME", "USER", "SCOPES", "STATE", "USED")
    for line in columns(head, rows, "<<<<<<<"):
        context.console.line(line)


@app.command("revoke")
def revoke(
    ctx: typer.Context,
    key: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="Its id, the end of it, its beginning, or its name.",
            autocompletion=completing.server_keys,
        ),
    ],
) -> None:
    """Withdraw a key. A server that runs knows it at once.

    Example: chatterm keys revoke editor
    """
    context = context_of(ctx)
    with people_of(context) as people:
        found = _meant(people, key)
        people.keys.revoke(found.id)
    context.console.note(f"the key {found.name or found.hint} opens nothing any more")


def _meant(people: People, said: str) -> Key:
    """The one key that a name, or a part of an id or of a key, belongs to."""
    keys = [key for key in people.keys.all() if key.revoked_at is None]
    for of in (
        [key for key in keys if said in (key.id, key.name)],
        [key for key in keys if key.id.endswith(said.upper()) or said.startswith(key.hint)],
    ):
        if len(of) == 1:
            return of[0]
        if of:
            raise ConfigError(
                f"{len(of)} keys are meant by {said!r}",
                hint="name one by its id: chatterm keys list",
            )
    raise NotFound(f"there is no key {said!r}", hint="chatterm keys list shows them")


def _json(people: People, key: Key) -> dict[str, Any]:
    user = people.users.get(key.user_id)
    return {
        "id": key.id,
        "name": key.name,
        "begins": key.hint,
        "user": user.name if user is not None else "",
        "scopes": sorted(key.scopes),
        "created_at": iso(key.created_at),
        "expires_at": _moment(key.expires_at),
        "used_at": _moment(key.used_at),
        "revoked_at": _moment(key.revoked_at),
    }


def _moment(seconds: float | None) -> str | None:
    return iso(seconds) if seconds is not None else None


def _state(key: Key, now: float) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is None:
        return "valid"
    return "expired" if key.expires_at <= now else f"until {local(key.expires_at)}"


def _scopes(words: list[str]) -> list[Scope]:
    from chatterm.server.keys import Scope

    for word in words:
        if word not in list(Scope):
            raise ConfigError(f"there is no scope {word!r}", hint=nearest(word, list(Scope)))
    return [Scope(word) for word in words]


def _seconds(text: str) -> float:
    number, unit = text[:-1], text[-1:]
    if not number.isdecimal() or unit not in _UNITS or not 0 < int(number) < 10_000:
        raise ConfigError(f"{text!r} is no time", hint="as in 12h, 30d, 4w or 1y")
    return int(number) * _UNITS[unit]
