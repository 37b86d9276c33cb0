"""The help screen: every action with its keys as they are now, made of the registry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from chatterm.tui.actions import BY_ID, Keymap, Where, actions_of, keys_now, shown_keys
from chatterm.tui.widgets.rows import Row, Rows

_TYPED = [
    Row("@", "Send a file along", right="@"),
    Row("/", "Give a command, or begin with a template", right="/"),
]
"""What is typed and is no key."""


class Help(ModalScreen[None]):
    """Scroll with the arrows; ``/`` looks for words; any of the keys that opened it closes it."""

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
        Binding("home,g", "move(-999)", show=False),
        Binding("end,G", "move(999)", show=False),
        Binding("slash", "look", show=False),
    ]

    def __init__(self, keymap: Keymap, keys_file: Path, where: Where = Where.COMPOSER) -> None:
        """``where`` is the part of the screen that comes first."""
        super().__init__()
        self._keymap = keymap
        self._keys_file = _shortened(keys_file)
        self._first = where
        self._sought: str | None = None
        """What is looked for; None while the keys of the list count."""

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Rows()

    def on_mount(self) -> None:
        self._show()
        self.query_one(Rows).focus()

    def _show(self) -> None:
        rows = help_rows(self._keymap, self._first)
        self.query_one(Rows).show(found(rows, self._sought or ""))
        title = "Keys · / looks for words"
        if self._sought is not None:
            title = f"Keys with /{self._sought}"
        self.query_one(Vertical).border_title = Content(title)

    def action_look(self) -> None:
        self._sought = ""
        self._show()

    def on_key(self, event: events.Key) -> None:
        """What is looked for is typed as it is."""
        if self._sought is None:
            return
        if event.key == "escape" or (event.key == "backspace" and not self._sought):
            self._sought = None
        elif event.key == "backspace":
            self._sought = self._sought[:-1]
        elif event.is_printable and event.character is not None:
            self._sought += event.character
        else:
            return
        event.stop()
        self._show()

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """Say how the key can be changed."""
        said = "Esc leaves"
        if event.row is not None and event.row.key in BY_ID:
            said = f'{said} · {event.row.key} = "…" in {self._keys_file}'
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
        rows += _TYPED if where is Where.COMPOSER else []
    return rows


def found(rows: Sequence[Row], sought: str) -> list[Row]:
    """The rows that say this, below their headings."""
    words = sought.lower().split()
    kept: list[Row] = []
    heading: Row | None = None
    for row in rows:
        if not row.key:
            heading = row
        elif all(word in f"{row.title} {row.right} {row.key}".lower() for word in words):
            if heading is not None:
                kept += [Row("", ""), heading] if kept else [heading]
                heading = None
            kept.append(row)
    return kept


def _shortened(path: Path) -> str:
    """As a person writes it."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
