"""A dialog with one line to type: a title, a tag, what to find."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input


class Asking(ModalScreen[str | None]):
    """What was typed, or None where the user thought better of it."""

    DEFAULT_CSS = """
    Asking {
        align: center top; background: $background 60%;
        & > Vertical {
            width: 60; max-width: 94%; height: auto; margin-top: 4; background: $surface;
            border: round $border; border-title-color: $muted;
            border-subtitle-color: $muted;
        }
        & Input { border: none; height: 1; background: transparent; padding: 0 1; }
    }
    """

    def __init__(self, title: str, value: str = "", hint: str = "Enter keeps, Esc leaves") -> None:
        super().__init__()
        self._title = title
        self._value = value
        self._hint = hint

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content(self._title)
            box.border_subtitle = Content(self._hint)
            yield Input(self._value, compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)

    def on_key(self, event: events.Key) -> None:
        if event.key in ("escape", "ctrl+c"):
            event.stop()
            self.dismiss(None)
