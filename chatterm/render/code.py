"""Highlighted code: closed blocks at once, growing ones line by line.

A growing block is lexed from the last checkpoint, a place between two lines where the lexer's stack
is known; so a line costs the same wherever it stands. Lexers that have no such stack are given one
line at a time. What that gets wrong, as in a comment of many lines, is put right when the block
closes and is lexed as a whole.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from pygments.lexer import ExtendedRegexLexer, Lexer, RegexLexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Error, Whitespace, _TokenType
from pygments.util import ClassNotFound
from rich.style import Style

from chatterm.render.theme import Theme
from chatterm.render.wrap import Span

Spans: TypeAlias = list[Span]
_Lexed: TypeAlias = tuple[int, _TokenType, str]

TAB = 4
_LONGEST_LINE = 2_000
"""A longer line is left plain: lexers are not made for it."""
_LONGEST_BLOCK = 60_000
"""A longer block is left plain as a whole, since lexing it would stop everything for seconds."""
_LONGEST_TOKEN = 16_000
"""A growing text without a checkpoint for so long gets one by force."""
_ROOT = ("root",)


class Styles:
    """The style of each kind of token in a theme, on the ground of its code."""

    def __init__(self, theme: Theme) -> None:
        self.ground = theme.block
        self._named = theme.tokens
        self._known: dict[_TokenType, Style] = {}

    def of(self, token: _TokenType) -> Style:
        known = self._known.get(token)
        if known is None:
            style = self.ground
            for parent in token.split():
                style += self._named.get(str(parent).removeprefix("Token."), Style.null())
            known = self._known[token] = style
        return known


@functools.cache
def lexer_of(language: str) -> Lexer | None:
    """The lexer of a fence's language; None where there is none to be had."""
    if not language or language in ("text", "txt", "plain", "plaintext", "output"):
        return None
    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


def language_of(info: str) -> str:
    """The language that a fence's info string names: ``python``, ``{.python}``, ``py:file.py``."""
    words = info.strip().strip("{}").split(None, 1)
    word = words[0].lstrip(".").lower() if words else ""
    return word.partition(":")[0].partition(",")[0][:40]


def closed_code(code: str, language: str, styles: Styles) -> list[Spans]:
    """The lines of a whole block."""
    lexer = lexer_of(language) if len(code) <= _LONGEST_BLOCK else None
    if lexer is None or _has_long_line(code):
        return [[(line, styles.ground)] for line in code.split("\n")]
    return _lines(_guarded(lexer.get_tokens_unprocessed(code), code), styles)


class GrowingCode:
    """The lines of a block that is still being written."""

    def __init__(self, language: str, styles: Styles) -> None:
        self._lexer = lexer_of(language)
        self._styles = styles
        self._by_table = isinstance(self._lexer, RegexLexer) and not isinstance(
            self._lexer, ExtendedRegexLexer
        )
        self._stack: tuple[str, ...] = _ROOT
        self.settled = 0
        """How many characters are done: whole lines that are not looked at again."""

    def feed(self, code: str) -> tuple[list[Spans], list[Spans]]:
        """The lines that became final with this longer code, and those that may still change."""
        rest = code[self.settled :]
        whole = rest.rfind("\n") + 1
        if len(code) > _LONGEST_BLOCK:
            return self._plain(rest, whole)
        if self._lexer is None or len(rest) - whole > _LONGEST_LINE or _has_long_line(rest):
            return self._plain(rest, whole)
        if not self._by_table:
            return self._by_lines(rest, whole)
        return self._from_checkpoint(rest, whole)

    def _plain(self, rest: str, whole: int) -> tuple[list[Spans], list[Spans]]:
        self.settled += whole
        self._stack = _ROOT
        lines: list[Spans] = [[(line, self._styles.ground)] for line in rest.split("\n")]
        return lines[:-1], lines[-1:] if rest[whole:] else []

    def _by_lines(self, rest: str, whole: int) -> tuple[list[Spans], list[Spans]]:
        assert self._lexer is not None
        self.settled += whole
        lines = []
        for line in rest.split("\n"):
            tokens = _guarded(self._lexer.get_tokens_unprocessed(line), line)
            lines.append(_lines(tokens, self._styles)[0])
        return lines[:-1], lines[-1:] if rest[whole:] else []

    def _from_checkpoint(self, rest: str, whole: int) -> tuple[list[Spans], list[Spans]]:
        # The last whole line stays open: its tokens may yet reach into the next one.
        limit = rest.rfind("\n", 0, whole - 1) + 1 if whole else 0
        lexed = _lexed(self._lexer, rest, self._stack, limit)
        lines = _lines(iter(lexed.tokens), self._styles)
        checkpoint, stack = lexed.checkpoint, lexed.stack
        if not checkpoint and whole > _LONGEST_TOKEN:
            checkpoint, stack = whole, lexed.last_stack
        self.settled += checkpoint
        self._stack = stack
        done = rest.count("\n", 0, checkpoint)
        return lines[:done], lines[done:] if rest[whole:] else lines[done:-1]


@dataclass(slots=True)
class _LexedText:
    tokens: list[_Lexed]
    checkpoint: int
    stack: tuple[str, ...]
    """At the checkpoint."""
    last_stack: tuple[str, ...]


def _lexed(lexer: Any, text: str, stack: tuple[str, ...], limit: int) -> _LexedText:
    """Pygments' own loop over its tables, with a stack that can be seen and kept.

    The checkpoint is the last place between two tokens that begins a line, up to ``limit``.
    """
    result = _LexedText([], 0, stack, stack)
    states = list(stack)
    position = 0
    try:
        while position < len(text):
            if position <= limit and (position == 0 or text[position - 1] == "\n"):
                result.checkpoint, result.stack = position, tuple(states)
            position = _step(lexer, text, position, states, result.tokens)
    except Exception:  # noqa: BLE001  (a lexer's bug must not cost the answer)
        result.tokens.append((position, Error, text[position:]))
    result.last_stack = tuple(states)
    return result


def _step(lexer: Any, text: str, position: int, states: list[str], tokens: list[_Lexed]) -> int:
    """Match once; the place after the match."""
    for match, action, new_state in lexer._tokens[states[-1]]:
        found = match(text, position)
        if not found:
            continue
        if isinstance(action, _TokenType):
            tokens.append((position, action, found.group()))
        elif action is not None:
            tokens += action(lexer, found)
        if new_state is not None:
            _change(states, new_state)
        return int(found.end())
    if text[position] == "\n":
        states[:] = _ROOT
        tokens.append((position, Whitespace, "\n"))
    else:
        tokens.append((position, Error, text[position]))
    return position + 1


def _change(states: list[str], new_state: Any) -> None:
    """What a rule does to the stack: a number pops, a name or several are pushed."""
    if isinstance(new_state, int):
        if abs(new_state) >= len(states):
            del states[1:]
        else:
            del states[new_state:]
        return
    for state in new_state if isinstance(new_state, tuple) else (new_state,):
        if state == "#pop":
            if len(states) > 1:
                states.pop()
        else:
            states.append(states[-1] if state == "#push" else state)


def _guarded(tokens: Iterator[_Lexed], text: str) -> Iterator[_Lexed]:
    """The tokens; where the lexer fails, the rest of the text as it is."""
    position = 0
    try:
        for lexed in tokens:
            position = lexed[0] + len(lexed[2])
            yield lexed
    except Exception:  # noqa: BLE001  (a lexer's bug must not cost the answer)
        yield position, Error, text[position:]


def _lines(tokens: Iterator[_Lexed], styles: Styles) -> list[Spans]:
    """Tokens as the spans of each line."""
    lines: list[Spans] = [[]]
    for _, token, text in tokens:
        if not text:
            continue
        style = styles.of(token)
        first, *more = text.split("\n")
        if first:
            lines[-1].append((first, style))
        lines += [[(part, style)] if part else [] for part in more]
    return lines


def _has_long_line(code: str) -> bool:
    return len(code) > _LONGEST_LINE and any(len(line) > _LONGEST_LINE for line in code.split("\n"))
