"""Text that may be passed on: whole characters, whatever pieces a server cut it into.

JSON can hold half of a surrogate pair, and servers that cut emoji in two send just that.
"""

from __future__ import annotations


class Pieces:
    """Joins the pieces of one text; each result can be written as UTF-8."""

    def __init__(self) -> None:
        self._held = ""

    def join(self, piece: str) -> str:
        """What of the text so far has not been given out and is whole."""
        if not self._held and piece.isascii():
            return piece
        text = self._held + piece
        self._held = ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._held = text[:-1], text[-1]
        return whole(text)


def whole(text: str) -> str:
    """The text with surrogate pairs as characters and halves as replacement characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
