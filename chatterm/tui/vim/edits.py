"""What vim's commands do to the text: an operator on what a motion crosses or what is selected."""

from __future__ import annotations

from collections.abc import Callable

from chatterm.tui.vim.change import Change, Mode
from chatterm.tui.vim.motions import Span, first_word, line_end, line_start
from chatterm.tui.vim.moves import Begun, Moves
from chatterm.tui.vim.operators import Registers, Taken, operated

VISUAL = ("visual", "visual line")


class Edits:
    """The mode, what is selected, and what was taken."""

    def __init__(self, clipboard: Callable[[], str]) -> None:
        self.mode: Mode = "insert"
        self._begun = Begun()
        self._registers = Registers(clipboard)
        self._moves = Moves()
        self._anchor = 0
        self._marked: tuple[int, int, Mode] = (0, 0, "visual")
        self._began_inserting: tuple[str, int, int] | None = None
        """The text, the place and how often what is typed is to be there."""

    def selected(self, text: str, at: int) -> tuple[int, int] | None:
        """What is selected, from its first letter to behind its last."""
        if self.mode not in VISUAL:
            return None
        low, high = min(self._anchor, at), max(self._anchor, at)
        if self.mode == "visual line":
            return line_start(text, low), line_end(text, high)
        return low, min(high + 1, len(text))

    def select(self, anchor: int | None) -> None:
        """The mouse has selected from there on, or nothing any more."""
        if self.mode != "insert":
            self._anchor = anchor or 0
            self.mode = "normal" if anchor is None else "visual"

    def _reset(self) -> None:
        self._begun = Begun()

    def _deselect(self, at: int) -> None:
        if self.mode in VISUAL:
            self._marked = (self._anchor, at, self.mode)
            self._moves.mark("<", min(self._anchor, at))
            self._moves.mark(">", max(self._anchor, at))
            self.mode = "normal"

    def _replaced(self, letter: str, text: str, at: int) -> Change:
        selected = self.selected(text, at)
        low, high = selected or (at, at + self._begun.times)
        if selected is None and high > line_end(text, at):
            return Change(text, at)
        self._deselect(at)
        new = "".join(one if one == "\n" else letter for one in text[low:high])
        return Change(text[:low] + new + text[high:], low if selected else high - 1)

    def _moved(self, span: Span | None, text: str, at: int) -> Change:
        """Go there, or let the operator take what lies between."""
        operator = self._begun.operator
        if span is None:
            self._reset()
            return Change(text, at)
        if not operator:
            self._reset()
            if self.mode in VISUAL and span.start is not None:
                self._anchor = span.start
                self.mode = "visual line" if span.whole_lines else "visual"
                return Change(text, span.to if span.whole_lines else max(span.to - 1, span.start))
            return Change(text, span.to)
        start = at if span.start is None else span.start
        low, high = min(start, span.to), max(start, span.to)
        lines = span.whole_lines
        if span.start is None and not lines and not span.inclusive:
            low, high, lines = _to_the_end(text, low, high)
        if lines:
            low, high = line_start(text, low), line_end(text, high)
        return self._operate(operator, text, low, high + span.inclusive, at, lines=lines)

    def _operate(
        self, operator: str, text: str, low: int, high: int, at: int, *, lines: bool = False
    ) -> Change:
        register = self._begun.register
        copied = ""
        if operator in "dcy":
            taken = Taken(text[low:high] + ("\n" if lines else ""), lines)
            copied = self._registers.keep(register, taken, is_yank=operator == "y")
        self._reset()
        text, at = operated(operator, text, low, high, at, lines=lines)
        if operator == "c":
            self._inserting(text, at)
        return Change(text, at, "copy" if copied else "", copied)

    def _inserting(self, text: str, at: int, times: int = 1) -> Change:
        self.mode = "insert"
        self._began_inserting = (text, at, times)
        return Change(text, at)

    def _put_over(self, text: str, low: int, high: int, *, lines: bool) -> Change:
        taken = self._registers[self._begun.register]
        self._registers.keep("", Taken(text[low:high] + "\n" * lines, lines), is_yank=False)
        new = taken.text.removesuffix("\n") if lines else taken.text
        if taken.whole_lines and not lines:
            new = f"\n{taken.text}"
        return Change(text[:low] + new + text[high:], max(low + len(new) - 1, low))


def _to_the_end(text: str, low: int, high: int) -> tuple[int, int, bool]:
    """What ends before the first letter of a line ends with the line before, as vim has it."""
    if "\n" not in text[low:high] or high != line_start(text, high):
        return low, high, False
    return low, high - 1, low <= first_word(text, low)
