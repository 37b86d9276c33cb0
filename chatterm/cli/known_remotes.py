"""The remotes that are known: found by their name, told what they are, written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatterm.cli import completing
from chatterm.cli.context import Context
from chatterm.errors import ConfigError
from chatterm.hints import nearest

if TYPE_CHECKING:
    from chatterm.catalog import RemoteEntry
    from chatterm.remote.detect import Found, Kind

_KINDS = ("openassistant", "openai", "ollama")
RemoteName = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="The remote, as the list names it.",
        autocompletion=completing.remote_names,
    ),
]


def known_remote(context: Context, name: str) -> RemoteEntry:
    """The remote of that name."""
    remotes = context.catalog().remotes
    if name not in remotes:
        raise ConfigError(
            f"there is no remote {name!r}",
            hint=nearest(name, remotes) if remotes else "add one with chatterm login URL",
        )
    return remotes[name]


def checked_kind(kind: str | None) -> Kind | None:
    """A kind the user named, which chatterm must know."""
    match kind:
        case None | "openassistant" | "openai" | "ollama":
            return kind
        case _:
            raise ConfigError(f"there is no kind {kind!r}", hint=nearest(kind, _KINDS))


async def identified(
    context: Context, server: str, name: str | None, kind: Kind | None, insecure: bool
) -> tuple[Found, str, bool]:
    """What a server is, what it is to be called, and whether it may be reached in the open."""
    from chatterm.remote.address import parse_address
    from chatterm.remote.detect import Prober
    from chatterm.remote.login import name_for
    from chatterm.remote.opening import http_at

    remotes = context.catalog().remotes
    known = remotes.get(server)
    address = parse_address(known.url if known is not None else server)
    insecure = insecure or (known is not None and known.insecure)
    if known is not None:
        name, kind = name or server, kind or known.kind
    http = http_at(name or address.host, address, context.config(), insecure=insecure)
    try:
        found = await Prober(http).find(kind)
    finally:
        await http.aclose()
    if name is None:
        same = (entry.name for entry in remotes.values() if entry.url == found.address.url)
        name = next(same, None) or name_for(
            found.address, found.program or found.kind, frozenset(remotes)
        )
    what = f"a server of {found.program}" if found.program else found.kind
    context.console.note(f"{found.address.url} is {what}, by {found.evidence}")
    return found, name, insecure


def remember(context: Context, name: str, found: Found, insecure: bool) -> None:
    """Write the remote into the user's models.toml, unless it stands there just so."""
    from chatterm.catalog_edit import set_entry

    known = context.catalog().remotes.get(name)
    now = (found.kind, found.address.url, insecure)
    if known is not None and (known.kind, known.url, known.insecure) == now:
        return
    if known is not None and known.url != found.address.url:
        raise ConfigError(
            f"{name} is the name of another remote, {known.url}",
            hint="choose another with --as NAME, or remove that one first: chatterm remotes remove",
        )
    entry = {"kind": found.kind, "url": found.address.url}
    set_entry(
        context.paths().user_models_file,
        "remotes",
        name,
        {**entry, "insecure": True} if insecure else entry,
    )
