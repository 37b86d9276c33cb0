"""A motion as it was typed: with its count, and with what was looked for before."""

from __future__ import annotations

from dataclasses import dataclass

from chatterm.tui.vim import motions
from chatterm.tui.vim.motions import Span, first_word, line_end, line_start
from chatterm.tui.vim.objects import text_object

MOTIONS = "hl 0^_$GjkwWbBeE{}%;,nN*#+-|"
_MOST = 10_000
_FAR = 1_000_000


@dataclass(slots=True)
class Begun:
    """What has been typed of a command."""

    register: str = ""
    counted: str = ""
    """The count before the operator."""
    operator: str = ""
    count: str = ""
    waiting: str = ""
    """A key that needs another one."""

    @property
    def times(self) -> int:
        return min(int(self.counted or 1) * int(self.count or 1), _MOST)

    def __str__(self) -> str:
        register = f'"{self.register}' if self.register else ""
        return register + self.counted + self.operator + self.count + self.waiting


class Moves:
    """What motions remember of each other."""

    def __init__(self) -> None:
        self._marks: dict[str, int] = {}
        self._found = ("", "f")
        self._searched = ("", False)
        self._column: int | None = None
        """Where ``j`` and ``k`` go back to behind a short line."""

    def mark(self, letter: str, at: int) -> None:
        self._marks[letter] = at

    def to_mark(self, sign: str, letter: str, text: str) -> Span | None:
        """With ' to its line, with ` to its letter."""
        to = self._marks.get(letter)
        if to is None or to > len(text):
            return None
        return Span(first_word(text, to), whole_lines=True) if sign == "'" else Span(to)

    def look_for(self, words: str, *, back: bool) -> None:
        self._searched = (words or self._searched[0], back)

    def find(self, letter: str, kind: str, text: str, at: int, begun: Begun) -> Span | None:
        """``f`` and its like."""
        self._found = (letter, kind)
        return self._find(kind, text, at, begun)

    def span_of_g(self, letter: str, text: str, at: int, begun: Begun) -> Span:
        """``gg``, ``ge``, ``gE`` and ``g_``."""
        if letter == "g":
            return Span(first_word(text, motions.numbered(text, begun.times)), whole_lines=True)
        if letter == "_":
            return Span(motions.last_word(text, at), inclusive=True)
        kind = "V" if letter == "E" else "v"
        return Span(motions.words(text, at, kind, begun.times), inclusive=True)

    def span(self, letter: str, text: str, at: int, begun: Begun) -> Span | None:
        """Where a motion leads; None where it cannot."""
        if letter in "jk":
            return self._vertical(letter, text, at, begun)
        self._column = _FAR if letter == "$" else None
        if letter in "wWbBeE":
            return _words(letter, text, at, begun)
        if letter in "hl 0|^_$":
            return _in_line(letter, text, at, begun)
        if letter in "+-G":
            return _to_line(letter, text, at, begun)
        return self._to_what(letter, text, at, begun)

    def _vertical(self, letter: str, text: str, at: int, begun: Begun) -> Span | None:
        if self._column is None:
            self._column = at - line_start(text, at)
        lines = begun.times if letter == "j" else -begun.times
        return motions.vertical(text, at, lines, self._column)

    def _to_what(self, letter: str, text: str, at: int, begun: Begun) -> Span | None:
        match letter:
            case "{" | "}":
                times = begun.times if letter == "}" else -begun.times
                return Span(motions.paragraph(text, at, times))
            case "%":
                to = motions.matching(text, at)
                return None if to is None else Span(to, inclusive=True)
            case ";" | ",":
                kind = self._found[1]
                kind = kind.swapcase() if letter == "," else kind
                return self._find(kind, text, at, begun, again=True)
            case "*" | "#":
                word = text_object("w", text, at, 1, around=False)
                self._searched = (text[word.start : word.to] if word else "", letter == "#")
        words, back = self._searched
        place = motions.searched(text, at, words, back=back != (letter == "N"), times=begun.times)
        return None if place is None else Span(place)

    def _find(
        self, kind: str, text: str, at: int, begun: Begun, *, again: bool = False
    ) -> Span | None:
        letter = self._found[0]
        if not letter:
            return None
        to = motions.find(text, at, letter, kind, begun.times, again=again)
        return None if to is None else Span(to, inclusive=kind in "ft")


def _in_line(letter: str, text: str, at: int, begun: Begun) -> Span | None:
    start, end, times = line_start(text, at), line_end(text, at), begun.times
    match letter:
        case "h":
            return Span(max(at - times, start)) if at > start else None
        case "l" | " ":
            return Span(min(at + times, end)) if at < end else None
        case "0":
            return Span(start)
        case "|":
            return Span(min(start + times - 1, end))
        case "$":
            down = motions.vertical(text, at, times - 1, _FAR) if times > 1 else Span(end)
            return down and Span(down.to)
        case "_":
            return _to_line(letter, text, at, begun)
    return Span(first_word(text, at))


def _to_line(letter: str, text: str, at: int, begun: Begun) -> Span | None:
    if letter == "G":
        is_counted = bool(begun.count or begun.counted)
        to = motions.numbered(text, begun.times) if is_counted else len(text)
        return Span(first_word(text, to), whole_lines=True)
    lines = {"+": begun.times, "-": -begun.times, "_": begun.times - 1}[letter]
    down = motions.vertical(text, at, lines, 0)
    return down and Span(first_word(text, down.to), whole_lines=True)


def _words(letter: str, text: str, at: int, begun: Begun) -> Span:
    times, kind = begun.times, letter.lower()
    if begun.operator == "c" and kind == "w" and not text[at : at + 1].isspace():
        # cw changes the word and leaves the blank behind it.
        word = text_object(letter, text, at, 1, around=False)
        end = word.to - 1 if word else at
        capital = "E" if letter.isupper() else "e"
        return Span(motions.words(text, end, capital, times - 1), inclusive=bool(word))
    to = motions.words(text, at, letter, times)
    if begun.operator and kind == "w" and "\n" in text[at:to]:
        # The last word of a line does not take the break along.
        to = text.rfind("\n", at, to)
    return Span(to, inclusive=kind == "e")
