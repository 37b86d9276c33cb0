"""``chatterm models``: the models on this machine, and those that can be had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatterm.cli.context import Context, context_of
from chatterm.cli.pull import pull
from chatterm.cli.sizes import bytes_text, count_text, tokens_text
from chatterm.cli.table import columns

if TYPE_CHECKING:
    from chatterm.catalog import ModelEntry
    from chatterm.engine.described import Described
    from chatterm.engine.library import Library

app = typer.Typer(
    help="Find, get and choose models.\n\nExample: chatterm models list",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("pull")(pull)


@app.command("list")
def list_(
    ctx: typer.Context,
    everything: Annotated[
        bool, typer.Option("-a", "--all", help="Also those that can be pulled.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """List the models on this machine.

    Example: chatterm models list
    """
    from chatterm.engine.described import describe

    context = context_of(ctx)
    context.console.json_errors = as_json
    library = open_library(context)
    here = [describe(model)[0] for model in library.models]
    rest = _not_here(context, library)
    if as_json:
        context.console.json(
            [
                *(entry_json(entry) for entry in _built_in(context)),
                *({"state": "here", **model.to_json()} for model in here),
                *(entry_json(entry) for entry in rest if everything),
            ]
        )
        return
    rows: list[tuple[str, ...]] = []
    rows += [(entry.name, "", "", "", "", "built in") for entry in _built_in(context)]
    rows += [_row(model) for model in here]
    rows += [_catalogue_row(entry) for entry in rest if everything]
    for line in columns(("NAME", "SIZE", "QUANT", "PARAMS", "CONTEXT", "WHERE"), rows, "<>><><"):
        context.console.line(line)
    if rest and not everything:
        context.console.note(f"{len(rest)} more can be had: chatterm models list --all")


@app.command("show")
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="As the list names it, or a file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Show everything that is known of a model, what its file says included.

    Example: chatterm models show echo
    """
    from chatterm.cli.model_page import page_of

    context = context_of(ctx)
    context.console.json_errors = as_json
    page = page_of(name, context.catalog(), open_library(context))
    if as_json:
        context.console.json(page.to_json())
        return
    for line in page.lines():
        context.console.line(line)


def open_library(context: Context) -> Library:
    """What lies on this machine."""
    from chatterm.engine import library

    return library.open_library(context.paths(), context.catalog())


def _built_in(context: Context) -> list[ModelEntry]:
    """What needs no file, or has its own."""
    return [entry for entry in context.catalog().models.values() if not entry.files]


def _not_here(context: Context, library: Library) -> list[ModelEntry]:
    here = {model.entry.name for model in library.models if model.entry is not None}
    models = context.catalog().models.values()
    return [entry for entry in models if entry.files and entry.name not in here]


def _row(model: Described) -> tuple[str, ...]:
    return (
        model.name,
        bytes_text(model.size),
        model.quantisation,
        count_text(model.parameters),
        tokens_text(model.context),
        f"broken: {model.problem}" if model.problem else f"{model.place}: {model.path}",
    )


def _catalogue_row(entry: ModelEntry) -> tuple[str, ...]:
    quantisation, file = next(iter(entry.files.items()))
    return (
        entry.name,
        bytes_text(file.size),
        quantisation,
        count_text(entry.parameters),
        tokens_text(entry.context),
        f"to pull: {entry.summary}",
    )


def entry_json(entry: ModelEntry) -> dict[str, Any]:
    """A catalogue entry as the list has it."""
    first = next(iter(entry.files.items()), None)
    return {
        "state": "catalogue" if entry.files else "built in",
        "name": entry.name,
        "summary": entry.summary,
        "size": first[1].size if first else 0,
        "quantisation": first[0] if first else "",
        "quantisations": list(entry.files),
        "parameters": entry.parameters,
        "context": entry.context,
        "capabilities": list(entry.capabilities),
        "licence": entry.licence,
        "repository": entry.repository,
    }
