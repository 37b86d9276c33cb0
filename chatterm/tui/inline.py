"""The composer alone, below what the terminal already shows: for chats that stay in its scrollback.

It runs once for each message and leaves nothing behind; whoever calls prints message and answer.
"""

from __future__ import annotations

from pathlib import Path

from textual.app import App, ComposeResult
from textual.widgets import TextArea

from chatterm.tui.actions import BY_ID, Where, actions_of, keys_now, shown_key, shown_keys
from chatterm.tui.desk import Desk, short_name
from chatterm.tui.files import FileShelf
from chatterm.tui.history import History
from chatterm.tui.terminal import NoColour, driver_class
from chatterm.tui.themes import PLAIN, themes
from chatterm.tui.widgets.composer import Composer
from chatterm.tui.widgets.rows import Row
from chatterm.tui.widgets.status import Status, StatusLine
from chatterm.tui.widgets.suggestions import Suggestions


class InlineComposer(App[str]):
    """Returns what was written, or None where the user leaves."""

    ENABLE_COMMAND_PALETTE = False
    INLINE_PADDING = 0
    CSS = """
    Screen, Screen:inline { height: auto; max-height: 50vh; border: none; }
    Composer { max-height: 12; }
    """
    AUTO_FOCUS = "Composer"

    def __init__(self, desk: Desk, chat_id: str | None, model: str) -> None:
        super().__init__(driver_class=driver_class())
        self._desk = desk
        self._chat_id = chat_id
        self._model = model
        self._files = FileShelf(Path.cwd())
        self._said = ""
        self._leave_asked = False
        for theme in themes(desk.paths.config / "themes").values():
            self.register_theme(theme)
        wanted = desk.config.tui.theme
        self.theme = wanted if wanted in self.available_themes else "dark"
        if self.no_color:
            self.register_theme(PLAIN)
            self.theme = PLAIN.name
            self._filters = [NoColour()]
        interrupt = keys_now(BY_ID["interrupt"], desk.keymap)
        self.bind(interrupt or "ctrl+c", "interrupt", show=False)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {"muted": "#808080"}

    def compose(self) -> ComposeResult:
        yield Suggestions(lambda _: [], self._file_rows)
        yield Composer(
            History(self._desk.store, self._chat_id),
            self._desk.keymap,
            vim=self._desk.config.tui.vim,
        )
        yield StatusLine()

    def on_mount(self) -> None:
        self.query_one(Composer).put(self._desk.store.draft(self._chat_id))
        self._show()

    def _show(self) -> None:
        hints = tuple(
            (shown_key(keys_now(action, self._desk.keymap).split(",")[0]), action.hint)
            for action in actions_of(Where.COMPOSER)
            if action.hint and action.id != "complete" and keys_now(action, self._desk.keymap)
        )
        mode = self.query_one(Composer).mode
        status = Status(hints, message=self._said, model=short_name(self._model), mode=mode)
        self.query_one(StatusLine).say(status)

    def _file_rows(self, query: str) -> list[Row]:
        if not self._files.loaded:
            self._files.load()
        return self._files.rows(query)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        composer = self.query_one(Composer)
        self.query_one(Suggestions).follow(composer)
        self._desk.store.set_draft(self._chat_id, composer.text)
        self._said, self._leave_asked = "", False
        self._show()

    def on_composer_sent(self, event: Composer.Sent) -> None:
        self._desk.store.set_draft(self._chat_id, "")
        self.exit(event.text)

    def on_composer_asked(self, event: Composer.Asked) -> None:
        suggestions, composer = self.query_one(Suggestions), self.query_one(Composer)
        match event.what:
            case "up" | "down":
                suggestions.move(-1 if event.what == "up" else 1)
            case "take" | "complete":
                suggestions.take(composer)
            case "leave":
                self.exit(None)
            case "mode":
                self._show()

    def action_interrupt(self) -> None:
        """Clear, else ask once, else leave."""
        composer = self.query_one(Composer)
        if composer.text:
            composer.wipe()
        elif self._leave_asked:
            self.exit(None)
        else:
            self._leave_asked = True
            key = shown_keys(keys_now(BY_ID["interrupt"], self._desk.keymap), 1)
            self._said = f"{key} again leaves"
            self._show()
