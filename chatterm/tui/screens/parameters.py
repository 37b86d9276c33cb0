"""How answers are written: presets, and every parameter with what it is now."""

from __future__ import annotations

import dataclasses

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input

from chatterm.errors import ChattermError
from chatterm.params import Params, parse_options
from chatterm.tui.desk import Desk
from chatterm.tui.enduring import complain
from chatterm.tui.fuzzy import ranked
from chatterm.tui.kept import keep_preset, params_text, value_text
from chatterm.tui.screens.asking import Asking
from chatterm.tui.widgets.rows import Row, Rows

_USUAL = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "repeat_penalty",
    "max_tokens",
    "context",
    "seed",
)
_LEFT = "left to the model"


class Parameters(ModalScreen[Params | None]):
    """Enter changes a parameter or takes a preset; Esc closes and keeps what was changed."""

    DEFAULT_CSS = """
    Parameters {
        align: center top; background: $background 60%;
        & > Vertical {
            width: 72; max-width: 94%; height: auto; max-height: 84%; margin-top: 2;
            background: $surface; border: round $border; border-title-color: $muted;
            border-subtitle-color: $muted;
        }
        & Input {
            border: none; height: 1; background: transparent; padding: 0 1; margin: 0 0 1 0;
        }
        & Rows { height: auto; max-height: 100%; }
    }
    """

    def __init__(self, desk: Desk, params: Params) -> None:
        super().__init__()
        self._desk = desk
        self._params = params
        self._presets: dict[str, Params] = {}

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content("Parameters of this chat")
            box.border_subtitle = Content("Enter changes · Del resets · Ctrl+S keeps a preset")
            yield Input(placeholder="Name of a parameter or a preset", compact=True)
            yield Rows()

    def on_mount(self) -> None:
        self.query_one(Rows).can_focus = False
        self._load()
        self._show()
        self.query_one(Input).focus()

    def _load(self) -> None:
        """Presets are templates without a prompt; here only their parameters count."""
        templates, problems = self._desk.templates.readable()
        self._presets = {
            template.name: template.params
            for template in templates
            if not template.prompt and template.params != Params()
        }
        for problem in problems:
            complain(self.app, problem)

    def _show(self, *, keep: bool = False) -> None:
        query = self.query_one(Input).value
        now = self._params.as_dict()
        names = list(dict.fromkeys([*_USUAL, *(f.name for f in dataclasses.fields(Params))]))
        presets = [
            Row(f"preset/{name}", name, right=params_text(self._presets[name]), marks=marks)
            for name, marks in ranked(query, self._presets, str)
        ]
        params = [
            Row(
                f"param/{name}",
                name.replace("_", " "),
                right=value_text(now[name]) if name in now else _LEFT,
                marks=marks,
                dim=name not in now,
            )
            for name, marks in ranked(query, names, lambda name: name.replace("_", " "))
        ]
        rows = [
            *([Row("", "Presets"), *presets] if presets else []),
            Row("", "Parameters"),
            *params,
        ]
        self.query_one(Rows).show(rows, keep=keep)

    def on_input_changed(self) -> None:
        self._show()

    def on_input_submitted(self) -> None:
        self.query_one(Rows).choose()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        kind, _, name = event.row.key.partition("/")
        if kind == "preset":
            self._params = self._presets[name]
            self._show(keep=True)
        else:
            self._ask(name)

    def _ask(self, name: str) -> None:
        def typed(text: str | None) -> None:
            if text is not None:
                self._set(name, text)

        def wrong(text: str) -> str:
            try:
                _read(name, text)
            except ChattermError as error:
                return error.message
            return ""

        now = self._params.as_dict().get(name)
        value = "" if now is None else value_text(now)
        hint = "Empty leaves it to the model"
        self.app.push_screen(Asking(name.replace("_", " "), value, hint, wrong), typed)

    def _set(self, name: str, text: str) -> None:
        rest = dataclasses.replace(self._params, **{name: getattr(Params(), name)})
        self._params = _read(name, text).over(rest)
        self._show(keep=True)

    def on_key(self, event: events.Key) -> None:
        rows = self.query_one(Rows)
        if event.key in ("escape", "ctrl+c", "f2"):
            self.dismiss(self._params)
        elif event.key in ("down", "up"):
            rows.move(1 if event.key == "down" else -1)
        elif event.key in ("pagedown", "pageup"):
            rows.page(1 if event.key == "pagedown" else -1)
        elif event.key == "ctrl+s":
            self._keep()
        elif event.key == "delete" and rows.row is not None and rows.row.key.startswith("param/"):
            self._set(rows.row.key.removeprefix("param/"), "")
        else:
            return
        event.stop()
        event.prevent_default()

    def _keep(self) -> None:
        def named(name: str | None) -> None:
            if name is None or not name.strip():
                return
            try:
                keep_preset(self._desk.templates, name.strip(), self._params)
            except ChattermError as error:
                complain(self.app, error)
                return
            self._load()
            self._show(keep=True)

        self.app.push_screen(Asking("Name of the preset"), named)


def _read(name: str, text: str) -> Params:
    """What was typed for a parameter; nothing leaves it to the model."""
    return parse_options([f"{name}={text.strip()}"]) if text.strip() else Params()
