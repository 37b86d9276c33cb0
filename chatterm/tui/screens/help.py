"""The help screen: every action with its keys as they are now, made of the registry."""

from __future__ import annotations

from pathlib import Path

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from chatterm.tui.actions import Keymap, Where, actions_of, keys_now, shown_keys
from chatterm.tui.widgets.rows import Row, Rows


class Help(ModalScreen[None]):
    """Scroll with the arrows; any of the keys that opened it closes it."""

    DEFAULT_CSS = """
    Help {
        align: center middle; background: $background 60%;
        & > Vertical {
            width: 76; max-width: 96%; height: 90%; background: $surface; border: round $border;
            border-title-color: $muted; border-subtitle-color: $muted;
        }
    }
    """
    BINDINGS = [
        Binding("escape,q,f1,enter,question_mark,ctrl+c", "dismiss_help", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
    ]

    def __init__(self, keymap: Keymap, keys_file: Path, where: Where = Where.COMPOSER) -> None:
        """``where`` is the part of the screen that comes first."""
        super().__init__()
        self._keymap = keymap
        self._keys_file = _shortened(keys_file)
        self._first = where

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content("Keys")
            yield Rows()

    def on_mount(self) -> None:
        rows = self.query_one(Rows)
        rows.show(help_rows(self._keymap, self._first))
        rows.focus()

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """Say how the key can be changed."""
        if event.row is not None:
            said = f'Esc leaves · {event.row.key} = "…" in {self._keys_file}'
            self.query_one(Vertical).border_subtitle = Content(said)

    def action_dismiss_help(self) -> None:
        self.dismiss(None)

    def action_move(self, steps: int) -> None:
        self.query_one(Rows).move(steps)

    def action_page(self, direction: int) -> None:
        self.query_one(Rows).page(direction)


def help_rows(keymap: Keymap, first: Where = Where.COMPOSER) -> list[Row]:
    """Every action below the part of the screen it belongs to."""
    rows: list[Row] = []
    for where in sorted(Where, key=lambda where: where is not first):
        if rows:
            rows.append(Row("", ""))
        rows.append(Row("", where.value))
        for action in actions_of(where):
            keys = shown_keys(keys_now(action, keymap)) or "in the commands"
            rows.append(Row(action.id, action.label, right=keys, sign=""))
    return rows


def _shortened(path: Path) -> str:
    """As a person writes it."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
