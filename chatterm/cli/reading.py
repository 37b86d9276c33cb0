"""Markdown for whoever reads stdout: rendered on a terminal, as it was written in a pipe."""

from __future__ import annotations

from collections.abc import Iterable

from chatterm.cli.context import Context


def print_markdown(context: Context, pieces: Iterable[str]) -> None:
    """Print texts below each other, with an empty line between them."""
    console = context.console
    if not console.is_terminal or console.plain:
        for number, piece in enumerate(pieces):
            console.line("\n" * bool(number) + piece)
        return
    from chatterm.render.ansi import colour_of, written
    from chatterm.render.document import render

    colour = colour_of(context.config().output.color, context.env, is_terminal=True)
    for number, piece in enumerate(pieces):
        rows = written(render(piece, console.size().columns, colour.theme), colour)
        console.draw("\n" * bool(number) + "".join(f"{row}\n" for row in rows))
