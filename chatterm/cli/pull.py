"""``chatterm models pull``: brings a model from the hub or from any server."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatterm.cli import completing
from chatterm.cli.context import Context, context_of
from chatterm.cli.pull_progress import PullScreen
from chatterm.cli.sizes import bytes_text
from chatterm.errors import ModelError

if TYPE_CHECKING:
    from chatterm.engine.pull.events import Pulled, PullEvent


def pull(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]",
            help="NAME[:QUANT] of the catalogue, hf:OWNER/REPO[:QUANT], hf:OWNER/REPO/FILE, or"
            " an address. Without it one is proposed for this machine.",
            autocompletion=completing.catalogue_names,
        ),
    ] = None,
    connections: Annotated[
        int, typer.Option(min=1, max=16, help="How many at once, where the server allows it.")
    ] = 4,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Take what is proposed.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> int:
    """Bring a model to this machine, and print where it is.

    It goes on where an earlier pull was stopped, whatever stopped it, and checks the digest.
    HF_TOKEN and HF_ENDPOINT are used, and proxies.

    Example: chatterm models pull hf:Qwen/Qwen3-0.6B-GGUF:Q8_0
    """
    from chatterm.cli.foreground import Foreground

    context = context_of(ctx)
    context.console.quiet = quiet
    context.console.json_errors = as_json
    if name is None:
        name = _proposed(context, yes=yes, as_json=as_json)
        if name is None:
            return 0
    screen = PullScreen(context.console)
    with Foreground() as foreground:
        return foreground.run(_pull(context, name, connections, screen, as_json))


async def _pull(
    context: Context, name: str, connections: int, screen: PullScreen, as_json: bool
) -> None:
    from chatterm.engine.pull.naming import choice_of
    from chatterm.engine.pull.pulling import PullOptions, pull
    from chatterm.engine.pull.web import Web

    here = _elsewhere(context, name)
    if here:
        context.console.note(f"{name} is on this machine already, and is used where it is")
        _print(context, name, here, as_json)
        return
    config = context.config()
    async with Web(context.env, offline=config.offline, ca_file=config.network.ca_file) as web:
        choice = await choice_of(web, context.catalog(), name)
        if choice.said:
            context.console.note(choice.said)
        folder = context.paths().models_dir
        events = pull(web, choice.sources, folder, PullOptions(connections))
        done = await _shown(events, screen)
    _print(context, name, list(done.paths), as_json, done)


async def _shown(events: AsyncGenerator[PullEvent, None], screen: PullScreen) -> Pulled:
    """Draw a pull until it ends."""
    import asyncio

    from chatterm.engine.pull.events import Pulled

    try:
        async with aclosing(events):
            async for event in events:
                screen.event(event)
                if isinstance(event, Pulled):
                    return event
    except asyncio.CancelledError:
        screen.stopped()
        raise
    raise AssertionError("a pull ends with Pulled or an error")


def _print(
    context: Context, name: str, paths: list[Path], as_json: bool, done: Pulled | None = None
) -> None:
    if as_json:
        said: dict[str, Any] = {"model": name, "paths": [str(path) for path in paths]}
        said["fetched_bytes"] = done.fetched if done else 0
        said["checked"] = done.checked if done else None
        context.console.json(said)
    else:
        context.console.line(str(paths[0]))


def _elsewhere(context: Context, name: str) -> list[Path]:
    from chatterm.engine.library import open_library
    from chatterm.engine.pull.naming import already_here

    catalog = context.catalog()
    return already_here(open_library(context.paths(), catalog), catalog, name)


def _proposed(context: Context, *, yes: bool, as_json: bool) -> str | None:
    """The model that suits this machine, if the user takes it; otherwise it is only named."""
    from chatterm.engine.machine import this_machine
    from chatterm.engine.recommend import recommend

    found = recommend(context.catalog().models.values(), this_machine())
    if found is None:
        raise ModelError(
            "no model that is proposed runs well on this machine",
            hint="chatterm models list --all shows all; chatterm models pull NAME gets one",
        )
    name = found.entry.name
    context.console.note(f"{name}: {found.entry.summary}")
    context.console.note(f"{found.quantisation}, {bytes_text(found.size)}; {found.reason}")
    if yes or (not as_json and context.console.agrees("pull it now?", sys.stdin)):
        return name
    if as_json:
        context.console.json(
            {
                "proposed": name,
                "quantisation": found.quantisation,
                "size": found.size,
                "reason": found.reason,
            }
        )
    else:
        context.console.line(name)
    context.console.note(f"get it: chatterm models pull {name}")
    return None
