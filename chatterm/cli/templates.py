"""``chatterm templates``: prompts and presets under a name."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatterm.cli.completing import model_names, template_names
from chatterm.cli.context import context_of
from chatterm.cli.pairs import key_values
from chatterm.cli.schema import schema_text
from chatterm.cli.text import readable
from chatterm.editor import editor_of, run_editor
from chatterm.errors import ConfigError
from chatterm.params import parse_options
from chatterm.schemas import parse_schema

if TYPE_CHECKING:
    from chatterm.templates import Template

app = typer.Typer(
    help="Keep prompts and presets under a name.\n\nExample: chatterm templates list",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Its name.", autocompletion=template_names)
]


@app.command("list")
def list_(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """List templates, with the values that each needs.

    Example: chatterm templates list
    """
    context = context_of(ctx)
    context.console.json_errors = as_json
    found, problems = context.templates().readable()
    for error in problems:
        context.console.note(f"left out: {error.message}")
    if as_json:
        context.console.json([_as_json(template) for template in found])
        return
    width = max((len(template.name) for template in found), default=0)
    for template in found:
        needs = " ".join(f"-p {name}=..." for name in template.required)
        about = template.summary or _first_line(template.prompt or template.system)
        said = "  ".join(part for part in (about, needs) if part)
        context.console.line(f"{template.name:<{width}}  {said}".rstrip())


@app.command("show")
def show(
    ctx: typer.Context,
    name: Name,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Show a template as its file has it.

    Example: chatterm templates show translate
    """
    context = context_of(ctx)
    context.console.json_errors = as_json
    templates = context.templates()
    if as_json:
        context.console.json(_as_json(templates.get(name)))
    else:
        context.console.write(templates.text(name))
        context.console.end_line()


@app.command("new")
def new(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name.")],
    prompt: Annotated[
        str,
        typer.Argument(
            metavar="PROMPT", help="The prompt, with places as in {{name}}; none for a preset."
        ),
    ] = "",
    system: Annotated[
        str, typer.Option("-s", "--system", metavar="TEXT", help="The system prompt.")
    ] = "",
    model: Annotated[
        str,
        typer.Option(
            "-m", "--model", metavar="MODEL", help="Who answers.", autocompletion=model_names
        ),
    ] = "",
    option: Annotated[
        list[str] | None,
        typer.Option("-o", "--option", metavar="KEY=VALUE", help="A parameter, as in seed=7."),
    ] = None,
    default: Annotated[
        list[str] | None,
        typer.Option("-p", "--param", metavar="KEY=VALUE", help="The default of a place."),
    ] = None,
    schema: Annotated[
        str, typer.Option("--schema", metavar="SCHEMA", help="The form of the answer.")
    ] = "",
    summary: Annotated[
        str, typer.Option("--summary", metavar="TEXT", help="One line for the list.")
    ] = "",
) -> None:
    """Keep a new template. {{input}} stands for what is typed or piped in.

    Example: chatterm templates new translate 'Translate into {{to}}: {{input}}' -p to=French
    """
    from chatterm.templates import Template

    context = context_of(ctx)
    texts = {"prompt": prompt, "system": system, "model": model, "summary": summary}
    template = Template(
        name,
        **{key: readable(text) for key, text in texts.items()},
        schema=_checked_schema(schema),
        params=parse_options(option or []),
        defaults=key_values(default or []),
    )
    if not (prompt or system or model or schema or option):
        raise ConfigError(
            "a template needs something to keep", hint="give a prompt, or -s, -m, -o or --schema"
        )
    unknown = [place for place in template.defaults if place not in template.places]
    if unknown:
        raise ConfigError(
            f"the prompt has no place {unknown[0]!r}", hint=f"write it as {{{{{unknown[0]}}}}}"
        )
    file = context.templates().write(template)
    context.console.note(f"kept in {file}; use it with chatterm ask -t {name}")


@app.command("edit")
def edit(ctx: typer.Context, name: Name) -> None:
    """Open a template in $VISUAL or $EDITOR, and check it afterwards.

    Example: EDITOR=nano chatterm templates edit translate
    """
    context = context_of(ctx)
    templates = context.templates()
    run_editor(editor_of(context.env), templates.get_file(name))
    try:
        templates.get(name)
    except ConfigError as error:
        raise ConfigError(
            f"your edit is kept, but it cannot be used: {error.message}",
            hint="; ".join(filter(None, [error.hint, f"chatterm templates edit {name} mends it"])),
        ) from error


@app.command("remove")
def remove(ctx: typer.Context, name: Name) -> None:
    """Remove a template for good.

    Example: chatterm templates remove translate
    """
    context_of(ctx).templates().remove(name)


def _checked_schema(option: str) -> str:
    """The schema as it is kept, after it was found to be one."""
    if not option:
        return ""
    text = schema_text(option)
    parse_schema(text)
    return text


def _as_json(template: Template) -> dict[str, Any]:
    return {
        **asdict(template),
        "params": template.params.as_dict(),
        "places": template.places,
        "required": template.required,
    }


def _first_line(text: str) -> str:
    line = next((line for line in text.splitlines() if line.strip()), "").strip()
    return line if len(line) <= 60 else line[:59] + "…"
