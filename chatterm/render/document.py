"""A text that still grows, as rows. Drawing it again costs what its open end costs.

The block phase of CommonMark goes line by line: a block is closed for ever once a whole line has
opened the one after it. Closed blocks are frozen rows; the same holds for the items of a list at
the top, the rows of a table once its widths are known, the lines of a fence, and the pieces of a
paragraph at the top. An unfinished line freezes nothing, since `#` is a heading and `#tag` is not;
but what may follow a long line is known. A paragraph in a quote or an item is read again from its
beginning, up to a length at which it is cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.segment import Segment

from chatterm.render.blocks import Carried, Drawing, Leaf, draw
from chatterm.render.layout import Layout, Prefix
from chatterm.render.line import Line
from chatterm.render.open_blocks import OpenBlock, open_fence, open_formula, open_html
from chatterm.render.parser import LONGEST_HEAD, Env, Node, blocks
from chatterm.render.sanitise import Cleaner
from chatterm.render.theme import Theme

_TOP = Prefix()
_TEXTS = ("paragraph", "heading")
_LONG_TAIL = 60_000
"""Characters of one block after which it is cut, so that even nonsense stays quick."""
_LONG_FORMULA = 1_000
"""Characters of an open formula from which on it is drawn line by line."""


@dataclass(slots=True)
class _List:
    """The list at the top whose first items are frozen."""

    number: int
    """Of the next item."""
    gap: bool
    """Whether an empty row stands before it."""


@dataclass(slots=True)
class _Table:
    """The table at the top whose first rows are frozen."""

    carried: Carried


@dataclass(slots=True)
class _Paragraph:
    """The paragraph at the top whose first rows are frozen."""

    carried: tuple[Segment, ...]
    """What stands already on the row that is open."""


class StreamDoc:
    """Rows of Markdown that comes in pieces; the end equals ``markdown.render`` of the whole."""

    def __init__(self, width: int, theme: Theme, layout: Layout | None = None) -> None:
        self.layout = layout or Layout(width)
        self.theme = theme
        self.lines: list[Line] = []
        """All rows, frozen and open. Not to be changed by whoever reads them."""
        self.settled = 0
        """How many rows at the start can no longer change in their words."""
        self._cleaner = Cleaner()
        self._drawing = Drawing(self.layout, theme)
        self._source: list[str] = []
        self._fresh: list[str] = []
        self._tail = ""
        self.frozen = 0
        """How many rows at the start belong to blocks that are closed."""
        self._above = False
        self._list: _List | None = None
        self._table: _Table | None = None
        self._paragraph: _Paragraph | None = None
        self._head = ""
        """What every later parse of a table or a paragraph needs before the tail: the table's first
        two lines, or any word in the place of those that are frozen."""
        self._open: OpenBlock | None = None
        self._links: dict[str, Any] = {}
        self._dirty = 0

    def append(self, text: str) -> None:
        """More of the text; it may be cut anywhere."""
        self._fresh.append(self._cleaner.feed(text))

    def render(self) -> tuple[int, int]:
        """Draw what came. The first row that differs from before, and how many rows there are."""
        self._dirty = len(self.lines)
        self._take(self._fresh)
        while self._draw(is_end=False):
            pass
        return self._dirty, len(self.lines)

    def finish(self, *, relink: bool = True) -> tuple[int, int]:
        """The text is whole. Links whose definition came late are settled, if ``relink``."""
        self._dirty = len(self.lines)
        self._take([*self._fresh, self._cleaner.finish()])
        while self._draw(is_end=True):
            pass
        if relink and self._drawing.env.get("references") and self.frozen:
            lines = draw("".join(self._source), self._drawing.layout, self.theme)
            self._replace(0, lines)
        self.frozen = self.settled = len(self.lines)
        return self._dirty, len(self.lines)

    def resized(self, width: int, layout: Layout) -> StreamDoc:
        """The rest of the text at another width: the block that is open, and what follows it."""
        other = StreamDoc(width, self.theme, layout)
        other._cleaner, other._fresh, other._links = self._cleaner, self._fresh, self._links
        other._above = self._above or self.frozen > 0
        other._tail = (self._head if self._table else "") + self._tail
        other._list = self._list
        if self._paragraph is not None:
            other._paragraph, other._head = self._paragraph, self._head
        if self._open is not None:
            other._open = self._open.again(other._drawing)
        return other

    def _take(self, parts: list[str]) -> None:
        text = "".join(parts)
        self._fresh = []
        self._source.append(text)
        self._tail += text

    def _draw(self, *, is_end: bool) -> bool:
        """Draw the tail; whether something closed or began that asks for another look."""
        if self._open is not None:
            return self._draw_open(self._open, is_end=is_end)
        whole = self._tail.rfind("\n") + 1
        text = self._tail
        if not is_end and not text[whole:].strip(" \t"):
            text = text[:whole]  # blanks alone say nothing yet about their line
        text = self._head + text
        source = text.split("\n")
        if not source[-1]:
            source.pop()
        whole_lines = len(source) if is_end else text.count("\n")
        nodes = self._parse(text)
        rows = self._draw_nodes(nodes, source, None if is_end else whole_lines)
        self._replace(self.frozen, self._drawing.lines)
        self._settle(whole_lines)
        if is_end:
            return False
        return self._freeze(nodes, rows, source, whole_lines)

    def _env(self) -> Env:
        return {"references": dict(self._links), LONGEST_HEAD: self.layout.piece}

    def _parse(self, text: str) -> list[Node]:
        env = self._env()
        nodes = blocks(text, env)
        if env["references"] != self._drawing.env.get("references", {}):
            self._drawing.forget()
        self._drawing.env = env
        return nodes

    def _draw_nodes(
        self, nodes: list[Node], source: list[str], whole_lines: int | None
    ) -> list[int]:
        """Draw the blocks of the tail; the row where each begins, before the gap above it."""
        drawing = self._drawing
        drawing.begin(source, whole=whole_lines)
        rows = []
        for at, node in enumerate(nodes):
            rows.append(len(drawing.lines))
            carries = at == 0
            if carries and self._table:
                drawing.table(node, _TOP, self._table.carried)
                continue
            if carries and self._paragraph:
                rest = node.content[len(self._head) :]
                drawing.rest_of_paragraph(rest, self._paragraph.carried)
                continue
            number = self._list.number if carries and self._list else None
            has_gap = self._above or self.frozen + rows[-1] > 0
            has_gap = self._list.gap if carries and self._list else has_gap
            drawing.block_after(node, has_gap=has_gap, number=number)
        return rows

    def _replace(self, start: int, lines: list[Line]) -> None:
        """Put rows in the place of those from ``start``; the dirty ones begin where they differ."""
        before = self.lines
        common = min(len(before) - start, len(lines))
        same = 0
        while same < common:
            old, new = before[start + same], lines[same]
            if old is not new and old != new:
                break
            same += 1
        if same < len(lines) or start + same < len(before):
            self._dirty = min(self._dirty, start + same)
            before[start + same :] = lines[same:]

    def _settle(self, whole_lines: int) -> None:
        for leaf in reversed(self._drawing.leaves):
            if leaf.node.opened < whole_lines or self._is_long(leaf, whole_lines):
                self.settled = max(self.settled, self.frozen + leaf.row + leaf.settled)
                return

    def _freeze(
        self, nodes: list[Node], rows: list[int], source: list[str], whole_lines: int
    ) -> bool:
        """Close what can be closed; whether the tail must be looked at again."""
        if not nodes:
            return False
        last = nodes[-1]
        if len(nodes) == 1 and self._freeze_pieces(last, source, whole_lines):
            return True
        new_links = len(self._drawing.env["references"]) > len(self._links)
        # The title of a definition may go on over lines that look like a paragraph.
        is_loose = not new_links or not last.start or not source[last.start - 1].strip()
        is_begun = last.opened < whole_lines or (
            last.kind in _TEXTS and self._is_long(self._drawing.leaves[-1], whole_lines)
        )
        is_certain = is_begun and is_loose
        if len(nodes) > 1 and is_certain:
            self._cut(source, last.start, rows[-1], new_links=new_links)
            return True
        if len(nodes) > 1 or not is_certain:
            return self._force(source, whole_lines)
        match last.kind:
            case "bullet_list" | "ordered_list":
                done = self._freeze_items(last, source, whole_lines, new_links=new_links)
            case "table":
                done = self._freeze_rows(last, source, whole_lines, new_links=new_links)
            case _:
                done = self._enter(last, source, new_links=new_links)
        return done or self._force(source, whole_lines)

    def _cut(self, source: list[str], line: int, row: int, *, new_links: bool) -> None:
        """Freeze the tail's first rows; the tail begins with that line of ``source`` from now."""
        text = "\n".join(source[:line]) + "\n" if line else ""
        if new_links:
            env = self._env()
            blocks(text, env)
            self._links = env["references"]
        self._tail = self._tail[max(len(text) - len(self._head), 0) :]
        self.frozen += row
        self.settled = max(self.settled, self.frozen)
        self._list = self._table = self._paragraph = None
        self._head = ""

    def _is_long(self, leaf: Leaf, whole_lines: int) -> bool:
        """Whether a leaf is so long a paragraph that it will stay one."""
        node = leaf.node
        if node.kind not in _TEXTS or not leaf.settled:
            return False
        if self._head and not node.start:
            return True
        # A definition of a link may go on over many lines; HTML and a formula may yet end theirs.
        signs = "[" if node.start < whole_lines else ("[", "<", "$$", "\\[")
        return not node.content.startswith(signs)

    def _freeze_pieces(self, node: Node, source: list[str], whole_lines: int) -> bool:
        """Freeze the settled rows of a long paragraph, and forget its words but for one.

        The word makes what follows go on with a paragraph, which some lines may interrupt and some
        may not; it is too long for the head of a table, as what is settled is known to be none.
        """
        if node.kind not in _TEXTS or node.start or self._table:
            return False
        leaf = self._drawing.leaves[-1]
        if not self._is_long(leaf, whole_lines):
            return False
        content = leaf.node.content
        blanks = 0 if self._head else len(source[0]) - len(source[0].lstrip())
        forgotten = content[: leaf.cut]
        if self._tail[blanks : blanks + leaf.cut] != forgotten:
            return False
        last = forgotten[-1]
        self._head = "x" * (self.layout.piece + 1) + (last if last.isspace() else "")
        self._tail = self._tail[blanks + leaf.cut :]
        self._paragraph = _Paragraph(leaf.carried)
        self.frozen += leaf.row + leaf.settled
        self.settled = max(self.settled, self.frozen)
        return True

    def _freeze_items(
        self, node: Node, source: list[str], whole_lines: int, *, new_links: bool
    ) -> bool:
        items = self._drawing.items
        for at in range(len(items) - 1, 0, -1):
            item, row = items[at]
            is_blank = self._drawing.is_blank(item.start - 1)
            if item.start < whole_lines and (is_blank or not new_links):
                first = self._list.number if self._list else int(node.info or 0)
                self._cut(source, item.start, row, new_links=new_links)
                self._list = _List(first + at, is_blank)
                return True
        return False

    def _freeze_rows(
        self, node: Node, source: list[str], whole_lines: int, *, new_links: bool
    ) -> bool:
        rows = [row for row in node.children[1:] if row.end <= whole_lines]
        drawn = self._table.carried.rows if self._table else 0
        layout = self._drawing.columns
        if not rows or drawn + len(rows) < self.layout.sample or layout is None:
            return False
        head = "\n".join(source[node.start : node.start + 2]) + "\n"
        end = self._drawing.table_rows[len(rows) - 1]
        self._cut(source, rows[-1].end, end, new_links=new_links)
        self._table, self._head = _Table(Carried(layout, drawn + len(rows))), head
        return True

    def _enter(self, node: Node, source: list[str], *, new_links: bool) -> bool:
        """Leave the parser's hands with a block that only its own lines can close."""
        line, drawing = source[node.start], self._drawing
        start = node.start
        block: OpenBlock | None = None
        if node.kind == "fence" and drawing.is_open(node):
            block = open_fence(line, node.info, drawing)
            start += 1
        elif node.kind == "html_block":
            block = open_html(line, drawing)
        elif node.kind == "math_block" and len(self._tail) > _LONG_FORMULA:
            block = open_formula(line, drawing)
        if block is None:
            return False
        self._cut(source, start, drawing.leaves[-1].row, new_links=new_links)
        self._open = block
        return True

    def _draw_open(self, block: OpenBlock, *, is_end: bool) -> bool:
        content = self._tail
        whole = content.rfind("\n") + 1
        if is_end:
            # The parser drops a last line of blanks; so must we.
            whole = len(content) if content[whole:].strip(" \t") else whole
            content = content[:whole]
        after = block.feed(content, whole, is_end=is_end)
        self._replace(self.frozen + block.fresh, [*block.done[block.fresh :], *block.open])
        if block.certain or after is not None:
            self.settled = max(self.settled, self.frozen + len(block.done))
        if after is None:
            return False
        self.frozen += len(block.done)
        self._tail = content[after:]
        self._open = None
        return True

    def _force(self, source: list[str], whole_lines: int) -> bool:
        """Close a block that has become monstrous, at the end of its last whole line."""
        text = "\n".join(source[:whole_lines]) + "\n"
        if len(self._tail) < _LONG_TAIL or not whole_lines or len(text) <= len(self._head):
            return False
        nodes = self._parse(text)
        self._draw_nodes(nodes, text.split("\n"), None)
        self._replace(self.frozen, self._drawing.lines)
        new_links = len(self._drawing.env["references"]) > len(self._links)
        self._cut(source, whole_lines, len(self._drawing.lines), new_links=new_links)
        return True


def render(text: str, width: int, theme: Theme, layout: Layout | None = None) -> list[Line]:
    """The rows of a whole text."""
    layout = layout or Layout(width)
    cleaner = Cleaner()
    clean = cleaner.feed(text) + cleaner.finish()
    if len(clean) < _LONG_TAIL:
        return draw(clean, layout, theme)
    # What is that long is drawn, and cut, as if it came in pieces.
    document = StreamDoc(width, theme, layout)
    for start in range(0, len(text), _LONG_TAIL // 4):
        document.append(text[start : start + _LONG_TAIL // 4])
        document.render()
    document.finish(relink=False)
    return document.lines
