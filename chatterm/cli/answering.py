"""Prints an answer to its end, with the printer that suits whoever reads stdout."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING

from chatterm.cli.console import Console
from chatterm.cli.printers import Printer, TextPrinter
from chatterm.errors import ChattermError
from chatterm.events import Event

if TYPE_CHECKING:
    from chatterm.session import ChatSession


def text_printer(
    console: Console,
    env: Mapping[str, str],
    *,
    color: str,
    plain: bool = False,
    reasoning: bool = True,
) -> TextPrinter:
    """The printer for whoever reads stdout: rendered on a terminal, raw in a pipe."""
    console.dims = color != "never"
    redraws = console.is_terminal and env.get("TERM") != "dumb"
    forced = color == "always" or (color == "auto" and _is_on(env, "CLICOLOR_FORCE"))
    if plain or not (redraws or forced):
        return TextPrinter(console, reasoning=reasoning)
    from chatterm.cli.live import LivePrinter
    from chatterm.render.ansi import colour_of

    colour = colour_of(color, env, is_terminal=console.is_terminal)
    return LivePrinter(console, colour, redraws=redraws, reasoning=reasoning)


def _is_on(env: Mapping[str, str], name: str) -> bool:
    return env.get(name, "0") not in ("", "0")


async def show(session: ChatSession, events: AsyncGenerator[Event, None], printer: Printer) -> None:
    """Print an answer to its end, whichever it is. A failure is printed and raised."""
    printer.started(session)
    try:
        async with aclosing(events):
            async for event in events:
                printer.event(event)
    except ChattermError:
        printer.failed()
        raise
    except asyncio.CancelledError:
        printer.ended(session)
        raise
    printer.ended(session)
