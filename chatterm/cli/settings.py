"""``chatterm config`` and ``chatterm paths``: the settings, and where everything lies."""

from __future__ import annotations

from typing import Annotated

import typer

from chatterm.cli.context import context_of
from chatterm.editor import editor_of, run_editor
from chatterm.errors import ConfigError

app = typer.Typer(
    help="Show and change the settings.\n\nExample: chatterm config show",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def _complete_key(incomplete: str) -> list[str]:
    from chatterm.config import schema

    return [key for key in schema() if key.startswith(incomplete)]


Key = Annotated[
    str,
    typer.Argument(help="The setting, as in params.temperature.", autocompletion=_complete_key),
]


@app.command("show")
def show(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Show the settings that count, and where each was set.

    A parameter that is left to the model is not listed.

    Example: chatterm config show
    """
    from chatterm.config_reading import read_settings
    from chatterm.tables import toml_text

    context = context_of(ctx)
    context.console.json_errors = as_json
    items = read_settings(context.paths(), context.env).items()
    if as_json:
        context.console.json(
            {
                key: {"value": value, "source": source.kind, "name": source.name}
                for key, value, source in items
            }
        )
        return
    width = max(len(f"{key} = {toml_text(value)}") for key, value, _ in items)
    for key, value, source in items:
        said = f"{key} = {toml_text(value)}"
        context.console.line(f"{said:<{min(width, 50)}}  # {source.name or source.kind}")


@app.command("path")
def path(ctx: typer.Context) -> None:
    """Print where the settings are kept, whether or not the file exists.

    Example: chatterm config path
    """
    context = context_of(ctx)
    context.console.line(str(context.paths().config_file))


@app.command("set", context_settings={"ignore_unknown_options": True})
def set_(
    ctx: typer.Context,
    key: Key,
    values: Annotated[
        list[str], typer.Argument(metavar="VALUE...", help="The value; several make a list.")
    ],
) -> None:
    """Change a setting in the file. Its comments stay as they are.

    Example: chatterm config set params.temperature 0.7
    """
    from chatterm.config_edit import set_value

    context = context_of(ctx)
    set_value(context.paths(), key, values)
    _say_what_hides_it(ctx, key)


@app.command("unset")
def unset(ctx: typer.Context, key: Key) -> None:
    """Take a setting out of the file, so that its default counts again.

    Example: chatterm config unset params.temperature
    """
    from chatterm.config_edit import unset_value

    context = context_of(ctx)
    if not unset_value(context.paths(), key):
        context.console.note(f"{key} was not set in {context.paths().config_file}")
    _say_what_hides_it(ctx, key)


@app.command("edit")
def edit(ctx: typer.Context) -> None:
    """Open the settings in $VISUAL or $EDITOR, and check them afterwards.

    Example: EDITOR=nano chatterm config edit
    """
    from chatterm.config_edit import begin_file
    from chatterm.config_reading import read_config_file

    context = context_of(ctx)
    paths = context.paths()
    begin_file(paths)
    run_editor(editor_of(context.env), paths.config_file)
    try:
        read_config_file(paths)
    except ConfigError as error:
        raise ConfigError(
            f"your edit is kept, but it cannot be used: {error.message}",
            hint="; ".join(filter(None, [error.hint, "mend it with chatterm config edit"])),
        ) from error


def paths(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Show where chatterm keeps its files.

    Example: chatterm paths
    """
    context = context_of(ctx)
    context.console.json_errors = as_json
    found = context.paths()
    places = {
        "config": found.config,
        "data": found.data,
        "state": found.state,
        "cache": found.cache,
        "runtime": found.runtime,
        "config_file": found.config_file,
        "user_models_file": found.user_models_file,
        "templates_dir": found.templates_dir,
        "database": found.database,
        "server_database": found.server_database,
        "models_dir": found.models_dir,
        "log_dir": found.log_dir,
        "snapshots": found.snapshots,
        "sockets": found.sockets,
    }
    if as_json:
        context.console.json({name: str(place) for name, place in places.items()})
        return
    for name, place in places.items():
        context.console.line(f"{name:<16}  {place}")


def _say_what_hides_it(ctx: typer.Context, key: str) -> None:
    """A variable that is set counts more than the file, which would look like a failure."""
    from chatterm.config import schema

    context = context_of(ctx)
    setting = schema().get(key)
    if setting is not None and context.env.get(setting.variable):
        context.console.note(f"{setting.variable} is set and counts more than the file")
