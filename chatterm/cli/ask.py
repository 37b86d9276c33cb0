"""``chatterm ask``: one prompt, one answer on stdout, kept in the store."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from chatterm.cli.context import Context, context_of
from chatterm.cli.opening import open_session
from chatterm.cli.prompt import attachments, joined_prompt, piped_text
from chatterm.errors import ConfigError
from chatterm.params import parse_options

if TYPE_CHECKING:
    from chatterm.attachments.content import Content
    from chatterm.cli.answering import Printer
    from chatterm.session import ChatSession


def ask(
    ctx: typer.Context,
    prompt: Annotated[
        list[str] | None,
        typer.Argument(help="The prompt. Piped text is joined to it; - says where."),
    ] = None,
    model: Annotated[str | None, typer.Option("-m", "--model", help="Who answers.")] = None,
    system: Annotated[
        str | None, typer.Option("-s", "--system", help="The system prompt of a new chat.")
    ] = None,
    continue_: Annotated[
        bool, typer.Option("-c", "--continue", help="Go on in the last chat of this terminal.")
    ] = False,
    chat: Annotated[
        str | None, typer.Option("--chat", metavar="ID", help="Go on in that chat.")
    ] = None,
    file: Annotated[
        list[str] | None,
        typer.Option("-f", "--file", metavar="PATH|URL|-", help="Send a file, folder or page too."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("-o", "--option", metavar="KEY=VALUE", help="A parameter, as in seed=7."),
    ] = None,
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
    temporary: Annotated[bool, typer.Option("--temporary", help="Store nothing.")] = False,
) -> int:
    """Ask once and print the answer.

    Example: git diff | chatterm ask "Write a commit message for this change:"
    """
    from chatterm.cli.answering import Foreground

    context = context_of(ctx)
    context.console.quiet = quiet
    context.console.json_errors = as_json or stream_json
    _refuse_both("--json", as_json, "--stream-json", stream_json)
    _refuse_both("--chat", chat is not None, "--continue", continue_)
    words, files = prompt or [], file or []
    params = parse_options(option or []).over(context.config().params)
    text = joined_prompt(words, piped_text(context, words, files, sys.stdin))
    contents = attachments(context, files, sys.stdin)
    if not text.strip() and not contents:
        raise ConfigError(
            "the prompt is empty", hint="type one, as in chatterm ask hello, or pipe a text in"
        )
    with context.store(temporary=temporary) as store, Foreground() as foreground:
        known = context.chat_to_continue(store, chat, continue_)
        session = open_session(context, store, known, model=model, system=system, params=params)
        printer = _printer(context, as_json, stream_json, no_stream)
        return foreground.run(_answer(context, session, text, contents, printer))


def _refuse_both(first: str, first_given: bool, second: str, second_given: bool) -> None:
    if first_given and second_given:
        raise ConfigError(f"{first} and {second} exclude each other", hint="take one of them")


async def _answer(
    context: Context, session: ChatSession, text: str, contents: list[Content], printer: Printer
) -> None:
    from chatterm.cli import answering

    store = session.store
    try:
        with store.atomic():
            files = [store.attach(file.data, file.name, file.media_type) for file in contents]
            events = session.send(text, files)
        context.remember_chat(store, session.chat_id)
        await answering.show(session, events, printer)
    finally:
        await session.backend.aclose()


def _printer(context: Context, as_json: bool, stream_json: bool, no_stream: bool) -> Printer:
    from chatterm.cli import answering
    from chatterm.cli.printers import AtOnce

    if as_json:
        return answering.JsonPrinter(context.console)
    if stream_json:
        return answering.EventPrinter(context.console)
    printer = answering.TextPrinter(context.console)
    return AtOnce(printer) if no_stream else printer
