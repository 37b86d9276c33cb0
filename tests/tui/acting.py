"""Runs actions as a user does: by their first key, or by name where they have none."""

from __future__ import annotations

from chatterm.tui.actions import BY_ID, Where
from tests.tui.driving import Program


async def act(run: Program, id_: str) -> None:
    """Do what an action says, from where its key counts."""
    action = BY_ID[id_]
    if action.where is Where.TRANSCRIPT and not run.screen.reading.reading:
        await run.press("tab")
    key = action.keys.split(",")[0]
    if key:
        await run.press(key)
        return
    run.composer.focus()
    await run.type(f"/{id_}")
    await run.press("enter")
    if len(run.composer.text) > 1:
        # The first Enter took the suggestion.
        await run.press("enter")


def dialog(run: Program) -> str:
    """The name of what is open above the chat."""
    return type(run.app.screen).__name__


async def opened(run: Program, name: str) -> None:
    """Wait for a dialog, or for the chat without one."""
    await run.until(lambda: dialog(run) == name)
    await run.pilot.pause()


async def asked(run: Program, answer: str) -> None:
    """Answer the question that has been put, in the place of what stands there."""
    await opened(run, "Asking")
    await run.press("ctrl+u")
    await run.type(answer)
    await run.press("enter")
    await opened(run, "ChatScreen")
