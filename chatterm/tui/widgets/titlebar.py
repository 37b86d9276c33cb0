"""The first line: which chat this is."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from chatterm.tui.widgets.rows import fit, one_line


class TitleBar(Widget):
    """One row; the title at the left, the model at the right."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    TitleBar {
        height: 1; color: $muted; background: $background;
        & > .titlebar--title { color: $foreground; text-style: bold; }
    }
    """
    COMPONENT_CLASSES = {"titlebar--title"}

    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        self.right = ""

    def say(self, title: str, right: str) -> None:
        if (title, right) != (self.title, self.right):
            self.title, self.right = title, right
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style
        style = base + self.get_component_rich_style("titlebar--title", partial=True)
        right = fit(one_line(self.right), max(width // 2 - 2, 0))
        title = fit(one_line(self.title), max(width - cell_len(right) - 4, 0))
        gap = width - cell_len(title) - cell_len(right) - 2
        segments = [
            Segment(" ", base),
            Segment(title, style),
            Segment(" " * max(gap, 1), base),
            Segment(right, base),
        ]
        return Strip(segments).adjust_cell_length(width, base)
