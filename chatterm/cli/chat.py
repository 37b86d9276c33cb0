"""``chatterm chat``: the full-screen program; with ``--plain`` a chat line by line.

Line by line it is append-only, fit for a screen reader. Ctrl-C stops an answer and keeps it; at the
prompt it asks once and then leaves, as Ctrl-D does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from chatterm.cli import completing
from chatterm.cli.context import Context, Tui, context_of
from chatterm.cli.nearest import nearest_commands
from chatterm.cli.opening import open_session
from chatterm.cli.options import ChatId, Continue, Parameters, System, Values
from chatterm.cli.pairs import key_values
from chatterm.cli.question import Preset, chosen_preset, named_template
from chatterm.errors import ConfigError
from chatterm.messages import Role

if TYPE_CHECKING:
    from chatterm.backend import Backend
    from chatterm.cli.foreground import Foreground
    from chatterm.cli.idle import Idle
    from chatterm.cli.line_chat import LineChat
    from chatterm.session import ChatSession
    from chatterm.store import Chat, Store
    from chatterm.templates import Filled, Template


def chat(
    ctx: typer.Context,
    model: Annotated[
        str | None,
        typer.Option("-m", "--model", help="Who answers.", autocompletion=completing.model_names),
    ] = None,
    continue_: Continue = False,
    chat_ref: ChatId = None,
    system: System = None,
    template: Annotated[
        str | None,
        typer.Option(
            "-t",
            "--template",
            metavar="NAME",
            help="Begin with a kept prompt or preset.",
            autocompletion=completing.template_names,
        ),
    ] = None,
    param: Values = None,
    option: Parameters = None,
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
    found = named_template(context, template, param or [])
    preset = chosen_preset(context, found, model=model, system=system, options=option or [])
    start = Start(found, key_values(param or []), preset)
    in_lines = plain or context.tui is None or context.env.get("TERM") == "dumb"
    with context.store() as store:
        known = context.chat_to_continue(store, chat_ref, continue_)
        if in_lines or inline:
            return _line_by_line(context, store, known, start, None if in_lines else context.tui)
        assert context.tui is not None
        return _full_screen(context, store, known, start, context.tui)


@dataclass(frozen=True, slots=True)
class Start:
    """What a chat begins with."""

    template: Template | None
    values: Mapping[str, str]
    preset: Preset

    def filled(self, known: Chat | None) -> Filled:
        """Prompt and system prompt; what is not known yet stays in the prompt as a place."""
        from chatterm.templates import Filled, begin

        system = self.preset.system or ""
        if known is not None and self.preset.system_was_typed:
            raise ConfigError(
                "a chat that has begun keeps its system prompt",
                hint="start a new chat to set another",
            )
        if self.template is None:
            return Filled("", system)
        filled = begin(self.template, self.values)
        return Filled(filled.prompt, system or filled.system)


def _full_screen(context: Context, store: Store, known: Chat | None, start: Start, tui: Tui) -> int:
    from chatterm.handover import Beginning
    from chatterm.keyboard import keys_kept

    filled = start.filled(known)
    # What is said on stderr would be drawn across the screen.
    context.console.quiet = True
    first = Beginning(
        known.id if known else None,
        start.preset.model or "",
        start.preset.params,
        filled.system or None,
        filled.prompt,
    )
    with keys_kept():
        return tui.open_chat(context.surroundings(store), first, nearest_commands)


def _line_by_line(
    context: Context, store: Store, known: Chat | None, start: Start, tui: Tui | None
) -> int:
    """With ``tui`` messages are written in its composer."""
    from chatterm.cli.foreground import Foreground

    filled = start.filled(known)
    with Foreground() as foreground:
        session = open_session(
            context,
            store,
            known,
            model=start.preset.model,
            system=(filled.system or None) if known is None else None,
            params=start.preset.params,
        )
        if tui is not None:
            _talk_below(context, session, foreground, tui, filled.prompt)
        else:
            _talk(context, session, foreground, start)
    return 0


def _talk(context: Context, session: ChatSession, foreground: Foreground, start: Start) -> None:
    from chatterm.cli.line_chat import LineChat
    from chatterm.cli.line_reader import LineReader
    from chatterm.cli.printers import TextPrinter

    console = context.console
    console.plain = True
    reader = LineReader(console, lambda: talk.commands())
    talk = LineChat(context, session, foreground, lambda: TextPrinter(console), reader.ask)
    reader.remember(_earlier(session))
    console.note(f"{session.model}: type a prompt, or /help. Ctrl-C stops, Ctrl-D leaves.")
    try:
        if start.template is not None and start.template.prompt:
            talk.begin_with(start.template, start.values)
        idle = _idle(context, talk)
        while True:
            with _thinking(idle, talk):
                text = reader.message()
            if text is None or (text.strip() and not talk.take(text)):
                return
    finally:
        talk.aclose()


def _earlier(session: ChatSession) -> list[str]:
    """The prompts of this chat, for the line's own history."""
    return [message.text for message in session.path() if message.role is Role.USER]


def _idle(context: Context, talk: LineChat) -> Idle:
    from chatterm.backend import open_backend
    from chatterm.cli.idle import Idle

    config, catalog = context.config(), context.catalog()

    def opened() -> Backend:
        return open_backend(
            talk.session.model, config=config, catalog=catalog, paths=context.paths()
        )

    wanted = config.chats.titles == "model"
    return Idle(lambda: talk.session, context.store, opened, wanted=wanted)


@contextmanager
def _thinking(idle: Idle, talk: LineChat) -> Iterator[None]:
    """What is done while the user writes."""
    idle.begin(talk.session.chat_id)
    try:
        yield
    finally:
        idle.end()


def _talk_below(
    context: Context, session: ChatSession, foreground: Foreground, tui: Tui, first: str
) -> None:
    """The composer comes and goes; what was said stays above it."""
    from chatterm.cli.answering import text_printer
    from chatterm.cli.line_chat import LineChat
    from chatterm.keyboard import keys_kept

    console, color = context.console, context.config().output.color
    talk = LineChat(
        context, session, foreground, lambda: text_printer(console, context.env, color=color)
    )
    talk.draft = first or None
    try:
        idle = _idle(context, talk)
        with keys_kept():
            while True:
                with _thinking(idle, talk):
                    text = _written(context, talk, tui)
                if text is None:
                    return
                console.line("\n".join(f"> {line}" for line in text.splitlines()))
                console.line()
                if not talk.take(text):
                    return
                console.line()
    finally:
        talk.aclose()


def _written(context: Context, talk: LineChat, tui: Tui) -> str | None:
    draft, talk.draft = talk.draft, None
    session = talk.session
    around = context.surroundings(session.store)
    written = tui.write_message(around, session.chat_id, session.model, draft, talk.commands())
    if written is None:
        return None
    talk.draft = written.ahead or None
    return written.text
