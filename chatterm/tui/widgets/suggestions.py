"""What a word that is being typed may become: ``/`` a command, ``@`` a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chatterm.tui.widgets.composer import Composer
from chatterm.tui.widgets.rows import Row, Rows

Source = Callable[[str], Sequence[Row]]


class Suggestions(Rows):
    """A short list above the composer, open only while there is something to choose."""

    DEFAULT_CSS = """
    Suggestions {
        display: none; height: auto; max-height: 8; margin: 0 1; background: $surface;
    }
    """

    def __init__(self, commands: Source, files: Source) -> None:
        super().__init__()
        self.can_focus = False
        self._commands = commands
        self._files = files
        self._start = 0
        self._refused = ""

    def follow(self, composer: Composer) -> None:
        """Show what fits the word at the cursor."""
        word, start = composer.word_before_cursor()
        rows: Sequence[Row] = ()
        if word != self._refused:
            self._refused = ""
            if word.startswith("/") and start == 0 and composer.cursor_location[0] == 0:
                rows = self._commands(word[1:])
            elif word.startswith("@"):
                rows = self._files(word[1:])
        self._start = start
        self._open(composer, rows)

    def close(self, composer: Composer) -> None:
        """Leave this word as it is."""
        self._refused = composer.word_before_cursor()[0]
        self._open(composer, ())

    def take(self, composer: Composer) -> str:
        """Put what is chosen in the place of the word; which row that was."""
        if self.row is None:
            return ""
        key = self.row.key
        end = "" if key.endswith("/") else " "
        composer.complete_word(self._start, key + end)
        return key

    def drop(self, composer: Composer) -> None:
        """Take the word out: what it named goes along in another way."""
        composer.complete_word(self._start, "")

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """A click."""
        event.stop()
        composer = self.screen.query_one(Composer)
        composer.post_message(composer.Asked("complete"))

    def _open(self, composer: Composer, rows: Sequence[Row]) -> None:
        self.display = bool(rows)
        composer.suggesting = bool(rows)
        if rows or self.rows:
            self.show(rows)
