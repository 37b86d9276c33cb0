"""Search over every prompt, answer and title, as you type; the hit opens where it stands."""

from __future__ import annotations

from textual import events, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input
from textual.worker import Worker

from chatterm.tui.desk import Desk
from chatterm.tui.enduring import Enduring
from chatterm.tui.in_turn import ended
from chatterm.tui.moments import ago
from chatterm.tui.screens.picker import Picked
from chatterm.tui.searching import Searcher
from chatterm.tui.widgets.chat_rows import found_rows
from chatterm.tui.widgets.rows import Row, Rows

TO_COMPOSER = "ctrl+g"
_RECENT = 40


class Search(Enduring, ModalScreen[Picked | None]):
    """Without words it shows the latest prompts."""

    DEFAULT_CSS = """
    Search {
        align: center top; background: $background 60%;
        & > Vertical {
            width: 110; max-width: 96%; height: 84%; margin-top: 2; background: $surface;
            border: round $border; border-title-color: $muted;
            border-subtitle-color: $muted;
        }
        & Input {
            border: none; height: 1; background: transparent; padding: 0 1; margin: 0 0 1 0;
        }
    }
    """

    def __init__(self, desk: Desk, searcher: Searcher, query: str = "") -> None:
        super().__init__()
        self._desk = desk
        self._searcher = searcher
        self.query_text = query
        self._finding: Worker[None] | None = None

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content("Search everything")
            box.border_subtitle = Content("Enter opens · Ctrl+G takes the prompt · Esc leaves")
            yield Input(
                compact=True,
                value=self.query_text,
                placeholder='words, "a phrase", role:user, model:, tag:, since:7d',
                select_on_focus=False,
            )
            yield Rows(empty="no prompts yet")

    def on_mount(self) -> None:
        self._searcher.get_ready()
        self.query_one(Rows).can_focus = False
        self.query_one(Input).focus()
        self._finding = self._find(self.query_text)

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_text = event.value
        self._finding = self._find(event.value)

    @work(exclusive=True)
    async def _find(self, query: str) -> None:
        rows = self.query_one(Rows)
        now = self._desk.clock()
        if not query.strip():
            rows.empty = "no prompts yet"
            rows.show(self._latest(now))
            return
        found = await self._searcher.find(query)
        rows.empty = "nothing found"
        rows.show(found_rows(found, now))

    def _latest(self, now: float) -> list[Row]:
        hits = self._desk.store.search("role:user", limit=_RECENT)
        rows = [
            Row(
                f"{hit.chat_id}/{hit.message_id}",
                hit.snippet,
                right=ago(hit.created_at, now),
            )
            for hit in hits
        ]
        return [Row("", "Latest prompts"), *rows] if rows else []

    async def on_input_submitted(self) -> None:
        await ended(self._finding)
        self.query_one(Rows).choose()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        self.dismiss(Picked(event.row.key))

    def on_key(self, event: events.Key) -> None:
        rows = self.query_one(Rows)
        if event.key in ("escape", "ctrl+c"):
            self.dismiss(None)
        elif event.key == TO_COMPOSER:
            if rows.row is not None and "/" in rows.row.key:
                self.dismiss(Picked(rows.row.key, TO_COMPOSER))
        elif event.key in ("down", "ctrl+n", "up", "ctrl+p"):
            rows.move(1 if event.key in ("down", "ctrl+n") else -1)
        elif event.key in ("pagedown", "pageup"):
            rows.page(1 if event.key == "pagedown" else -1)
        else:
            return
        event.stop()
        event.prevent_default()
