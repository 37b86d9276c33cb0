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

    def take(self, composer: Composer) -> None:
        """Put what is chosen in the place of the word."""
        if self.row is not None:
            key = self.row.key
            end = "" if key.endswith("/") else " "
            composer.complete_word(self._start, key + end)

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """A click."""
        event.stop()
        self.take(self.screen.query_one(Composer))

    def _open(self, composer: Composer, rows: Sequence[Row]) -> None:
        self.display = bool(rows)
        composer.suggesting = bool(rows)
        if rows or self.rows:
            self.show(rows)
