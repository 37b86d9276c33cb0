"""One dialog for whatever is chosen from a list: commands, models, themes, branches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from chatterm.tui.actions import shown_key
from chatterm.tui.enduring import Enduring
from chatterm.tui.widgets.rows import Row, Rows

Source = Callable[[str], Sequence[Row]]
"""What to show for what was typed."""


@dataclass(frozen=True, slots=True)
class Picked:
    """The row that was chosen, and the key that chose it."""

    key: str
    by: str = "enter"


class Picker(Enduring, ModalScreen[Picked | None]):
    """Type to narrow, arrows to move, Enter to choose, Esc to leave."""

    DEFAULT_CSS = """
    Picker {
        align: center top; background: $background 60%;
        & > Vertical {
            width: 80; max-width: 94%; height: auto; max-height: 80%; margin-top: 2;
            background: $surface; border: round $border; border-title-color: $muted;
            border-subtitle-color: $muted; padding: 0;
        }
        /* Docked, so that the rows' 100% is what these leave of the box. */
        & Input {
            dock: top; border: none; height: 1; background: transparent; padding: 0 1;
            margin: 0 0 1 0;
        }
        & .note { dock: bottom; color: $muted; padding: 0 1; height: 2; margin-top: 1; }
        & Rows { height: auto; max-height: 100%; min-height: 1; }
        &.-wide > Vertical { width: 120; }
        &.-low > Vertical { margin-top: 0; max-height: 100%; }
        &.-low .note { display: none; }
    }
    """
    VERTICAL_BREAKPOINTS = [(0, "-low"), (14, "-tall")]

    def __init__(
        self,
        title: str,
        source: Source,
        *,
        placeholder: str = "Type to narrow the list",
        empty: str = "nothing found",
        enter: str = "chooses",
        keys: Mapping[str, str] | None = None,
        note: Callable[[Row | None], str] | None = None,
        moved: Callable[[Row | None], None] | None = None,
        start: str = "",
        query: str = "",
        wide: bool = False,
    ) -> None:
        """``enter`` says what Enter does, ``keys`` what further keys do; ``start`` is a row."""
        super().__init__(classes="-wide" if wide else None)
        self._title = title
        self._source = source
        self._placeholder = placeholder
        self._empty = empty
        self._enter = enter
        self._keys = dict(keys or {})
        self._note = note
        self._moved = moved
        self._start = start
        self._query = query

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content(self._title)
            keys = {"enter": self._enter, **self._keys, "escape": "leaves"}
            box.border_subtitle = Content(
                " · ".join(f"{shown_key(key)} {what}" for key, what in keys.items())
            )
            yield Input(
                self._query,
                placeholder=self._placeholder,
                select_on_focus=False,
                compact=True,
            )
            yield Rows(empty=self._empty)
            if self._note is not None:
                yield Static("", classes="note", markup=False)

    def on_mount(self) -> None:
        rows = self.query_one(Rows)
        rows.can_focus = False
        rows.show(self._source(self._query))
        if self._start:
            rows.move_to(self._start)
        self.query_one(Input).focus()

    def refill(self) -> None:
        """Ask the source again, as when a list has grown meanwhile."""
        if not self.is_mounted or not self.query(Rows):
            return
        self.query_one(Rows).show(self._source(self.query_one(Input).value), keep=True)

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one(Rows).show(self._source(event.value))

    def on_input_submitted(self) -> None:
        self.query_one(Rows).choose()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        self.dismiss(Picked(event.row.key))

    def on_rows_moved(self, event: Rows.Moved) -> None:
        if self._note is not None:
            self.query_one(".note", Static).update(Content(self._note(event.row)))
        if self._moved is not None:
            self._moved(event.row)

    def on_key(self, event: events.Key) -> None:
        rows = self.query_one(Rows)
        if event.key in self._keys:
            if rows.row is not None:
                self.dismiss(Picked(rows.row.key, event.key))
        elif event.key in ("escape", "ctrl+c"):
            self.dismiss(None)
        elif event.key in ("down", "ctrl+n"):
            rows.move(1)
        elif event.key in ("up", "ctrl+p"):
            rows.move(-1)
        elif event.key in ("pagedown", "pageup"):
            rows.page(1 if event.key == "pagedown" else -1)
        else:
            return
        event.stop()
        event.prevent_default()
