"""The composer with vim's keys, for who wants them."""

from __future__ import annotations

from textual import events
from textual.widgets.text_area import Selection

from chatterm.render.sanitise import sanitise
from chatterm.tui.actions import Keymap
from chatterm.tui.history import History
from chatterm.tui.vim.change import Change
from chatterm.tui.vim.keys import BACKSPACE, ENTER, ESCAPE, REDO, Vim
from chatterm.tui.widgets.composer import Composer

_KEYS = {
    "left": "h",
    "right": "l",
    "up": "k",
    "down": "j",
    "home": "0",
    "end": "$",
    "delete": "x",
    "ctrl+r": REDO,
    "ctrl+y": REDO,
    "ctrl+z": "u",
}
"""Keys that are vim's by another letter."""
_ON_LINE = {"enter": ENTER, "backspace": BACKSPACE, "escape": ESCAPE, "ctrl+c": ESCAPE}
_NOT_ON_LINE = ("up", "down", "left", "right", "home", "end", "tab", "delete", "ctrl+u", "ctrl+w")
"""What would reach the text below."""
_PAGES = {"ctrl+u": "page-up", "ctrl+d": "page-down"}
_EDITING = ("backspace", "ctrl+w", "ctrl+k", "ctrl+h", "ctrl+f", "ctrl+x")
"""What edits or moves for a text area and does not for vim, outside of insert mode."""


class VimComposer(Composer):
    """Esc leaves insert mode; what is sent or put there begins in it again."""

    def __init__(self, prompts: History, keymap: Keymap) -> None:
        super().__init__(prompts, keymap)
        self.vim = Vim(lambda: self.app.clipboard)
        self._at = 0
        self._shown_selection = self.selection

    @property
    def mode(self) -> str:
        shown, most = self.vim.shown, max(self.size.width - 4, 1)
        return shown if len(shown) <= most else f"…{shown[-most:]}"

    @property
    def selected_text(self) -> str:
        """With the letter under the cursor, as vim counts it."""
        selected = self.vim.selected(self.text, self._place())
        return self.text[slice(*selected)] if selected else super().selected_text

    async def _on_key(self, event: events.Key) -> None:
        if self._vim_key(event):
            event.prevent_default()
            event.stop()

    def _vim_key(self, event: events.Key) -> bool:
        """Whether the key was vim's. Esc that leaves nothing is the screen's."""
        vim, at = self.vim, self._place()
        if vim.mode == "insert":
            if event.key != "escape" or self.suggesting:
                return False
            self._take(vim.leave_insert(self.text, at))
            return True
        letter = self._letter(event)
        if letter is None and vim.line:
            if event.key == "up":
                vim.recall()
                self.post_message(self.Asked("mode"))
            return event.key in _NOT_ON_LINE
        if letter is None:
            return event.key in _EDITING or self._is_for_all(event)
        if letter in "jk" and not vim.is_busy and self._is_walk(letter):
            return True
        self._take(vim.key(letter, self.text, at))
        return True

    async def _on_paste(self, event: events.Paste) -> None:
        """What is typed after a colon can be pasted as well."""
        if self.vim.line:
            event.prevent_default()
            event.stop()
            for letter in sanitise(event.text.partition("\n")[0]):
                self._take(self.vim.key(letter, self.text, self._place()))

    def _letter(self, event: events.Key) -> str | None:
        """The key as vim knows it; None where it is none of vim's."""
        if self.vim.line or self.vim.mode == "replace":
            named = _ON_LINE.get(event.key)
            if named is not None and (self.vim.line or named != ENTER):
                return named
        elif event.key == "escape":
            return ESCAPE if self.vim.is_busy else None
        elif event.key == "backspace":
            return "h"
        elif event.key in _KEYS:
            return _KEYS[event.key] if not self.vim.is_waiting else ESCAPE
        return event.character if event.is_printable else None

    def _is_for_all(self, event: events.Key) -> bool:
        """Half a page up and down, which the transcript has a use for."""
        if event.key in _PAGES and not self.vim.line:
            self.post_message(self.Commanded(_PAGES[event.key]))
        return event.key in _PAGES

    def _is_walk(self, letter: str) -> bool:
        """At its edges an empty line, or a prompt that was brought back, gives way to another."""
        row = self.cursor_location[0]
        is_edge = row == (0 if letter == "k" else self.document.line_count - 1)
        if not is_edge or (self.text and not self.is_walking):
            return False
        if letter == "k":
            self.action_history_previous()
        else:
            self.action_history_next()
        return True

    def _place(self) -> int:
        """Where vim's cursor is; the mouse may have put it elsewhere, or have selected."""
        if self.selection != self._shown_selection:
            self._shown_selection = self.selection
            start, end = map(self._index, self.selection)
            self._at = end - 1 if end > start else end
            self.vim.select(None if start == end else start - (start > end))
        return min(self._at, len(self.text))

    def _take(self, change: Change) -> None:
        if change.text != self.text:
            self.replace(change.text, (0, 0), self.document.end)
        self._show(change)
        match change.wish:
            case "send":
                self.submit(self.text)
            case "leave":
                self.post_message(self.Asked("leave"))
            case "command":
                self.post_message(self.Commanded(change.words))
            case "copy":
                self.post_message(self.Copied(change.words))
            case "row up":
                self.action_cursor_up()
            case "row down":
                self.action_cursor_down()
            case "say":
                self.notify(change.words, severity="warning", markup=False)
        self.post_message(self.Asked("mode"))

    def _show(self, change: Change) -> None:
        """The cursor stands on the last letter that is selected."""
        self._at = change.at
        selected = self.vim.selected(change.text, change.at)
        end = self._location(change.at)
        start = end
        if selected is not None and self.vim.mode == "visual":
            low, high = selected
            start = self._location(low if change.at > low else high)
        elif selected is not None:
            start, end = self._location(selected[0]), self._location(selected[1])
        self.selection = Selection(start, end)
        self._shown_selection = self.selection
        self.record_cursor_width()

    def put(self, text: str) -> None:
        self.vim.begin_insert()
        super().put(text)
