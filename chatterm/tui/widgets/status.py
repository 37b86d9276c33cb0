"""The line below the composer: at the left what is going on, at the right model and context."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from chatterm.tui.widgets.rows import fit, one_line

_NAME = 24
"""Cells that a model's name may take; more only where half of the room is more."""
_SHORTEST = 9
"""Cells of a name; what is cut to less tells nobody anything."""
FULL = 0.9
NEARLY = 0.75


@dataclass(frozen=True, slots=True)
class Status:
    """What the line says. None and empty say nothing."""

    hints: tuple[tuple[str, str], ...] = ()
    """Key and what it does, the most useful first."""
    message: str = ""
    """In the place of the hints, while it matters."""
    warning: bool = False
    model: str = ""
    used: int | None = None
    """Tokens of the context that are taken."""
    exact: bool = True
    total: int | None = None
    speed: float | None = None
    """Tokens a second."""
    first_ms: float | None = None
    others: int = 0
    """Answers that are being written in chats not shown."""
    memory_mb: float = 0.0
    """What the engine takes."""
    mode: str = ""
    """Of the composer, where it has modes."""


class StatusLine(Widget):
    """One row."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    StatusLine {
        height: 1; padding: 0; color: $muted;
        & > .status--key { color: $foreground; }
        & > .status--warning { color: $text-warning; text-style: bold; }
        & > .status--full { color: $text-error; text-style: bold; }
    }
    """
    COMPONENT_CLASSES = {"status--key", "status--warning", "status--full"}

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.status = Status()

    def say(self, status: Status) -> None:
        if status != self.status:
            self.status = status
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        right = self._right(width)
        taken = sum(segment.cell_length for segment in right)
        left = self._left(max(width - taken - 3, 0))
        used = sum(segment.cell_length for segment in left)
        base = self.rich_style
        gap = Segment(" " * max(width - 1 - used - taken, 0), base)
        line = [Segment(" ", base), *left, gap, *right]
        return Strip(line).adjust_cell_length(width, base)

    def _left(self, width: int) -> list[Segment]:
        base = self.rich_style
        status = self.status
        segments: list[Segment] = []
        if status.mode:
            segments.append(Segment(f"{status.mode}  ", base + self._style("status--key")))
        room = width - sum(segment.cell_length for segment in segments)
        if status.message:
            style = base + self._style("status--warning") if status.warning else base
            return [*segments, Segment(fit(one_line(status.message), max(room, 0)), style)]
        for key, what in status.hints:
            needed = cell_len(f"{key} {what}  ")
            if needed > room:
                break
            room -= needed
            segments += [
                Segment(key, base + self._style("status--key")),
                Segment(f" {what}  ", base),
            ]
        return segments

    def _right(self, width: int) -> list[Segment]:
        """The parts that fit; the model's name and the context are the last to go."""
        base = self.rich_style
        said = cell_len(self.status.message) + 4
        # Who is new needs the keys more than the figures.
        most = max(width - said if self.status.message else max(width * 9 // 20, width - 52), 12)
        shown: list[tuple[str, Style]] = []
        room = most
        for text, style in self._parts(most):
            if cell_len(text) + 3 > room:
                continue
            room -= cell_len(text) + 3
            shown.append((text, style))
        segments: list[Segment] = []
        for text, style in reversed(shown):
            segments += [Segment(" · " if segments else "", base), Segment(text, style)]
        return [*segments, Segment(" ", base)]

    def _parts(self, room: int) -> list[tuple[str, Style]]:
        """Right to left, in the order in which room is given to them."""
        base = self.rich_style
        status = self.status
        context = self._meter()
        left = room - sum(cell_len(text) + 3 for text, _ in context) - 3
        name = fit(one_line(status.model), max(_NAME, room // 2))
        parts = [(fit(name, left) if left >= _SHORTEST else name, base)] if name else []
        parts += context
        if status.speed is not None:
            parts.append((f"{status.speed:.0f} tok/s", base))
        if status.first_ms is not None:
            parts.append((f"first {seconds(status.first_ms)}", base))
        if status.memory_mb:
            parts.append((f"engine {megabytes(status.memory_mb)}", base))
        if status.others:
            parts.append((f"{status.others} more writing", base))
        return parts

    def _meter(self) -> list[tuple[str, Style]]:
        """How much of it is taken, coloured where that is much; nothing where nobody knows."""
        base = self.rich_style
        status = self.status
        if not status.used:
            return []
        used = f"{'' if status.exact else '~'}{tokens(status.used)}"
        if not status.total:
            return [(f"{used} tokens", base)]
        share = status.used / status.total
        name = "status--full" if share >= FULL else "status--warning"
        style = base + self._style(name) if share >= NEARLY else base
        return [(f"{used}/{tokens(status.total)}", style)]

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True)


def brief(model: str) -> str:
    """A model's name as part of a sentence in the line."""
    return fit(model, _NAME)


def megabytes(count: float) -> str:
    return f"{count / 1000:.1f} GB" if count >= 1000 else f"{count:.0f} MB"


def tokens(count: int) -> str:
    """A count as a narrow line shows it: 950, 1.2k, 128k."""
    if count < 1000:
        return str(count)
    thousands = count / 1000
    return f"{thousands:.1f}k" if thousands < 10 else f"{thousands:.0f}k"


def seconds(milliseconds: float) -> str:
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1000:.1f} s"
