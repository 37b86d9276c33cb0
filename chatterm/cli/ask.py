"""``chatterm ask``: one prompt, one answer on stdout, kept in the store."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from chatterm.cli.context import Context, context_of
from chatterm.cli.opening import open_session
from chatterm.cli.text import readable
from chatterm.errors import ConfigError
from chatterm.params import parse_options

if TYPE_CHECKING:
    from chatterm.cli.answering import Printer
    from chatterm.session import ChatSession

STDIN_LIMIT = 10_000_000
"""Bytes; more than this is a mistake, and no model reads it."""


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
    text = joined_prompt(prompt or [], sys.stdin)
    config = context.config()
    params = parse_options(option or []).over(config.params)
    with context.store(temporary=temporary) as store, Foreground() as foreground:
        known = context.chat_to_continue(store, chat, continue_)
        session = open_session(context, store, known, model=model, system=system, params=params)
        printer = _printer(context, as_json, stream_json)
        return foreground.run(_answer(context, session, text, printer))


def _refuse_both(first: str, first_given: bool, second: str, second_given: bool) -> None:
    if first_given and second_given:
        raise ConfigError(f"{first} and {second} exclude each other", hint="take one of them")


async def _answer(context: Context, session: ChatSession, text: str, printer: Printer) -> None:
    from chatterm.cli import answering

    try:
        events = session.send(text)
        context.remember_chat(session.store, session.chat_id)
        await answering.show(session, events, printer)
    finally:
        await session.backend.aclose()


def joined_prompt(words: Sequence[str], stdin: TextIO | None) -> str:
    """The words and the piped text as one prompt."""
    wanted = "-" in words
    piped = ""
    if stdin is not None and (wanted or not stdin.isatty()):
        piped = _read_limited(stdin)
    if wanted:
        return " ".join(piped if word == "-" else readable(word) for word in words)
    typed = readable(" ".join(words))
    return "\n\n".join(part for part in (typed, piped) if part.strip())


def _read_limited(stdin: TextIO) -> str:
    data = stdin.buffer.read(STDIN_LIMIT + 1)
    if len(data) > STDIN_LIMIT:
        raise ConfigError(
            f"stdin is longer than {STDIN_LIMIT // 1_000_000} MB",
            hint="pipe in the part that matters",
        )
    return data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").rstrip("\n")


def _printer(context: Context, as_json: bool, stream_json: bool) -> Printer:
    from chatterm.cli import answering

    if as_json:
        return answering.JsonPrinter(context.console)
    if stream_json:
        return answering.EventPrinter(context.console)
    return answering.TextPrinter(context.console)
