"""The way in: how a run begins, and how its errors end it. `--version` imports nothing heavy."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from chatterm import __version__
from chatterm.cli.console import standard_console

if TYPE_CHECKING:
    from chatterm.cli.context import Context, Tui


def main(tui: Tui | None = None) -> None:
    """Run the command line and exit with its code; ``tui`` is the other face."""
    env = dict(os.environ)
    console = standard_console(env)
    if sys.argv[1:] == ["--version"]:
        sys.exit(console.run(lambda: _print_version(console.line)))
    from chatterm.cli.context import Context

    code = console.run(lambda: _run(Context(console, env, tui), sys.argv[1:]))
    # Looking for garbage among everything that was imported takes as long as a quick command.
    gc.freeze()
    sys.exit(code)


def _print_version(line: Callable[[str], None]) -> int:
    line(f"chatterm {__version__}")
    return 0


def _run(context: Context, args: Sequence[str]) -> int:
    import typer
    from typer.exceptions import TyperException
    from typer.main import get_command

    from chatterm.cli.program import needed, program, with_command
    from chatterm.errors import ConfigError

    args = with_command(args, context.env)
    command = get_command(program(needed(args, context.env)))
    try:
        result = command.main(
            args=list(args), prog_name="chatterm", standalone_mode=False, obj=context
        )
    except typer.Abort:
        raise KeyboardInterrupt from None
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            context.console.note(error.format_message())
            return ConfigError.exit_code
        raise ConfigError(
            error.format_message().rstrip("."), hint="see chatterm --help, or --help of the command"
        ) from error
    return result if isinstance(result, int) else 0
