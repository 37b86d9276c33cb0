"""Vim's keys: one key, the text and the cursor in, a change out.

What fingers do without thinking: counts, motions, text objects, operators, selecting, registers,
``.``, undo, searching, and what is typed after ``:``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from chatterm.tui.vim import motions
from chatterm.tui.vim.change import Change, Mode, Past
from chatterm.tui.vim.edits import VISUAL, Edits
from chatterm.tui.vim.line import Lines, obey
from chatterm.tui.vim.motions import Span, first_word, line_end, line_start, on_letter
from chatterm.tui.vim.moves import MOTIONS
from chatterm.tui.vim.objects import text_object
from chatterm.tui.vim.operators import joined, put

ENTER, ESCAPE, BACKSPACE, REDO = "\r", "\x1b", "\x7f", "\x12"
_WAITING = "gfFtTrmZqz'`\"@[]"
_ON_SELECTED = {"x": "d", "s": "c", "u": "gu", "U": "gU", "~": "g~"}
_ON_SELECTED_LINES = {"X": "d", "D": "d", "C": "c", "S": "c", "R": "c", "Y": "y"}


class Vim(Edits):
    """What a key means, after those before it."""

    def __init__(self, clipboard: Callable[[], str] = str) -> None:
        super().__init__(clipboard)
        self.line = ""
        """What is typed after ``:``, ``/`` or ``?``, with that sign."""
        self._past = Past()
        self._typed = self._last = self._inserted = ""
        self._is_kept = True
        """Whether ``.`` does again what is being done."""
        self._left_insert = 0
        self._said = ""
        """The last whole line."""

    @property
    def shown(self) -> str:
        """For the status line: the mode, and what was typed of a command."""
        if self.line:
            return self.line
        name = {"visual line": "V-LINE"}.get(self.mode, self.mode.upper())
        return f"{name} {self._begun}".rstrip()

    @property
    def is_waiting(self) -> bool:
        """Whether the next key is a part of the one before."""
        return bool(self._begun.waiting)

    @property
    def is_busy(self) -> bool:
        """Whether Esc has something to leave."""
        return bool(str(self._begun)) or self.mode != "normal"

    def begin_insert(self) -> None:
        """Something else was put into the text, to be gone on with."""
        self._reset()
        self.line = self._typed = ""
        self.mode = "insert"

    def leave_insert(self, text: str, at: int) -> Change:
        """Esc: one to the left, as vim does."""
        self._past.notice(text, at)
        if self._began_inserting is not None:
            before, start, times = self._began_inserting
            self._began_inserting = None
            end = len(text) - (len(before) - start)
            is_whole = text.startswith(before[:start]) and text.endswith(before[start:])
            self._inserted = text[start:end] if is_whole and self.mode == "insert" else ""
            again = self._inserted * (times - 1)
            text, at = text[:at] + again + text[at:], at + len(again)
            self._past.notice(text, at)
        self._reset()
        self.mode = "normal"
        self._left_insert = at
        return Change(text, at - 1 if at > line_start(text, at) else at)

    def key(self, letter: str, text: str, at: int) -> Change:
        """One key, in any mode but insert."""
        self._past.notice(text, at)
        self._typed += letter
        self._is_kept = True
        was = self.mode
        change = self._settled(self._pressed(letter, text, at))
        if was == "replace":
            self._typed = ""
            self._past.goes_on(change)
            return change
        if self.line or str(self._begun) or self.mode in VISUAL:
            return change
        typed, self._typed = self._typed, ""
        is_typing = self.mode in ("insert", "replace")
        if self._is_kept and (change.text != text or is_typing):
            self._last, self._inserted = typed, ""
        self._past.changed(change, is_typing=is_typing)
        return change

    def _settled(self, change: Change) -> Change:
        """In normal mode the cursor never stands behind the last letter."""
        if self.mode != "normal":
            return change
        return replace(change, at=on_letter(change.text, change.at))

    def _pressed(self, letter: str, text: str, at: int) -> Change:
        if self.line:
            return self._on_line(letter, text, at)
        if letter == ESCAPE:
            return self._left(text, at)
        if self.mode == "replace":
            return self._over(letter, text, at)
        if self._begun.waiting:
            return self._second(letter, text, at)
        return self._first(letter, text, at)

    def _first(self, letter: str, text: str, at: int) -> Change:
        begun = self._begun
        if letter.isdecimal() and (letter != "0" or begun.count):
            begun.count += letter
            return Change(text, at)
        wants_object = bool(begun.operator) or self.mode in VISUAL
        if letter in _WAITING or (letter in "ia" and wants_object):
            begun.waiting = letter
            return Change(text, at)
        if letter in ":/?":
            self.line = letter + ("'<,'>" if letter == ":" and self.mode in VISUAL else "")
            return Change(text, at)
        if letter in MOTIONS:
            return self._moved(self._moves.span(letter, text, at, self._begun), text, at)
        if self.mode in VISUAL:
            return self._on_selected(letter, text, at)
        if letter in "dcy<>" or begun.operator == f"g{letter}":
            return self._operator(letter, text, at)
        change = self._command(letter, text, at)
        self._reset()
        return change

    def _left(self, text: str, at: int) -> Change:
        """Esc: neither a command is begun any more nor anything selected."""
        self._reset()
        self._deselect(at)
        if self.mode == "replace" and at > line_start(text, at):
            at -= 1
        self.mode = "normal"
        return Change(text, on_letter(text, at))

    def _over(self, letter: str, text: str, at: int) -> Change:
        """Write over what is there."""
        if letter == BACKSPACE:
            return Change(text, max(at - 1, line_start(text, at)))
        end = at + 1 if at < line_end(text, at) else at
        return Change(text[:at] + letter + text[end:], at + 1)

    # A line of its own

    def recall(self) -> None:
        """Let the line be the one that was typed last, with the sign that stands there."""
        self.line = self.line[0] + self._said[1:]

    def _on_line(self, letter: str, text: str, at: int) -> Change:
        if letter == ESCAPE or (letter == BACKSPACE and len(self.line) == 1):
            self.line = ""
            self._reset()
            return Change(text, at)
        if letter != ENTER:
            self.line = self.line[:-1] if letter == BACKSPACE else self.line + letter
            return Change(text, at)
        self._said, self.line = self.line, ""
        sign, words = self._said[0], self._said[1:]
        if sign == ":":
            self._is_kept = False
            self._deselect(at)
            self._reset()
            low, high, _ = self._marked
            marked = Lines(line_start(text, min(low, high)), line_end(text, max(low, high)))
            return obey(words, text, at, marked if words.startswith("'<") else None)
        self._moves.look_for(words, back=sign == "?")
        return self._moved(self._moves.span("n", text, at, self._begun), text, at)

    # Keys that need another one

    def _second(self, letter: str, text: str, at: int) -> Change:
        first, self._begun.waiting = self._begun.waiting, ""
        match first:
            case "g":
                return self._second_of_g(letter, text, at)
            case "f" | "F" | "t" | "T":
                span = self._moves.find(letter, first, text, at, self._begun)
                return self._moved(span, text, at)
            case "i" | "a":
                times = self._begun.times
                span = text_object(letter, text, at, times, around=first == "a")
                return self._moved(span, text, at)
            case "'" | "`":
                return self._moved(self._moves.to_mark(first, letter, text), text, at)
            case '"':
                self._begun.register = letter
                return Change(text, at)
        change = Change(text, at)
        if first == "r":
            change = self._replaced(letter, text, at)
        elif first == "m":
            self._moves.mark(letter, at)
        elif first == "Z" and letter in "ZQ":
            change = Change(text, at, "send" if letter == "Z" else "leave")
        self._reset()
        return change

    def _second_of_g(self, letter: str, text: str, at: int) -> Change:
        times = self._begun.times
        if letter in "uU~":
            return self._operator(f"g{letter}", text, at)
        if letter in "jk":
            self._reset()
            return Change(text, at, "row down" if letter == "j" else "row up")
        if letter in "geE_":
            return self._moved(self._moves.span_of_g(letter, text, at, self._begun), text, at)
        self._reset()
        if letter == "J":
            return Change(*joined(text, at, times, blank=False))
        if letter == "i":
            return self._inserting(text, min(self._left_insert, len(text)))
        if letter == "v":
            self._anchor, at, self.mode = self._marked
            return Change(text, min(at, len(text)))
        return Change(text, at)

    # Operators

    def _operator(self, letter: str, text: str, at: int) -> Change:
        begun = self._begun
        if self.mode in VISUAL:
            return self._on_selected(letter, text, at)
        if begun.operator == letter or begun.operator == f"g{letter}":
            more = begun.times - 1
            here = Span(at, whole_lines=True)
            return self._moved(motions.vertical(text, at, more, 0) if more else here, text, at)
        if begun.operator:
            self._reset()
            return Change(text, at)
        begun.operator, begun.counted, begun.count = letter, begun.count, ""
        return Change(text, at)

    # What is selected

    def _on_selected(self, letter: str, text: str, at: int) -> Change:
        selected = self.selected(text, at)
        assert selected is not None
        low, high = selected
        lines = self.mode == "visual line"
        if letter in "vV":
            mode: Mode = "visual" if letter == "v" else "visual line"
            if mode == self.mode:
                return self._left(text, at)
            self.mode = mode
            return Change(text, at)
        if letter in "oO":
            self._anchor, at = at, self._anchor
            return Change(text, at)
        self._deselect(at)
        operator = _ON_SELECTED.get(letter, letter)
        if letter in _ON_SELECTED_LINES:
            operator, lines = _ON_SELECTED_LINES[letter], True
            low, high = line_start(text, low), line_end(text, high - 1)
        if operator in ("d", "c", "y", ">", "<", "gu", "gU", "g~"):
            return self._operate(operator, text, low, high, low, lines=lines)
        change = Change(text, on_letter(text, at))
        if letter in "pP":
            change = self._put_over(text, low, high, lines=lines)
        elif letter == "J":
            change = Change(*joined(text, low, text.count("\n", low, high) + 1, blank=True))
        elif letter in "IA":
            change = self._inserting(text, low if letter == "I" else high)
        self._reset()
        return change

    # What is neither

    def _command(self, letter: str, text: str, at: int) -> Change:
        begun, times = self._begun, self._begun.times
        start, end = line_start(text, at), line_end(text, at)
        # A dictionary, as a chain of twenty cases would be no clearer.
        places = {"i": at, "a": min(at + 1, end), "I": first_word(text, at), "A": end}
        taken = {
            "x": ("d", at, min(at + times, end)),
            "X": ("d", max(at - times, start), at),
            "s": ("c", at, min(at + times, end)),
        }
        if letter in places and not begun.operator:
            return self._inserting(text, places[letter], times)
        if begun.operator:
            return Change(text, at)
        if letter in taken:
            operator, low, high = taken[letter]
            return self._operate(operator, text, low, high, at)
        match letter:
            case "D" | "C":
                begun.operator = letter.lower()
                return self._moved(self._moves.span("$", text, at, begun), text, at)
            case "Y":
                return self._operate("y", text, start, end, at, lines=True)
            case "S":
                return self._operate("c", text, start, end, at, lines=True)
            case "o":
                return self._inserting(text[:end] + "\n" + text[end:], end + 1)
            case "O":
                return self._inserting(text[:start] + "\n" + text[start:], start)
            case "p" | "P":
                taken_ = self._registers[begun.register]
                return Change(*put(taken_, text, at, times, after=letter == "p"))
        return self._lesser_command(letter, text, at, times)

    def _lesser_command(self, letter: str, text: str, at: int, times: int) -> Change:
        end = line_end(text, at)
        match letter:
            case "J":
                return Change(*joined(text, at, times, blank=True))
            case "~" if at < end:
                high = min(at + times, end)
                return Change(text[:at] + text[at:high].swapcase() + text[high:], high)
            case "v" | "V":
                self._anchor = at
                self.mode = "visual" if letter == "v" else "visual line"
            case "R":
                self._is_kept = False
                self.mode = "replace"
            case ".":
                return self._again(text, at, times)
            case "u" | "U" | "\x12":
                self._is_kept = False
                step = self._past.undo if letter == "u" else self._past.redo
                return self._stepped(step, text, at, times)
        return Change(text, at)

    def _stepped(
        self, step: Callable[[str, int], Change], text: str, at: int, times: int
    ) -> Change:
        change = Change(text, at)
        for _ in range(times):
            change = step(change.text, change.at)
        return change

    def _again(self, text: str, at: int, times: int) -> Change:
        """Do the last change once more, with what was typed in it."""
        self._is_kept = False
        inserted = self._inserted
        for _ in range(times):
            self._reset()
            for letter in self._last:
                change = self._settled(self._pressed(letter, text, at))
                text, at = change.text, change.at
            if self.mode == "insert":
                text = text[:at] + inserted + text[at:]
                at = max(at + len(inserted) - 1, line_start(text, at))
                self._began_inserting = None
            self.mode = "normal"
        self._inserted = inserted
        return Change(text, at)
