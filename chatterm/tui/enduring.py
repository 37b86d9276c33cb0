"""What the store cannot do is said in the corner; what is open and written goes on.

Textual ends the program over any exception of a handler. A disk that is full, or a store that
another program holds, must not take the transcript, the answers and the draft with it.
"""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.message import Message
from textual.message_pump import MessagePump

from chatterm.errors import ChattermError

_SECONDS = 8.0


def complain(app: App[Any], error: ChattermError) -> None:
    """Say a failure that is not part of the conversation; once, while it stands there."""
    said = f"{error.message}\n{error.hint}" if error.hint else error.message
    # A draft is kept with every few keys.
    if any(shown.message == said for shown in app._notifications):
        return
    app.notify(said, severity="error", timeout=_SECONDS, markup=False)


class Enduring(MessagePump):
    """Mixed into every part of the screen that asks the store; it comes before Textual's class."""

    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except ChattermError as error:
            complain(self.app, error)
