"""``chatterm models``: the models on this machine, and those that can be had."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatterm.cli import completing
from chatterm.cli.context import Context, context_of
from chatterm.cli.pull import pull
from chatterm.cli.sizes import bytes_text, count_text, tokens_text
from chatterm.cli.table import columns
from chatterm.errors import ConfigError

if TYPE_CHECKING:
    from chatterm.catalog import ModelEntry
    from chatterm.engine.described import Described
    from chatterm.engine.library import Library
    from chatterm.engine.machine import Machine

app = typer.Typer(
    help="Find, get and choose models.\n\nExample: chatterm models list",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("pull")(pull)


KnownName = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="As the list names it, or a file.",
        autocompletion=completing.known_model_names,
    ),
]
LocalName = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="As the list names it, or a file.",
        autocompletion=completing.model_names,
    ),
]


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
    context = context_of(ctx)
    context.console.json_errors = as_json
    library = open_library(context)
    machine, here = _described(context, library)
    rest = _not_here(context, library)
    if as_json:
        context.console.json(
            [
                *(entry_json(entry, machine) for entry in _built_in(context)),
                *({"state": "here", **model.to_json()} for model in here),
                *(entry_json(entry, machine) for entry in rest if everything),
            ]
        )
        return
    rows: list[tuple[str, ...]] = []
    rows += [(entry.name, "", "", "", "", "", "built in") for entry in _built_in(context)]
    rows += [_row(model) for model in here]
    rows += [_catalogue_row(entry, machine) for entry in rest if everything]
    head = ("NAME", "SIZE", "QUANT", "PARAMS", "CONTEXT", "FITS", "WHERE")
    for line in columns(head, rows, "<>><><<"):
        context.console.line(line)
    if rest and not everything:
        context.console.note(f"{len(rest)} more can be had: chatterm models list --all")


@app.command("show")
def show(
    ctx: typer.Context,
    name: KnownName,
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


@app.command("fit")
def fit(
    ctx: typer.Context,
    name: KnownName,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Show how a model is opened on this machine, and what would change that.

    Example: chatterm models fit qwen3-4b
    """
    from chatterm.cli.fit_page import fit_page

    context = context_of(ctx)
    context.console.json_errors = as_json
    options = context.config().engine
    page = fit_page(name, context.catalog(), open_library(context), options)
    if as_json:
        context.console.json(page.to_json())
        return
    for line in page.lines():
        context.console.line(line)


@app.command("add")
def add(
    ctx: typer.Context,
    path: Annotated[str, typer.Argument(metavar="PATH", help="A GGUF file, or a folder of them.")],
) -> None:
    """Use models from another folder, or a single file, where they lie.

    Example: chatterm models add ~/Downloads
    """
    from chatterm.engine import library

    context = context_of(ctx)
    place = _existing(path)
    if not library.add(context.paths(), place):
        context.console.note(f"{place} was added before")
    found = [model for model in open_library(context).models if model.path.is_relative_to(place)]
    for model in found:
        context.console.line(model.name)
    if not found:
        context.console.note(f"there is no model in {place} yet")


@app.command("remove")
def remove(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A model, or a folder or file that was added.",
            autocompletion=completing.model_names,
        ),
    ],
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Delete without asking.")] = False,
) -> None:
    """Delete a model that was pulled, or forget what was added.

    Files of other programs are never touched.

    Example: chatterm models remove qwen3-4b
    """
    from chatterm.cli.removing import remove_model

    remove_model(context_of(ctx), open_library(context_of(ctx)), name, yes)


@app.command("default")
def default(ctx: typer.Context, name: LocalName) -> None:
    """Choose the model of new chats.

    Example: chatterm models default echo
    """
    from chatterm.backend import is_file_name
    from chatterm.config_edit import set_value

    context = context_of(ctx)
    if is_file_name(name):
        name = str(_existing(name))
    elif name not in {entry.name for entry in _built_in(context)}:
        name = open_library(context).find(name).name
    set_value(context.paths(), "model", [name])
    context.console.note(f"new chats begin with {name}")


def _existing(path: str) -> Path:
    whole = Path(path).expanduser().absolute()
    if not whole.exists():
        raise ConfigError(
            f"there is no {whole}", hint="name a folder, or a file that ends in .gguf"
        )
    if whole.is_file() and not whole.name.lower().endswith(".gguf"):
        raise ConfigError(f"{whole.name} is no GGUF file", hint="chatterm reads .gguf files")
    return whole


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


def _described(context: Context, library: Library) -> tuple[Machine, list[Described]]:
    from concurrent.futures import ThreadPoolExecutor

    from chatterm.engine import machine
    from chatterm.engine.described import describe, with_fit
    from chatterm.engine.fit import wish_of

    # The GPUs are asked for while the headers are read: either takes a moment.
    with ThreadPoolExecutor(1) as pool:
        probing = pool.submit(machine.this_machine)
        described = [describe(model) for model in library.models]
        wish = wish_of(context.config().engine)
        found = probing.result()
    return found, [with_fit(*one, found, wish) for one in described]


def _row(model: Described) -> tuple[str, ...]:
    return (
        model.name,
        bytes_text(model.size),
        model.quantisation,
        count_text(model.parameters),
        tokens_text(model.context),
        model.fits,
        f"broken: {model.problem}" if model.problem else f"{model.place}: {model.path}",
    )


def _catalogue_row(entry: ModelEntry, machine: Machine) -> tuple[str, ...]:
    from chatterm.engine.recommend import verdict

    quantisation, file = next(iter(entry.files.items()))
    return (
        entry.name,
        bytes_text(file.size),
        quantisation,
        count_text(entry.parameters),
        tokens_text(entry.context),
        verdict(file.size, machine),
        f"to pull: {entry.summary}",
    )


def entry_json(entry: ModelEntry, machine: Machine) -> dict[str, Any]:
    """A catalogue entry as the list has it."""
    from chatterm.engine.recommend import verdict

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
        "fits": verdict(first[1].size, machine) if first else "yes",
    }
