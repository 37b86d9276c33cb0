"""Logging in to a remote with the program out of the way, so that a key is typed unseen."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from textual.app import App, SuspendNotSupported

from chatterm.catalog import load_catalog
from chatterm.tui.desk import Desk


async def log_in(app: App[int], desk: Desk, server: str) -> list[str] | None:
    """The remotes whose login may be another now; None where it failed, which the user is told.

    ``server`` is the name of a remote, or the address of one that is not known yet.
    """
    try:
        with app.batch_update(), app.suspend():
            code = await asyncio.to_thread(run_login, server)
        app.refresh(layout=True)
    except SuspendNotSupported:
        app.notify(
            f"this terminal cannot be left\nin another one: chatterm login {server}",
            severity="error",
            markup=False,
        )
        return None
    if code != 0:
        app.notify(
            f"nobody was logged in\nchatterm login {server} in a terminal says why",
            severity="error",
            markup=False,
        )
        return None
    desk.catalog = load_catalog(desk.paths.user_models_file)
    names = [server] if server in desk.catalog.remotes else list(desk.catalog.remotes)
    for name in names:
        desk.reopen(name)
    return names


def run_login(server: str) -> int:
    """The command of the shell, in this terminal; it waits where there is something to read."""
    ran = subprocess.run([sys.executable, "-m", "chatterm", "login", server], check=False)
    if ran.returncode != 0:
        print("Press Enter to go back.", file=sys.stderr)
        sys.stdin.readline()
    return ran.returncode
