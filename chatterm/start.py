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

    run(full_screen)


def full_screen(**opened: Any) -> int:
    """Open the TUI; the command line is handed this, so that the two faces need not know each
    other."""
    from chatterm.tui.launch import launch

    return launch(**opened)
