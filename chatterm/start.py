"""The first lines that run. Until the program is ready, Ctrl-C ends it as it ends any Unix tool.

Python's own handler would print a traceback out of whatever is being imported.
"""

import signal


def main() -> None:
    """The ``chatterm`` command."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from chatterm.cli.main import main as run

    run()
