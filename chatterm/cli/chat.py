"""``chatterm chat``: the full-screen program; with ``--plain`` a chat line by line.

Line by line it is append-only, fit for a screen reader. Ctrl-C stops an answer and keeps it; at the
prompt it asks once and then leaves, as Ctrl-D does.
"""

from __future__ import annotations

import importlib
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from chatterm.cli.context import Context, Tui, context_of
from chatterm.cli.nearest import nearest_commands
from chatterm.cli.opening import open_session
from chatterm.cli.terminal import terminal_id
from chatterm.errors import ChattermError, ConfigError

if TYPE_CHECKING:
    from chatterm.cli.answering import Foreground
    from chatterm.cli.idle import Idle
    from chatterm.session import ChatSession


def chat(
    ctx: typer.Context,
    model: Annotated[str | None, typer.Option("-m", "--model", help="Who answers.")] = None,
    continue_: Annotated[
        bool, typer.Option("-c", "--continue", help="Go on in the last chat of this terminal.")
    ] = False,
    chat_ref: Annotated[
        str | None, typer.Option("--chat", metavar="ID", help="Go on in that chat.")
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Line by line, as a screen reader wants it.")
    ] = False,
    inline: Annotated[
        bool, typer.Option("--inline", help="Below the prompt, so that all stays to scroll back.")
    ] = False,
) -> int:
    """Open the full-screen chat. F1 shows its keys, Ctrl+C twice leaves.

    Example: chatterm chat -m echo
    """
    context = context_of(ctx)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigError(
            "a chat needs a terminal to talk in", hint='in a pipe use chatterm ask "your prompt"'
        )
    if plain or context.tui is None or context.env.get("TERM") == "dumb":
        return _line_by_line(context, model, chat_ref, continue_)
    if inline:
        return _line_by_line(context, model, chat_ref, continue_, context.tui)
    # What is said on stderr would be drawn across the screen.
    context.console.quiet = True
    with context.store() as store:
        return context.tui.open_chat(
            store=store,
            config=context.config(),
            catalog=context.catalog(),
            paths=context.paths(),
            env=context.env,
            terminal_id=terminal_id(context.env),
            chat=context.chat_to_continue(store, chat_ref, continue_),
            model=model,
            suggest=nearest_commands,
        )


def _line_by_line(
    context: Context,
    model: str | None,
    chat_ref: str | None,
    continue_: bool,
    tui: Tui | None = None,
) -> int:
    """With ``tui`` messages are written in its composer."""
    from chatterm.cli.answering import Foreground

    with context.store() as store, Foreground() as foreground:
        known = context.chat_to_continue(store, chat_ref, continue_)
        params = context.config().params
        session = open_session(context, store, known, model=model, system=None, params=params)
        try:
            if tui is not None:
                _talk_below(context, session, foreground, tui)
            else:
                context.console.note(
                    f"{session.model}: type a prompt. Ctrl-C stops, Ctrl-D leaves."
                )
                _talk(context, session, foreground)
        finally:
            foreground.run(session.backend.aclose())
    return 0


def _talk(context: Context, session: ChatSession, foreground: Foreground) -> None:
    with suppress(ImportError):
        importlib.import_module("readline")  # line editing and history for input()
    # Only here is an interrupt an exception: it ends the line that is being typed.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    leaving = False
    idle = _idle(context, session)
    while True:
        idle.begin(session.chat_id)
        try:
            text = input("> ")
        except EOFError:
            context.console.line()
            return
        except KeyboardInterrupt:
            context.console.line()
            if leaving:
                return
            leaving = True
            context.console.note("press Ctrl-C again, or Ctrl-D, to leave")
            continue
        finally:
            idle.end()
        leaving = False
        if text.strip():
            _answer(context, session, foreground, text)


def _idle(context: Context, session: ChatSession) -> Idle:
    from chatterm.backend import open_backend
    from chatterm.cli.idle import Idle

    config, catalog = context.config(), context.catalog()
    return Idle(
        session,
        context.store,
        lambda: open_backend(session.model, config=config, catalog=catalog, paths=context.paths()),
        wanted=config.chats.titles == "model",
    )


def _talk_below(context: Context, session: ChatSession, foreground: Foreground, tui: Tui) -> None:
    """The composer comes and goes; what was said stays above it."""
    while True:
        text = tui.write_message(
            store=session.store,
            config=context.config(),
            catalog=context.catalog(),
            paths=context.paths(),
            env=context.env,
            terminal_id=terminal_id(context.env),
            chat_id=session.chat_id,
            model=session.model,
        )
        if text is None:
            return
        context.console.line("\n".join(f"> {line}" for line in text.splitlines()))
        context.console.line()
        _answer(context, session, foreground, text)
        context.console.line()


def _answer(context: Context, session: ChatSession, foreground: Foreground, text: str) -> None:
    from chatterm.cli.answering import TextPrinter, show

    try:
        events = session.send(text)
        context.remember_chat(session.store, session.chat_id)
        foreground.run(show(session, events, TextPrinter(context.console)))
    except ChattermError as error:
        context.console.error(error)
