"""Other programs that get the terminal for a while: an editor, a browser that draws text."""

from __future__ import annotations

import asyncio
import webbrowser
from collections.abc import Callable
from typing import TypeVar

from textual.app import App, SuspendNotSupported

from chatterm.keyboard import keys_as_usual
from chatterm.tui.clipboard import copy

_Left = TypeVar("_Left")


async def stand_aside(app: App[int], run: Callable[[], _Left]) -> _Left:
    """Run what needs the terminal. Nothing is drawn meanwhile, and the loop goes on.

    SuspendNotSupported comes where a terminal cannot be left.
    """
    with app.batch_update(), app.suspend(), keys_as_usual():
        left = await asyncio.to_thread(run)
    app.refresh(layout=True)
    return left


async def open_address(app: App[int], address: str) -> str:
    """Show an address in the user's browser; what was done with it, to be said.

    It is copied as well, for where there is no browser. One that draws into the terminal, as over
    ssh, would draw over the chat: it gets the terminal until it is left.
    """
    copy(app, address)
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return f"copied {address}; there is no browser here"
    if type(browser) is not webbrowser.GenericBrowser:
        app.open_url(address)
        return f"opened and copied {address}"
    try:
        shown = await stand_aside(app, lambda: browser.open(address))
    except SuspendNotSupported:
        shown = False
    return f"opened and copied {address}" if shown else f"copied {address}"
