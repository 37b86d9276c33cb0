"""``chatterm remotes``: the servers chatterm may ask, and how they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatterm.cli.context import Context, context_of
from chatterm.cli.known_remotes import RemoteName, checked_kind, identified, known_remote, remember
from chatterm.cli.remote_chats import change, chats, report, sync, vote
from chatterm.cli.table import columns
from chatterm.errors import ChattermError, ConfigError, Refused, Unreachable

if TYPE_CHECKING:
    from chatterm.catalog import RemoteEntry
    from chatterm.messages import ModelInfo

_PATIENCE = 5.0
"""Seconds; a list is not worth more waiting."""

app = typer.Typer(
    help="List, add and remove servers.\n\nExample: chatterm remotes list",
    no_args_is_help=True,
    rich_markup_mode=None,
)
for _command in (chats, sync, change, vote, report):
    app.command()(_command)


@dataclass(frozen=True, slots=True)
class _Status:
    """A remote as it was just found."""

    entry: RemoteEntry
    state: str
    detail: str
    user: str
    key_in: str
    models: tuple[ModelInfo, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.entry.name,
            "kind": self.entry.kind,
            "url": self.entry.url,
            "state": self.state,
            "detail": self.detail,
            "user": self.user,
            "key_in": self.key_in,
            "models": [
                {
                    "name": model.name,
                    "summary": model.summary,
                    "size": model.size_bytes,
                    "context": model.context,
                    "capabilities": sorted(model.capabilities),
                }
                for model in self.models
            ],
        }


@app.command("list")
def list_(
    ctx: typer.Context,
    models: Annotated[bool, typer.Option("--models", help="Name every model.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """List the remotes, whether they answer, and what models they have.

    Example: chatterm remotes list
    """
    context = context_of(ctx)
    context.console.json_errors = as_json
    import asyncio

    found = asyncio.run(_statuses(context))
    if as_json:
        context.console.json([status.to_json() for status in found])
        return
    if not found:
        context.console.note("no remotes yet; add one with chatterm login URL")
        return
    if models:
        for status in found:
            for model in status.models:
                context.console.line(f"{model.name}  {model.summary}".rstrip())
        return
    rows = [
        (s.entry.name, s.entry.kind, s.entry.url, s.state, s.user, str(len(s.models) or ""))
        for s in found
    ]
    for line in columns(("NAME", "KIND", "URL", "STATE", "USER", "MODELS"), rows, "<<<<<>"):
        context.console.line(line)
    for status in found:
        if status.detail:
            context.console.note(status.detail)


@app.command("add")
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it here.")],
    url: Annotated[str, typer.Argument(metavar="URL", help="Its address.")],
    kind: Annotated[
        str | None, typer.Option("--kind", help="What it is: openassistant, openai or ollama.")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow http to another machine.")
    ] = False,
) -> None:
    """Add a server without logging in.

    Example: chatterm remotes add ollama http://localhost:11434
    """
    context = context_of(ctx)
    if name in context.catalog().remotes:
        raise ConfigError(
            f"there is a remote {name!r} already", hint=f"remove it: chatterm remotes remove {name}"
        )
    import asyncio

    found, name, insecure = asyncio.run(
        identified(context, url, name, checked_kind(kind), insecure)
    )
    remember(context, name, found, insecure)
    context.console.note(f"added {name}; its models are named {name}/MODEL")


@app.command("remove")
def remove(ctx: typer.Context, name: RemoteName) -> None:
    """Remove a server and its key. The chats with it stay.

    Example: chatterm remotes remove ollama
    """
    from chatterm.catalog_edit import remove_entry
    from chatterm.remote.opening import credential_store

    context = context_of(ctx)
    known_remote(context, name)
    if not remove_entry(context.paths().user_models_file, "remotes", name):
        raise ConfigError(f"{name} is not in your own models.toml, so it stays")
    credential_store(context.paths()).forget(name)
    context.console.note(f"removed {name}")


async def _statuses(context: Context) -> list[_Status]:
    """Ask all of them at once."""
    remotes = context.catalog().remotes.values()
    import asyncio

    return list(await asyncio.gather(*(_status(context, entry) for entry in remotes)))


async def _status(context: Context, entry: RemoteEntry) -> _Status:
    from chatterm.remote.address import parse_address
    from chatterm.remote.opening import credential_store, open_remote
    from chatterm.remote.remembered import remember_models

    config = context.config()
    quick = replace(
        config.network,
        connect_seconds=min(_PATIENCE, config.network.connect_seconds),
        reply_seconds=min(_PATIENCE, config.network.reply_seconds),
    )
    store = credential_store(context.paths())
    kept = store.get(entry.name, parse_address(entry.url).origin)
    user = kept.user if kept is not None else ""
    key_in = store.place(entry.name) if kept is not None else ""
    models: tuple[ModelInfo, ...] = ()
    state, detail = "ready", ""
    try:
        backend = open_remote(entry, replace(config, network=quick), context.paths())
        try:
            models = tuple(await backend.models())
            remember_models(context.paths(), entry, models)
        finally:
            await backend.aclose()
    except Unreachable as error:
        state, detail = "offline" if config.offline else "unreachable", error.message
    except Refused as error:
        state, detail = "log in", f"{error.message}; {error.hint}"
    except ChattermError as error:
        state, detail = "broken", error.message
    if state == "ready" and entry.kind == "openassistant" and kept is None:
        # Such a server tells its models to everybody, and answers nobody it does not know.
        state, detail = "log in", f"you are not logged in to {entry.name}"
    return _Status(entry, state, detail, user, key_in, models)
