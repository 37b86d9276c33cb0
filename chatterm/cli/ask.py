"""``chatterm ask``: one prompt, one answer on stdout, kept in the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from chatterm.cli import completing
from chatterm.cli.context import Context, context_of
from chatterm.cli.opening import open_session
from chatterm.cli.options import ChatId, Continue, Parameters, System, Values
from chatterm.cli.question import Preset, Question, chosen_preset, named_template, question
from chatterm.errors import ConfigError

if TYPE_CHECKING:
    from chatterm.cli.form import Form
    from chatterm.cli.printers import Printer
    from chatterm.session import ChatSession
    from chatterm.store import Chat, Store


def ask(
    ctx: typer.Context,
    prompt: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PROMPT", help="The prompt. Piped text is joined to it; - says where."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "-m",
            "--model",
            metavar="MODEL",
            help="Who answers.",
            autocompletion=completing.model_names,
        ),
    ] = None,
    system: System = None,
    continue_: Continue = False,
    chat: ChatId = None,
    file: Annotated[
        list[str] | None,
        typer.Option("-f", "--file", metavar="PATH|URL|-", help="Send a file, folder or page too."),
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(
            "-t",
            "--template",
            metavar="NAME",
            help="Use a kept prompt or preset.",
            autocompletion=completing.template_names,
        ),
    ] = None,
    param: Values = None,
    option: Parameters = None,
    schema: Annotated[
        str | None,
        typer.Option("--schema", metavar="SCHEMA", help='Answer in JSON, as in "name, age int".'),
    ] = None,
    extract: Annotated[
        bool, typer.Option("-x", "--extract", help="Print the last code block alone.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object at the end.")
    ] = False,
    stream_json: Annotated[
        bool, typer.Option("--stream-json", help="Print one JSON event a line.")
    ] = False,
    no_stream: Annotated[
        bool, typer.Option("-n", "--no-stream", help="Print the answer when it is whole.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Nothing on stderr but errors.")
    ] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Only append, as screen readers need it.")
    ] = False,
    color: Annotated[
        str | None, typer.Option("--color", metavar="WHEN", help="auto, always or never.")
    ] = None,
    no_reasoning: Annotated[
        bool, typer.Option("--no-reasoning", help="Do not show what the model thinks.")
    ] = False,
    temporary: Annotated[bool, typer.Option("--temporary", help="Store nothing.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the prompt and its length; ask nobody.")
    ] = False,
) -> int:
    """Ask once and print the answer.

    Example: git diff | chatterm ask "Write a commit message for this change:"
    """
    context = context_of(ctx)
    context.console.quiet = quiet
    context.console.plain |= plain
    context.console.json_errors = as_json or stream_json
    _refuse_both(
        {"--json": as_json, "--stream-json": stream_json, "--extract": extract},
        {"--chat": chat is not None, "--continue": continue_, "--temporary": temporary},
        {"--stream-json": stream_json, "--no-stream": no_stream, "--dry-run": dry_run},
    )
    found = named_template(context, template, param or [])
    asked = question(
        context,
        prompt or [],
        file or [],
        template=found,
        values=param or [],
        preset=chosen_preset(context, found, model=model, system=system, options=option or []),
        schema=schema,
    )
    output = Output(as_json, stream_json, no_stream, extract, plain, not no_reasoning, color)
    known = bool(chat or continue_)
    with context.store(temporary=temporary or (dry_run and not known)) as store:
        begun = context.chat_to_continue(store, chat, continue_)
        session = _session(context, store, begun, asked.preset)
        if dry_run:
            return _dry_run(context, session, asked, output)
        return _ask(context, session, asked, output)


@dataclass(frozen=True, slots=True)
class Output:
    """What of an answer is printed, and when."""

    as_json: bool
    stream_json: bool
    no_stream: bool
    extract: bool
    plain: bool = False
    reasoning: bool = True
    color: str | None = None


def _refuse_both(*groups: Mapping[str, bool]) -> None:
    """Of each group of options at most one may be given."""
    for group in groups:
        given = [name for name, is_given in group.items() if is_given]
        if len(given) > 1:
            raise ConfigError(
                f"{given[0]} and {given[1]} exclude each other", hint="take one of them"
            )


def _session(context: Context, store: Store, begun: Chat | None, preset: Preset) -> ChatSession:
    system = preset.system
    if begun is not None and system is not None and not preset.system_was_typed:
        context.console.note("the chat keeps its own system prompt, not the template's")
        system = None
    return open_session(
        context, store, begun, model=preset.model, system=system, params=preset.params
    )


def _dry_run(context: Context, session: ChatSession, asked: Question, output: Output) -> int:
    from chatterm.cli.dry_run import dry_run
    from chatterm.cli.foreground import Foreground

    with Foreground() as foreground:
        return foreground.run(dry_run(context, session, asked, output.as_json))


def _ask(context: Context, session: ChatSession, asked: Question, output: Output) -> int:
    from chatterm.cli.foreground import Foreground
    from chatterm.cli.form import Form

    form = Form(asked.schema, output.extract)
    printer = _printer(context, output, form, is_prose=asked.schema is None)
    with Foreground() as foreground:
        code = foreground.run(_answer(context, session, asked, printer))
    if output.extract:
        form.show_block(session, context.console)
    if error := form.missed(session):
        # A program that reads JSON was told already.
        context.console.json_errors = False
        raise error
    return code


async def _answer(
    context: Context, session: ChatSession, asked: Question, printer: Printer
) -> None:
    from chatterm.cli.answering import show

    store = session.store
    try:
        events = session.send(asked.text, asked.contents)
        context.remember_chat(store, session.chat_id)
        await show(session, events, printer)
    finally:
        await session.backend.aclose()


def _color(context: Context, typed: str | None) -> str:
    from chatterm.config import find_setting

    if typed is None:
        return context.config().output.color
    return str(find_setting("output.color").check_text(typed, "--color: "))


def _printer(context: Context, output: Output, form: Form, *, is_prose: bool) -> Printer:
    if output.as_json or output.stream_json:
        from chatterm.cli import json_printers

        kind = json_printers.JsonPrinter if output.as_json else json_printers.EventPrinter
        return kind(context.console, form.judgement)
    from chatterm.cli import printers
    from chatterm.cli.answering import text_printer

    printer = text_printer(
        context.console,
        context.env,
        color=_color(context, output.color),
        plain=output.plain or not is_prose,
        reasoning=output.reasoning,
    )
    if output.extract:
        return printers.Wordless(printer)
    return printers.AtOnce(printer) if output.no_stream else printer
