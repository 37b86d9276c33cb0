"""Writes a growing text on a terminal: what is final once, its open end again and again.

Only rows that are still on the screen are ever written again. What has left it is final, so nothing
flickers and the scrollback is the text. The cursor rests at the end of the last row.
"""

from __future__ import annotations

from collections.abc import Sequence

_UP = "\x1b[{}A"
_CLEAR_BELOW = "\x1b[J"
# One paint is shown at once where the terminal can; a row that is wider there than here is cut
# and not wrapped, or the rows below would be counted wrongly.
_BEGIN = "\x1b[?2026h\x1b[?7l"
_END = "\x1b[?7h\x1b[?2026l"


class Paper:
    """What stands on the terminal of a text that grows."""

    def __init__(self) -> None:
        self.done = 0
        """How many rows of the text are written and final."""
        self._open: list[str] = []
        self._at_start = True

    def write(self, rows: Sequence[str], final: int, height: int) -> str:
        """Put ``rows`` after those that are done, of which the first ``final`` stay; what to send.

        The others are few enough to fit on the screen.
        """
        old = self._open
        same = 0
        while same < min(len(old), len(rows)) and old[same] == rows[same]:
            same += 1
        self.done += final
        self._open = list(rows[final:])
        if same == len(old) == len(rows):
            return ""
        begin = max(0, min(same, len(rows) - 1), len(old) - max(1, height - 1))
        sent = ""
        if begin < len(old):
            sent = self._back_to(begin, old)
        elif not self._at_start:
            sent = "\n"
        self._at_start = not rows and (self._at_start or bool(old))
        return _BEGIN + sent + "\n".join(rows[begin:]) + _END

    def take_back(self, height: int) -> str:
        """Erase the rows that are not final, since they will be drawn anew."""
        old, self._open = self._open, []
        if not old:
            return ""
        begin = max(0, len(old) - max(1, height - 1))
        self._at_start = True
        return self._back_to(begin, old)

    @staticmethod
    def _back_to(begin: int, old: Sequence[str]) -> str:
        up = len(old) - 1 - begin
        return (_UP.format(up) if up else "") + "\r" + _CLEAR_BELOW
