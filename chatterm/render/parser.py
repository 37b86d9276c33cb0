"""Markdown's grammar: CommonMark with tables, strikethrough, task lists and mathematics.

``blocks`` runs the block phase alone, which is line by line: once a whole line has opened a block,
nothing that comes later changes the blocks before it. The rule for mathematics keeps that property:
what begins as a formula stays one, up to its closing sign, a blank line or the end.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, table
from markdown_it.rules_block.html_block import HTML_SEQUENCES
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

Env: TypeAlias = MutableMapping[str, Any]
"""What markdown-it keeps of a document: its link definitions."""

LONGEST_HEAD = "longest_head"
"""The key of an ``Env`` that limits the lines a table may begin with."""

_DEEPEST = 60
"""How many containers may stand in each other; markdown-it drops what is deeper."""
_ONE_ROW = re.compile(r"(?:\$\$(?!\$)(?P<a>.+?)\$\$|\\\[(?P<b>.+?)\\\])\s*[.,;:]?\s*$")
_OPENING = re.compile(r"(?:(?P<dollars>\$\$)\s*$|\\\[(?P<rest>(?:(?!\\\]).)*)$)")
_INLINE = re.compile(
    r"\\\((?P<a>.+?)\\\)|\\\[(?P<b>.+?)\\\]|\$\$(?!\$)(?P<c>.+?)\$\$"
    r"|(?<![\w\\$])\$(?![\s$])(?P<d>(?:[^$\\\n]|\\.|\n(?!\n))+?)(?<![\s\\])\$(?![\w$])",
    re.S,
)


@dataclass(slots=True)
class Node:
    """A block: a container with children, or a leaf with its source."""

    kind: str
    start: int
    """The first line of its source."""
    end: int
    """The line after its last."""
    content: str = ""
    info: str = ""
    """The language of code, the level of a heading, the sign or number of an item."""
    checked: bool | None = None
    """Of an item that is a task."""
    aligns: tuple[str, ...] = ()
    children: list[Node] = field(default_factory=list)

    @property
    def opened(self) -> int:
        """The line that settled what this block is."""
        return self.start + 1 if self.kind == "table" else self.start


@functools.cache
def parser() -> MarkdownIt:
    """The one parser. It holds no state of a document."""
    md = MarkdownIt("commonmark", {"tasklists": True, "maxNesting": _DEEPEST + 2})
    md.enable(["table", "strikethrough"])
    before = ["paragraph", "reference", "blockquote", "list"]
    md.block.ruler.before("table", "too_deep", _too_deep)
    md.block.ruler.at("table", _table_rule, {"alt": ["paragraph", "reference"]})
    md.block.ruler.before("fence", "math_block", _math_block, {"alt": before})
    md.inline.ruler.before("escape", "math_inline", _math_inline)
    return md


def blocks(source: str, env: Env) -> list[Node]:
    """The top-level blocks of a text. Link definitions are added to ``env``."""
    md = parser()
    tokens: list[Token] = []
    try:
        md.block.parse(source, md, env, tokens)
    except IndexError:
        # HTML in a list in a quote: it looks for indentation beyond the end of the text.
        tokens = []
        md.block.parse(source + "\n", md, env, tokens)
    return _nodes(iter(tokens))


def inlines(content: str, env: Env) -> list[Token]:
    """What a paragraph, a heading or a cell is made of."""
    md = parser()
    tokens: list[Token] = []
    md.inline.parse(content, md, env, tokens)
    return tokens


def html_end(line: str) -> re.Pattern[str] | None:
    """What the last line of a block of HTML has that begins with this line; None if none does.

    Where that is found in an empty line, the empty line is not part of the block.
    """
    words = line.lstrip(" \t")
    return next((end for begin, end, _ in HTML_SEQUENCES if begin.search(words)), None)


def formula_end(line: str) -> str:
    """What closes the formula of several lines that this line begins; empty if it begins none."""
    words = line.lstrip(" \t")
    found = None if _ONE_ROW.match(words) else _OPENING.match(words)
    return "" if found is None else "$$" if found["dollars"] else "\\]"


def _nodes(tokens: Iterator[Token]) -> list[Node]:
    """The blocks up to the end of the container that is being read."""
    nodes = []
    for token in tokens:
        if token.nesting < 0:
            break
        start, end = token.map or (0, 0)
        kind = token.type.removesuffix("_open")
        node = Node(kind, start, end, token.content, token.info)
        if kind in ("paragraph", "heading"):
            node.info = token.tag[1:]
            node.content = next(tokens).content
            next(tokens)
        elif kind == "table":
            node.aligns, node.children = _table(tokens)
        elif token.nesting > 0:
            if kind == "list_item":
                checked = token.meta.get("checked")
                node.checked = checked if isinstance(checked, bool) else None
            node.children = _nodes(tokens)
            if kind == "ordered_list":
                node.info = str(token.attrs.get("start", 1))
        nodes.append(node)
    return nodes


def _table(tokens: Iterator[Token]) -> tuple[tuple[str, ...], list[Node]]:
    """The alignments of a table, and its rows; the first one is the head."""
    aligns: list[str] = []
    rows: list[Node] = []
    for token in tokens:
        match token.type:
            case "table_close":
                break
            case "tr_open":
                start, end = token.map or (0, 0)
                rows.append(Node("row", start, end))
            case "th_open":
                aligns.append(str(token.attrs.get("style", "")).removeprefix("text-align:"))
            case "inline":
                rows[-1].children.append(Node("cell", 0, 0, token.content))
    return tuple(aligns), rows


def _table_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A table, unless its head is so long that rows of it are final before it is known as one."""
    longest = state.env.get(LONGEST_HEAD)
    if longest is not None:
        for line in range(start, min(start + 2, end)):
            if state.eMarks[line] - state.bMarks[line] - state.tShift[line] > longest:
                return False
    return table(state, start, end, silent)


def _too_deep(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """What is nested beyond all sense is shown as it stands."""
    if state.level < _DEEPEST or silent:
        return False
    line = start + 1
    while line < end and (state.isEmpty(line) or state.sCount[line] >= state.blkIndent):
        line += 1
    token = state.push("verbatim", "", 0)
    token.content = state.getLines(start, line, state.blkIndent, False)
    token.map = [start, line]
    state.line = line
    return True


def _math_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if state.is_code_block(start):
        return False
    begin = state.bMarks[start] + state.tShift[start]
    # The rule is tried on every line, so the cheap question comes first.
    if state.src[begin : begin + 2] not in ("$$", "\\["):
        return False
    line = state.src[begin : state.eMarks[start]]
    if found := _ONE_ROW.match(line):
        content, after = found["a"] or found["b"], start + 1
    elif found := _OPENING.match(line):
        content, after = _math_rows(state, start, end, formula_end(line))
        content = f"{found['rest'] or ''}\n{content}"
    else:
        return False
    if silent:
        return True
    token = state.push("math_block", "math", 0)
    token.content = content.strip("\n")
    token.map = [start, after]
    state.line = after
    return True


def _math_rows(state: StateBlock, start: int, end: int, closing: str) -> tuple[str, int]:
    """What follows the opening line, and the line after the formula."""
    rows = []
    line = start + 1
    while line < end and not state.isEmpty(line) and state.sCount[line] >= state.blkIndent:
        text = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]
        line += 1
        content, closed, _ = text.partition(closing)
        rows.append(content)
        if closed:
            break
    return "\n".join(rows), line


def _math_inline(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "$\\":
        return False
    found = _INLINE.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        token = state.push("math_inline", "math", 0)
        token.content = found["a"] or found["b"] or found["c"] or found["d"]
    state.pos = found.end()
    return True
