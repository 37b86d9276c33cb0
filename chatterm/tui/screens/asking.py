"""A dialog with one line to type: a title, a tag, what to find."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static


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
        & .wrong { color: $text-error; padding: 0 1; display: none; }
    }
    """

    def __init__(
        self,
        title: str,
        value: str = "",
        hint: str = "Enter keeps, Esc leaves",
        wrong: Callable[[str], str] = lambda text: "",
    ) -> None:
        """``wrong`` says why a text cannot be taken; it is then there to be mended."""
        super().__init__()
        self._title = title
        self._value = value
        self._hint = hint
        self._wrong = wrong

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content(self._title)
            box.border_subtitle = Content(self._hint)
            yield Input(self._value, compact=True)
            yield Static("", classes="wrong", markup=False)

    def on_input_changed(self) -> None:
        self._complain("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        wrong = self._wrong(event.value)
        if wrong:
            self._complain(wrong)
        else:
            self.dismiss(event.value)

    def _complain(self, wrong: str) -> None:
        line = self.query_one(".wrong", Static)
        line.update(Content(wrong))
        line.display = bool(wrong)

    def on_key(self, event: events.Key) -> None:
        if event.key in ("escape", "ctrl+c"):
            event.stop()
            self.dismiss(None)
