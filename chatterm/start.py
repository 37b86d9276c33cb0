"""The first lines that run. Ctrl-C ends the program at once, as it ends any Unix tool.

Python's own handler would print a traceback out of whatever is being imported, or be swallowed by
a callback that runs just then. Whoever has something to put away handles the signal itself. Nothing
that is written in Python is imported before: ``signal`` itself makes enumerations of what is in
``_signal``, and takes long enough over it to be interrupted.
"""

from __future__ import annotations

from _signal import SIG_DFL, SIGINT, signal  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main() -> None:
    """The ``chatterm`` command."""
    signal(SIGINT, SIG_DFL)
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
