"""``chatterm login`` and ``chatterm logout``: let chatterm use a server, or forget its key."""

from __future__ import annotations

import sys
from contextlib import suppress
from getpass import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from chatterm.cli import completing
from chatterm.cli.context import Context, context_of
from chatterm.cli.known_remotes import RemoteName, checked_kind, identified, known_remote, remember
from chatterm.errors import ChattermError, ConfigError

if TYPE_CHECKING:
    from chatterm.catalog import RemoteEntry
    from chatterm.cli.console import Console
    from chatterm.remote.auth import CredentialStore
    from chatterm.remote.detect import Kind
    from chatterm.remote.login import Wish

_KEY_LIMIT = 100_000


def login(
    ctx: typer.Context,
    server: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="Its address, or the name of a known remote.",
            autocompletion=completing.remote_names,
        ),
    ],
    name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="What to call it here.")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", help="Who you are there.")] = None,
    provider: Annotated[
        str | None, typer.Option("--provider", help="How to log in, as in github.")
    ] = None,
    key_stdin: Annotated[
        bool, typer.Option("--key-stdin", help="Read the key, token or password from stdin.")
    ] = False,
    kind: Annotated[
        str | None, typer.Option("--kind", help="What it is: openassistant, openai or ollama.")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow http to another machine.")
    ] = False,
) -> None:
    """Log in to a server, and use its models as NAME/MODEL.

    What the server is, it shows itself. A key is asked for where it needs one, and kept in the
    keyring of your system or in a private file. It is never an argument, which others could see.

    Example: chatterm login http://localhost:11434 --as ollama
    """
    from chatterm.remote.login import Wish

    context = context_of(ctx)
    wish = Wish(user, provider, _piped_key() if key_stdin else None)
    import asyncio

    asyncio.run(_log_in(context, server, name, wish, checked_kind(kind), insecure))


def logout(ctx: typer.Context, name: RemoteName) -> None:
    """Forget the key of a remote. The remote itself stays in the list.

    Example: chatterm logout ollama
    """
    from chatterm.remote.opening import credential_store

    context = context_of(ctx)
    entry = known_remote(context, name)
    store = credential_store(context.paths())
    if entry.kind == "openassistant":
        import asyncio

        asyncio.run(_end_login(context, entry, store))
    forgotten = store.forget(name)
    context.console.note(f"the key of {name} is forgotten" if forgotten else f"{name} had no key")


async def _log_in(
    context: Context, server: str, name: str | None, wish: Wish, kind: Kind | None, insecure: bool
) -> None:
    from chatterm.remote.login import log_in
    from chatterm.remote.opening import credential_store, http_at

    found, name, insecure = await identified(context, server, name, kind, insecure)
    http = http_at(name, found.address, context.config(), insecure=insecure)
    try:
        credentials = await log_in(http, found.kind, wish, _Terminal(context.console))
    finally:
        await http.aclose()
    remember(context, name, found, insecure)
    store = credential_store(context.paths())
    if credentials is None:
        store.forget(name)
        context.console.note(f"{name} needs no login")
    else:
        who = f" as {credentials.user}" if credentials.user else ""
        place = store.put(name, credentials)
        context.console.note(f"logged in to {name}{who}; the key is kept in {place}")
    await _learn_models(context, name)
    context.console.note(f"chatterm remotes list --models shows its models, named {name}/MODEL")


async def _end_login(context: Context, entry: RemoteEntry, store: CredentialStore) -> None:
    """Have the server forget the token too, where it can; that is no condition."""
    from dataclasses import replace

    from chatterm.remote.openassistant.access import end_login
    from chatterm.remote.opening import open_http

    config = context.config()
    network = replace(config.network, connect_seconds=2.0, reply_seconds=2.0)
    http = open_http(entry, replace(config, network=network))
    kept = store.get(entry.name, http.address.origin)
    try:
        if kept is not None:
            await end_login(http, kept.access)
    finally:
        await http.aclose()


async def _learn_models(context: Context, name: str) -> None:
    """So that the shell completes their names; the login holds without that."""
    from chatterm.remote.opening import open_remote
    from chatterm.remote.remembered import remember_models

    entry = context.catalog().remotes[name]
    with suppress(ChattermError):
        backend = open_remote(entry, context.config(), context.paths())
        try:
            remember_models(context.paths(), entry, await backend.models())
        finally:
            await backend.aclose()


class _Terminal:
    """Asks the person at the terminal; a pipe cannot answer."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def line(self, what: str) -> str:
        self._must_be_there(what)
        self._console.aside(f"{what}: ")
        return input()

    def secret(self, what: str) -> str:
        self._must_be_there(what)
        return getpass(f"{what} (it is not shown): ", stream=sys.stderr)

    def tell(self, text: str) -> None:
        self._console.note(text)

    def _must_be_there(self, what: str) -> None:
        if not sys.stdin.isatty():
            raise ConfigError(
                f"the {what} has to be asked for, and nobody is at the terminal",
                hint="give it with --user, or pipe it in with --key-stdin",
            )


def _piped_key() -> str:
    key = sys.stdin.read(_KEY_LIMIT)
    if not key.strip():
        raise ConfigError("stdin has no key", hint="as in: chatterm login URL --key-stdin < FILE")
    return key
