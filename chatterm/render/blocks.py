"""Draws blocks as lines. Leaves are remembered, so drawing a text again costs what has changed.

A leaf is drawn with its decoration (bars, bullets, indentation), so that a remembered leaf is
ready. Three rules keep what is drawn from changing when a text grows: blank rows between the blocks
of an item follow its source and not the whole list, widths of tables come from their first rows,
and long paragraphs are drawn in pieces.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from chatterm.render import math
from chatterm.render.code import Spans, language_of
from chatterm.render.codeblock import CodeBlocks, GrowingBlock
from chatterm.render.inline import spans
from chatterm.render.layout import NARROWEST, Layout, Prefix, decorated, wrapped
from chatterm.render.line import EMPTY, Line, line_of
from chatterm.render.parser import LONGEST_HEAD, Env, Node, blocks
from chatterm.render.pieces import pieces
from chatterm.render.table import Cell, Columns, Table, columns
from chatterm.render.theme import NULL, Theme
from chatterm.render.wrap import Row, Span, chop, wrap

_BULLETS = "•◦▪"
_ROOM = 12
"""The room that indentation must leave to the text."""
_REMEMBERED = 2_000


@dataclass(slots=True)
class Leaf:
    """Where a leaf was drawn, and how many of its rows can no longer change."""

    node: Node
    row: int
    settled: int = 0
    cut: int = 0
    """Characters of a paragraph that these rows show."""
    carried: tuple[Segment, ...] = ()
    """What they left over for the row that follows."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What is known of a table whose first rows are drawn already."""

    layout: Columns
    rows: int


class Drawing:
    """Draws the blocks of one text. ``env`` holds its link definitions."""

    def __init__(self, layout: Layout, theme: Theme) -> None:
        self.layout = replace(layout, width=max(layout.width, NARROWEST))
        self.theme = theme
        self.env: Env = {LONGEST_HEAD: layout.piece}
        self.lines: list[Line] = []
        self.leaves: list[Leaf] = []
        self.items: list[tuple[Node, int]] = []
        """The items of the last top-level list, and where each begins, the gap above included."""
        self.columns: Columns | None = None
        """Of the last table."""
        self.table_rows: list[int] = []
        """Where each of its rows ends."""
        self.code = CodeBlocks(self.layout.width, theme)
        self._known: dict[Hashable, list[Line]] = {}
        self._used: dict[Hashable, list[Line]] = {}
        self._cells: dict[str, list[Span]] = {}
        self._pieces: dict[Hashable, tuple[list[Row], tuple[Segment, ...]]] = {}
        self._growing: GrowingBlock | None = None
        self._limit = max(self.layout.width - _ROOM, self.layout.width // 2)
        self._source: Sequence[str] = ()
        self._whole: int | None = None

    def begin(self, source: Sequence[str], *, whole: int | None = None) -> None:
        """Start over with the lines of a source; of a text that grows ``whole`` are complete."""
        self.lines = []
        self.leaves = []
        self.items = []
        self._known, self._used = self._used, {}
        if len(self._cells) > _REMEMBERED:
            self._cells = {}
        if len(self._pieces) > _REMEMBERED:
            self._pieces = {}
        self._source = source
        self._whole = whole

    def forget(self) -> None:
        """Link definitions have changed, so nothing remembered holds."""
        self._known, self._used, self._cells, self._pieces = {}, {}, {}, {}

    def block(
        self, node: Node, prefix: Prefix, *, number: int | None = None, top: bool = False
    ) -> None:
        """Add the rows of a block. ``number`` goes on with the numbers of a list."""
        match node.kind:
            case "bullet_list" | "ordered_list":
                self._list(node, prefix, number, top)
            case "blockquote":
                bar = Segment("│ ", self.theme.bar)
                self._children(node.children, prefix.inside(bar, bar, self._limit), spaced=True)
            case "table":
                self.table(node, prefix)
            case _:
                leaf = Leaf(node, len(self.lines))
                self.leaves.append(leaf)
                self._leaf(node, prefix, leaf)

    def block_after(self, node: Node, *, has_gap: bool, number: int | None = None) -> None:
        """Add a block of the top, below an empty row if one is due and the block shows anything."""
        if has_gap:
            self.lines.append(EMPTY)
        before = len(self.lines)
        self.block(node, Prefix(), number=number, top=True)
        if has_gap and len(self.lines) == before:
            self.lines.pop()

    def gap(self, prefix: Prefix) -> None:
        """An empty row between two blocks."""
        bars = [segment for segment in prefix.rest if not segment.text.isspace()]
        if not bars:
            self.lines.append(EMPTY)
            return
        text = "".join(segment.text for segment in prefix.rest)
        self.lines.append(line_of(prefix.rest, len(text)))

    def table(self, node: Node, prefix: Prefix, carried: Carried | None = None) -> None:
        """Draw a table; of one that is carried only the rows that are not drawn yet."""
        leaf = Leaf(node, len(self.lines))
        self.leaves.append(leaf)
        head, *rows = node.children
        width = self.layout.width - prefix.width
        heads = self._row_cells(head, self.theme.table_head)
        if carried:
            layout = carried.layout
        else:
            sample = [self._row_cells(row) for row in rows[: self.layout.sample]]
            layout = columns([heads, *sample], width)
        self.columns = layout
        table = Table(heads, layout, node.aligns, width, self.theme)
        drawn = carried.rows if carried else 0
        key = ("table", layout, node.aligns, tuple(cell.content for cell in head.children))
        if not carried:
            self._add((*key, prefix), lambda: decorated(table.top(), prefix))
        self.table_rows = []
        for at, row in enumerate(rows):
            before = prefix.next() if len(self.lines) > leaf.row else prefix
            first = at + drawn == 0
            words = tuple(cell.content for cell in row.children)
            self._add(
                (*key, before, first, words),
                lambda row=row, before=before, first=first: decorated(  # type: ignore[misc]
                    table.row(self._row_cells(row), first=first), before
                ),
            )
            self.table_rows.append(len(self.lines))
            if at + drawn >= self.layout.sample - 1 and row.end <= (self._whole or 0):
                leaf.settled = len(self.lines) - leaf.row
        if not rows and not layout.widths and not carried:
            self.lines += decorated(table.names(), prefix)

    def _row_cells(self, row: Node, base: Style | None = None) -> list[Cell]:
        style = self.theme.text if base is None else self.theme.text + base
        return [self._cell(cell.content, style) for cell in row.children]

    def _cell(self, content: str, style: Style) -> Cell:
        key = f"{id(style)}:{content}"
        found = self._cells.get(key)
        if found is None:
            found = self._cells[key] = spans(content, style, self.theme, self.env)
        return found

    def _list(self, node: Node, prefix: Prefix, number: int | None, top: bool) -> None:
        if number is None:
            number = int(node.info) if node.kind == "ordered_list" else 0
        depth = sum(segment.text.isspace() for segment in prefix.rest)
        for at, item in enumerate(node.children):
            if top:
                self.items.append((item, len(self.lines)))
            if at and self.is_blank(item.start - 1):
                self.gap(prefix)
            sign = f"{number + at}." if node.kind == "ordered_list" else _BULLETS[depth % 3]
            self._item(item, sign, prefix if at == 0 else prefix.next())

    def _item(self, item: Node, sign: str, prefix: Prefix) -> None:
        first = Segment(f"{sign} ", self.theme.bullet)
        rest = Segment(" " * cell_len(first.text))
        if item.checked is not None:
            box = "[x] " if item.checked else "[ ] "
            style = self.theme.done if item.checked else self.theme.bullet
            first = Segment(box if sign in _BULLETS else first.text + box, style)
        inside = prefix.inside(first, rest, self._limit)
        before = len(self.lines)
        self._children(item.children, inside, spaced=False)
        if len(self.lines) == before:
            self.lines += decorated([[]], inside)

    def _children(self, nodes: Sequence[Node], prefix: Prefix, *, spaced: bool) -> None:
        before = len(self.lines)
        for node in nodes:
            if len(self.lines) > before:
                prefix = prefix.next()
                if spaced or self.is_blank(node.start - 1):
                    self.gap(prefix)
            self.block(node, prefix)
        if spaced and len(self.lines) == before:
            self.lines += decorated([[]], prefix)

    def is_blank(self, line: int) -> bool:
        """Whether a line of the source is empty."""
        return 0 <= line < len(self._source) and not self._source[line].strip(" \t>")

    def _leaf(self, node: Node, prefix: Prefix, leaf: Leaf) -> None:
        match node.kind:
            case "fence":
                self._fence(node, prefix, leaf)
            case "code_block":
                self._closed(node, prefix)
            case "heading" if len(node.content) <= self.layout.piece:
                self._add(("heading", node.info, node.content, prefix), self._heading(node, prefix))
            case "paragraph" | "heading":
                self._paragraph(node, prefix, leaf)
            case "hr":
                width = self.layout.width - prefix.width
                rule = [Segment("─" * width, self.theme.frame)]
                self.lines += decorated([rule], prefix, whole=True)
            case "math_block":
                draw = functools.partial(self.formula, node.content, prefix)
                self._add(("math", node.content, prefix), draw)
            case _:
                self._add((node.kind, node.content, prefix), self._verbatim(node, prefix))

    def _heading(self, node: Node, prefix: Prefix) -> Callable[[], list[Line]]:
        def draw() -> list[Line]:
            level = min(int(node.info), 6)
            style = self.theme.headings[level - 1]
            sign: list[Span] = [("#" * level + " ", style)] if self.theme.heading_signs else []
            content = sign + spans(node.content, style, self.theme, self.env)
            rows = wrap(content, self.layout.width - prefix.width)
            return wrapped(rows or [Row((), 0, "\n")], prefix, mark="heading")

        return draw

    def rest_of_paragraph(self, content: str, carried: tuple[Segment, ...]) -> None:
        """Draw what follows the rows of a paragraph of the top that are drawn already."""
        leaf = Leaf(Node("paragraph", 0, 1, content), len(self.lines))
        self.leaves.append(leaf)
        self._paragraph(leaf.node, Prefix(), leaf, carried)

    def _paragraph(
        self, node: Node, prefix: Prefix, leaf: Leaf, carried: tuple[Segment, ...] = ()
    ) -> None:
        """Draw piece by piece: all but the last are settled, and remembered."""
        style = self.theme.quote if prefix.is_quoted else self.theme.text
        width = self.layout.width - prefix.width
        *whole, last = pieces(node.content, self.layout.piece)
        sure, at = self._sure(node.content) if whole else 0, 0
        for piece in whole:
            before = prefix if len(self.lines) == leaf.row else prefix.next()
            carried_before = carried
            rows, carried = self._piece(piece, carried, style, width)
            key = ("piece", piece, carried_before, style, before)
            self._add(key, self._rows(rows, before))
            at += len(piece)
            at += node.content[at].isspace()
            if at <= sure:
                leaf.settled = len(self.lines) - leaf.row
                leaf.cut, leaf.carried = at, carried
        before = prefix if len(self.lines) == leaf.row else prefix.next()

        def draw() -> list[Line]:
            rows = wrap(self._joined(carried, last, style), width)
            return wrapped(rows, before)

        self._add(("paragraph", last, carried, style, before), draw)

    def _sure(self, content: str) -> int:
        """Up to where a paragraph stays one: its last lines may become the head of a table."""
        *_, before, last = ["", *content.rsplit("\n", 2)]
        if len(last) > self.layout.piece:
            return len(content)
        end = len(content) - len(last)
        return end - len(before) - 1 if len(before) <= self.layout.piece else end

    def _piece(
        self, piece: str, carried: tuple[Segment, ...], style: Style, width: int
    ) -> tuple[list[Row], tuple[Segment, ...]]:
        """The whole rows of a piece, and what stands on the row it ends in."""
        key = (piece, carried, style, width)
        found = self._pieces.get(key)
        if found is None:
            *rows, last = wrap(self._joined(carried, piece, style), width)
            found = self._pieces[key] = (rows, last.spans)
        return found

    def _joined(self, carried: tuple[Segment, ...], content: str, style: Style) -> list[Span]:
        fresh = spans(content, style, self.theme, self.env) if content else []
        if not carried:
            return fresh
        before = [(segment.text, segment.style or NULL) for segment in carried]
        return [*before, (" ", style), *fresh] if fresh else before

    def _rows(self, rows: list[Row], prefix: Prefix) -> Callable[[], list[Line]]:
        return lambda: wrapped(rows, prefix)

    def formula(self, content: str, prefix: Prefix) -> list[Line]:
        """The rows of a formula that stands alone."""
        rows = []
        for text in math.display(content) or ("",):
            width = max(self.layout.width - prefix.width - 2, 1)
            for row in chop([(text, self.theme.math)], width):
                rows.append([Segment("  "), *row.spans])
        return decorated(rows or [[]], prefix)

    def _verbatim(self, node: Node, prefix: Prefix) -> Callable[[], list[Line]]:
        """HTML, and whatever else has no form of its own: as it stands."""

        def draw() -> list[Line]:
            lines: list[Spans] = [
                [(line, self.theme.html)] for line in node.content.rstrip("\n").split("\n")
            ]
            return self.code.verbatim(lines, prefix, NULL)

        return draw

    def _fence(self, node: Node, prefix: Prefix, leaf: Leaf) -> None:
        if not self.is_open(node):
            self._closed(node, prefix)
            return
        growing = self._growing
        if growing is None or not growing.continues(node, prefix):
            growing = self._growing = self.code.growing(node.info, prefix)
        growing.feed(node.content)
        self.lines += growing.done
        leaf.settled = len(growing.done)
        self.lines += growing.open

    def is_open(self, node: Node) -> bool:
        """Whether a fence may go on: it reaches the end, and no whole line has closed it."""
        if self._whole is None or node.end < len(self._source):
            return False
        inside = node.end - node.start - 2
        is_closed = not node.content or node.content.endswith("\n")
        is_closed = is_closed and node.content.count("\n") == inside
        return not (is_closed and node.end <= self._whole)

    def _closed(self, node: Node, prefix: Prefix) -> None:
        language = language_of(node.info)
        self._add(
            ("code", language, node.content, prefix),
            lambda: self.code.closed(node.content, language, prefix),
        )

    def _add(self, key: Hashable, draw: Callable[[], list[Line]]) -> None:
        found = self._used.get(key) or self._known.get(key)
        if found is None:
            found = draw()
        self._used[key] = found
        self.lines += found


def draw(text: str, layout: Layout, theme: Theme) -> list[Line]:
    """The rows of a whole text that has been made harmless."""
    drawing = Drawing(layout, theme)
    source = text.split("\n")
    nodes = blocks(text, drawing.env)
    drawing.begin(source)
    for node in nodes:
        drawing.block_after(node, has_gap=bool(drawing.lines))
    return drawing.lines
