"""What vim's operators do to a text, and the registers that keep what they took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chatterm.tui.vim.motions import first_word, line_end, line_start

SHIFT = "  "
"""What ``>`` puts before a line: two blanks, as in a list of Markdown."""
_CLIPBOARD = "+*"
_NOWHERE = "_"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a register has."""

    text: str = ""
    whole_lines: bool = False


class Registers:
    """The unnamed one, that of the last ``y``, and those with names."""

    def __init__(self, clipboard: Callable[[], str]) -> None:
        self._clipboard = clipboard
        self._kept: dict[str, Taken] = {}

    def keep(self, name: str, taken: Taken, *, is_yank: bool) -> str:
        """Remember it; what belongs into the clipboard."""
        if name == _NOWHERE:
            return ""
        self._kept[""] = taken
        if is_yank and not name:
            self._kept["0"] = taken
        if name.isupper():
            name = name.lower()
            taken = Taken(self[name].text + taken.text, taken.whole_lines)
        if name:
            self._kept[name] = taken
        return taken.text if name and name in _CLIPBOARD else ""

    def __getitem__(self, name: str) -> Taken:
        name = "" if name == '"' else name.lower()
        if name and name in _CLIPBOARD and self._clipboard():
            text = self._clipboard()
            return Taken(text, text.endswith("\n"))
        return self._kept.get(name, Taken())


def operated(
    operator: str, text: str, low: int, high: int, at: int, *, lines: bool
) -> tuple[str, int]:
    """The text, and where the cursor is then; ``high`` is a line's end where whole lines go."""
    match operator:
        case "y":
            return text, at if lines and line_start(text, at) == low else low
        case "c":
            return text[:low] + text[high:], low
        case "d" if lines:
            # The last line takes the break before it along.
            first = low if high < len(text) else max(low - 1, 0)
            rest = text[:first] + text[high + 1 :]
            return rest, first_word(rest, min(low, len(rest)))
        case "d":
            rest = text[:low] + text[high:]
            return rest, low
        case ">" | "<":
            return _shifted(operator, text, line_start(text, low), line_end(text, high))
    changed = {"gu": str.lower, "gU": str.upper, "g~": str.swapcase}[operator](text[low:high])
    text = text[:low] + changed + text[high:]
    return text, first_word(text, low) if lines else low


def _shifted(operator: str, text: str, low: int, high: int) -> tuple[str, int]:
    lines = text[low:high].split("\n")
    if operator == ">":
        lines = [SHIFT + line if line else line for line in lines]
    else:
        lines = [line[_blanks(line) :] for line in lines]
    rest = text[:low] + "\n".join(lines) + text[high:]
    return rest, first_word(rest, low)


def _blanks(line: str) -> int:
    """How much of its beginning a line loses."""
    if line.startswith("\t"):
        return 1
    return min(len(SHIFT), len(line) - len(line.lstrip(" ")))


def put(taken: Taken, text: str, at: int, times: int, *, after: bool) -> tuple[str, int]:
    """The text with what a register has in it."""
    what = taken.text * times
    if not what:
        return text, at
    if not taken.whole_lines:
        place = min(at + 1, line_end(text, at)) if after else at
        return text[:place] + what + text[place:], place + len(what) - 1
    if not after:
        start = line_start(text, at)
        return text[:start] + what + text[start:], first_word(what, 0) + start
    end = line_end(text, at)
    return f"{text[:end]}\n{what.removesuffix(chr(10))}{text[end:]}", first_word(what, 0) + end + 1


def joined(text: str, at: int, lines: int, *, blank: bool) -> tuple[str, int]:
    """So many lines made one, with a blank between where ``blank``."""
    place = at
    for _ in range(max(lines - 1, 1)):
        end = line_end(text, at)
        if end == len(text):
            break
        tail = text[end + 1 :].lstrip(" \t") if blank else text[end + 1 :]
        needs_none = text[end - 1 : end] in ("", "\n", " ", "\t") or tail[:1] in ("", "\n", ")")
        between = " " if blank and not needs_none else ""
        text, place = text[:end] + between + tail, end
    return text, place
