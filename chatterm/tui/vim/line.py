"""What is typed after ``:``: what fingers know, and every ``/`` command."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chatterm.tui.vim.change import Change
from chatterm.tui.vim.motions import first_word, line_end, line_start, numbered

_WHERE = r"%|(?:\d+|[.$]|'<)(?:,(?:\d+|[.$]|'>))?"
_LINE = re.compile(rf"({_WHERE})?\s*(.*)", re.DOTALL)
_SUBSTITUTE = re.compile(r"s(?:ubstitute)?([^\w\s\\|\"])(.*)", re.DOTALL)
_SENDING = {"w", "w!", "wq", "wq!", "x", "x!", "xit", "write", "wqa", "xa"}
_LEAVING = {"q", "q!", "qa", "qa!", "quit", "quit!", "qall", "cq", "bd", "close", "exit"}
_NOTHING = {"", "noh", "nohl", "nohlsearch"}
_RENAMED = {
    "h": "help",
    "new": "new-chat",
    "enew": "new-chat",
    "ls": "chats",
    "colorscheme": "theme",
}


@dataclass(frozen=True, slots=True)
class Lines:
    """What a command is about: from the beginning of a line to the end of one."""

    low: int
    high: int


def obey(line: str, text: str, at: int, marked: Lines | None) -> Change:
    """Do what was typed; ``marked`` is what was selected last."""
    found = _LINE.fullmatch(line.strip())
    where, what = (found.group(1) or "", found.group(2)) if found else ("", line)
    lines = _lines(where, text, at, marked)
    name, _, words = what.partition(" ")
    if what in _NOTHING:
        return Change(text, first_word(text, lines.high) if where else at)
    if what in _SENDING:
        return Change(text, at, "send")
    if what in _LEAVING:
        return Change(text, at, "leave")
    substituted = _SUBSTITUTE.fullmatch(what)
    if substituted is not None:
        return _substitute(*substituted.groups(), lines=lines, text=text, at=at)
    if what in ("d", "delete"):
        rest = text[: lines.low] + text[lines.high + 1 :]
        return Change(rest, min(lines.low, len(rest)))
    return Change(text, at, "command", f"{_RENAMED.get(name, name)} {words}".strip())


def _lines(where: str, text: str, at: int, marked: Lines | None) -> Lines:
    if where == "%":
        return Lines(0, len(text))
    if where.startswith("'<"):
        return marked or Lines(line_start(text, at), line_end(text, at))
    first, _, last = where.partition(",")
    low = _line(first, text, at)
    high = _line(last or first, text, at)
    return Lines(line_start(text, min(low, high)), line_end(text, max(low, high)))


def _line(where: str, text: str, at: int) -> int:
    if where.isdigit():
        return numbered(text, int(where))
    return len(text) if where == "$" else at


def _substitute(sign: str, rest: str, *, lines: Lines, text: str, at: int) -> Change:
    parts = re.split(rf"(?<!\\){re.escape(sign)}", rest)
    wanted, instead, flags = (*parts, "", "")[:3]
    instead = instead.replace(f"\\{sign}", sign).replace("\\r", "\\n")
    instead = re.sub(r"(?<!\\)&", r"\\g<0>", instead).replace("\\&", "&")
    try:
        pattern = re.compile(wanted, re.IGNORECASE if "i" in flags else re.NOFLAG)
        count = 0 if "g" in flags else 1
        done = [
            pattern.subn(instead, one, count=count)
            for one in text[lines.low : lines.high].split("\n")
        ]
    except (re.error, IndexError) as error:
        return Change(text, at, "say", f"{wanted}: {error}")
    if not any(count for _, count in done):
        return Change(text, at, "say", f"there is no {wanted} here")
    new = "\n".join(one for one, _ in done)
    return Change(text[: lines.low] + new + text[lines.high :], lines.low)
