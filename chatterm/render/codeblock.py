"""Code blocks as rows: a rule that names the language, the code, and a rule below it.

The code itself has no decoration, so that what is marked with the mouse can be used.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from chatterm.render.code import TAB, GrowingCode, Spans, Styles, closed_code, language_of
from chatterm.render.layout import Prefix, decorated, wrapped
from chatterm.render.line import Line
from chatterm.render.parser import Node
from chatterm.render.theme import Theme
from chatterm.render.wrap import Row, chop

_RULE = 40
"""The longest rule above and below code."""


class CodeBlocks:
    """Draws the code blocks of a text of one width."""

    def __init__(self, width: int, theme: Theme) -> None:
        self._width = width
        self._theme = theme
        self._styles = Styles(theme)

    def growing(self, info: str, prefix: Prefix) -> GrowingBlock:
        """A code block that is fed as it is written; its rows begin with its head."""
        return GrowingBlock(self, info, prefix, self._styles)

    def closed(self, content: str, language: str, prefix: Prefix) -> list[Line]:
        """The rows of a whole code block."""
        lines = []
        if content:
            lines = closed_code(content.removesuffix("\n"), language, self._styles)
        return [
            *self.head(language, prefix),
            *self.rows(lines, prefix.next()),
            self._rule("", prefix.next()),
        ]

    def head(self, language: str, prefix: Prefix) -> list[Line]:
        return [replace(self._rule(language, prefix), mark="code")]

    def rows(self, lines: Iterable[Spans], prefix: Prefix) -> list[Line]:
        return self.verbatim(lines, prefix, self._theme.block)

    def verbatim(self, lines: Iterable[Spans], prefix: Prefix, ground: Style) -> list[Line]:
        width = self._width - prefix.width
        rows: list[Row] = []
        for line in lines:
            rows += chop(_tabs_expanded(line), width) or [Row((), 0, "\n")]
        drawn = wrapped(rows, prefix)
        return [replace(line, ground=ground) for line in drawn] if ground.bgcolor else drawn

    def _rule(self, words: str, prefix: Prefix) -> Line:
        width = self._width - prefix.width
        text = f"── {words[: width - 5]} " if words else ""
        rule = [Segment(text + "─" * (min(width, _RULE) - len(text)), self._theme.frame)]
        return decorated([rule], prefix, whole=True)[0]


class GrowingBlock:
    """The rows of a fence that is not closed: those that are done, and those of its last lines."""

    def __init__(self, blocks: CodeBlocks, info: str, prefix: Prefix, styles: Styles) -> None:
        language = language_of(info)
        self._blocks = blocks
        self._info = info
        self._prefix = prefix
        self._code = GrowingCode(language, styles)
        self._content = ""
        self.done = blocks.head(language, prefix)
        self.open: list[Line] = []

    def continues(self, node: Node, prefix: Prefix) -> bool:
        return (
            node.info == self._info
            and prefix == self._prefix
            and node.content.startswith(self._content)
        )

    def feed(self, content: str) -> None:
        """Draw a longer content."""
        self._content = content
        final, still_open = self._code.feed(content)
        prefix = self._prefix.next()
        self.done += self._blocks.rows(final, prefix)
        self.open = self._blocks.rows(still_open, prefix)


def _tabs_expanded(line: Spans) -> Spans:
    if not any("\t" in text for text, _ in line):
        return line
    expanded: Spans = []
    column = 0
    for text, style in line:
        parts = text.split("\t")
        for number, part in enumerate(parts):
            column += cell_len(part)
            if number < len(parts) - 1:
                blanks = TAB - column % TAB
                part, column = part + " " * blanks, column + blanks
            if part:
                expanded.append((part, style))
    return expanded
