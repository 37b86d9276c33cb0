"""Options that mean the same in more than one command."""

from __future__ import annotations

from typing import Annotated

import typer

from chatterm.cli import completing

Continue = Annotated[
    bool, typer.Option("-c", "--continue", help="Go on in the last chat of this terminal.")
]
ChatId = Annotated[
    str | None,
    typer.Option(
        "--chat", metavar="ID", help="Go on in that chat.", autocompletion=completing.chat_ids
    ),
]
System = Annotated[
    str | None,
    typer.Option("-s", "--system", metavar="TEXT", help="The system prompt of a new chat."),
]
Values = Annotated[
    list[str] | None,
    typer.Option("-p", "--param", metavar="KEY=VALUE", help="A value for the template."),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "-o",
        "--option",
        metavar="KEY=VALUE",
        help="A parameter, as in seed=7.",
        autocompletion=completing.parameter_names,
    ),
]
