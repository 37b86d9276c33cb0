"""``chatterm engine``: the models that are loaded now."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from chatterm.cli.context import Context, context_of
from chatterm.errors import EngineError

if TYPE_CHECKING:
    from chatterm.engine.hosts import EngineHome

T = TypeVar("T")

app = typer.Typer(
    help="Show and stop the models that are loaded.\n\nExample: chatterm engine ps",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("ps")
def ps(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """List the loaded models.

    Example: chatterm engine ps
    """
    from chatterm.engine.hosts import running

    context = context_of(ctx)
    context.console.json_errors = as_json
    hosts = _run(running(_home(context)))
    if as_json:
        context.console.json(hosts)
        return
    for host in hosts:
        context.console.line(_described(host))
    if not hosts:
        context.console.note("no model is loaded")


@app.command("stop")
def stop(
    ctx: typer.Context,
    model: Annotated[
        str | None, typer.Argument(help="Part of a model's file name; all of them without it.")
    ] = None,
) -> None:
    """Stop loaded models, and free their memory.

    Example: chatterm engine stop
    """
    context = context_of(ctx)
    stopped = _run(_stop(_home(context), model))
    for host in stopped:
        context.console.note(f"stopped {Path(host['model']).name}")
    if not stopped and model is not None:
        raise EngineError(
            f"no loaded model has {model!r} in its name", hint="chatterm engine ps lists them"
        )
    if not stopped:
        context.console.note("no model is loaded")


async def _stop(home: EngineHome, model: str | None) -> list[dict[str, Any]]:
    from chatterm.engine import hosts

    return [
        host
        for host in await hosts.running(home)
        if (model is None or model.casefold() in Path(host["model"]).name.casefold())
        and await hosts.stop(home, host["key"])
    ]


def _run(work: Coroutine[Any, Any, T]) -> T:
    import asyncio

    return asyncio.run(work)


def _described(host: dict[str, Any]) -> str:
    words = [str(host["pid"]), Path(host["model"]).name]
    if "context" not in host:
        return "  ".join([*words, "loading"])
    left = "stays"
    if host["keep_alive"] >= 0:
        left = f"leaves in {max(0.0, host['keep_alive'] - host['idle_seconds']):.0f} s"
    state = f"{host['running']} running, {host['waiting']} waiting" if host["running"] else left
    return "  ".join([*words, host["plan"], f"{host['memory_mb']:.0f} MB now", state])


def _home(context: Context) -> EngineHome:
    from chatterm.backend import engine_home

    return engine_home(context.config(), context.paths())
