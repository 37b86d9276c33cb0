"""The first lines that run. Ctrl-C ends the program at once, as it ends any Unix tool.

Python's own handler would print a traceback out of whatever is being imported, or be swallowed by
a callback that runs just then. Whoever has something to put away handles the signal itself.
"""

import signal
from typing import Any


def main() -> None:
    """The ``chatterm`` command."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from chatterm.cli.main import main as run

    run(Tui())


class Tui:
    """What the command line is handed of the other face, which it must not know."""

    def open_chat(self, *opened: Any) -> int:
        from chatterm.tui.launch import open_chat

        return open_chat(*opened)

    def write_message(self, *opened: Any) -> Any:
        from chatterm.tui.launch import write_message

        return write_message(*opened)
