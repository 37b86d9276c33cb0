"""The rows of a chat that are in sight: which they are, what they look like, and how one moves.

The truth of the reader's place is (turn, row in it), never a scroll offset: heights of turns that
were not drawn are estimates, which are corrected without moving the reader. `Transcript` adds what
a reader can do.
"""

from __future__ import annotations

from typing import TypeAlias

from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scrollbar import ScrollDown, ScrollTo, ScrollUp
from textual.strip import Strip
from textual.widget import Widget

from chatterm.render.line import Line
from chatterm.tui.widgets.rendering import look_of
from chatterm.tui.widgets.turn_rows import TurnRows
from chatterm.tui.widgets.turns import Look

Place: TypeAlias = tuple[int, int]
"""A turn and a row in it."""

GUTTER = 2
"""The columns before every row, where the cursor's bar stands."""
SHIFT = 20
"""The bits of a selection's row; the turn stands above them."""
_STRIPS = 4_000


class TurnView(TurnRows):
    """Turns on a screen, drawn when they come into sight."""

    DEFAULT_CSS = """
    TurnView {
        overflow-y: scroll;
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
    }
    """

    class Followed(Message, namespace="transcript"):
        """The end came into sight and stays there, or is left."""

        def __init__(self, following: bool) -> None:
            super().__init__()
            self.following = following

    def __init__(self, look: Look | None, widget_id: str | None) -> None:
        super().__init__(look, widget_id)
        self._own_look = look is not None
        self._top: Place = (0, 0)
        self._following = True
        self._view: list[Place | None] = []
        self._at = -1
        self._strips: dict[int, tuple[Line, Strip]] = {}
        self._painting = False
        self._quiet = False

    # What whoever extends this may change

    def marked(self, line: Line, place: Place) -> list[Segment] | None:
        """The segments of a row that something is marked in; None where nothing is."""
        return None

    def width_changed(self) -> None:
        """Rows are no longer where they were."""

    def texts_came(self) -> None:
        self._lay_out()

    def _forget(self) -> None:
        super()._forget()
        self._strips.clear()

    # The reader's place

    @property
    def following(self) -> bool:
        return self._following

    def _set_following(self, following: bool) -> None:
        if following != self._following:
            self._following = following
            self.post_message(self.Followed(following))

    def _lay_out(self, *, step: int = 0) -> None:
        """Find out what is in sight, and draw all of it."""
        if not self._width:
            return
        self._settle_top(step)
        self._see()
        self.refresh_rows(0, self.size.height)

    def _settle_top(self, step: int) -> None:
        """Put the top where it belongs: a real row, and the end at the end when followed."""
        if not self._turns:
            self._top = (0, 0)
            return
        self._top = self._walked(self._top, 0)
        end = self._bottom()
        if self._following and step:
            if self._rows_from(self._top, self.size.height) > self.size.height:
                self._top = self._walked(end, min(step, self.size.height // 3))
        elif self._following or self._top > end:
            self._top = end

    def _bottom(self) -> Place:
        """The top row when the last row is at the end of the screen."""
        rows = self.size.height
        for number in range(len(self._turns) - 1, -1, -1):
            height = len(self.drawn(number))
            if height >= rows:
                return number, height - rows
            rows -= height
        return 0, 0

    def _walked(self, place: Place, rows: int) -> Place:
        """The place so many rows further; every turn on the way is drawn, so it is exact."""
        turn, row = place
        turn = min(max(0, turn), len(self._turns) - 1)
        row += rows
        while row < 0 and turn > 0:
            turn -= 1
            row += len(self.drawn(turn))
        row = max(0, row)
        while row >= (height := len(self.drawn(turn))):
            if turn == len(self._turns) - 1:
                return turn, max(0, height - 1)
            row -= height
            turn += 1
        return turn, row

    def _rows_from(self, place: Place, limit: int) -> int:
        """How many rows there are from a place to the end, counted up to a limit."""
        turn, row = place
        rows = -row
        while turn < len(self._turns) and rows <= limit:
            rows += len(self.drawn(turn))
            turn += 1
        return rows

    def _see(self) -> None:
        """Which row of which turn stands on each row of the screen."""
        view: list[Place | None] = []
        height = self.size.height
        turn, row = self._top
        while len(view) < height and turn < len(self._turns):
            rows = min(len(self.drawn(turn)), row + height - len(view))
            view += [(turn, at) for at in range(row, rows)]
            turn, row = turn + 1, 0
        self._view = view + [None] * (height - len(view))
        self._sync_bar()

    def place_at(self, y: int) -> Place | None:
        return self._view[y] if 0 <= y < len(self._view) else None

    def _sync_bar(self) -> None:
        """Tell the scroll bar, without the layout that a changed virtual size would cost."""
        total = max(self._heights.total, self.size.height)
        position = self._heights.before(self._top[0]) + self._top[1] if self._turns else 0
        self._quiet = True
        try:
            self.set_reactive(Widget.virtual_size, Size(self.size.width, total))
            self.set_reactive(Widget.scroll_y, float(position))
            self.set_reactive(Widget.scroll_target_y, float(position))
            bar = self.vertical_scrollbar
            bar.window_virtual_size = total
            bar.window_size = self.size.height
            bar.position = position
        finally:
            self._quiet = False

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The scroll bar was dragged, or something else scrolled: a jump by the estimates."""
        if self._quiet or not self._turns or round(old_value) == round(new_value):
            return
        at_end = new_value >= self.max_scroll_y
        self._top = self._heights.at(round(new_value))
        self._set_following(at_end)
        self._lay_out()

    def scroll_rows(self, rows: int) -> None:
        """Move by rows, exactly."""
        if not self._turns or not self._width:
            return
        before = self._top
        self._top = self._walked(self._top, rows)
        end = self._bottom()
        if rows > 0 and self._top >= end:
            self._top = max(before, end)
            self._set_following(True)
        elif rows < 0:
            self._set_following(False)
        self._see()
        if self._top != before:
            self.refresh_rows(0, self.size.height)

    def page(self, direction: int) -> None:
        self.scroll_rows(direction * max(1, self.size.height - 2))

    def go_home(self) -> None:
        self._top = (0, 0)
        self._set_following(False)
        self._lay_out()

    def follow(self) -> None:
        """Go to the end, and stay there while it grows."""
        self._set_following(True)
        self._lay_out()

    def _on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        event.prevent_default()
        self.scroll_rows(3)

    def _on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        event.prevent_default()
        self.scroll_rows(-3)

    # The scroll bar: Textual would glide, and go on where a key has gone elsewhere meanwhile

    def _on_scroll_up(self, event: ScrollUp) -> None:
        event.stop()
        event.prevent_default()
        self.page(-1)

    def _on_scroll_down(self, event: ScrollDown) -> None:
        event.stop()
        event.prevent_default()
        self.page(1)

    def _on_scroll_to(self, message: ScrollTo) -> None:
        message.stop()
        message.prevent_default()
        self.scroll_to(y=message.y, animate=False)

    # Painting

    def on_mount(self) -> None:
        self._follow_theme()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()
        if self.is_attached and self.is_running:
            self._follow_theme()

    def _follow_theme(self) -> None:
        if self._own_look:
            return
        look = look_of(self.app.theme_variables)
        if look != self.look:
            self.look = look
            self._forget()
            self._lay_out()

    def on_resize(self) -> None:
        width = self.scrollable_content_region.width - GUTTER
        if width == self._width:
            self._lay_out()
            return
        is_kept = self._width and not self._following and self._turns
        passed = self.drawn(self._top[0]).passed(self._top[1]) if is_kept else 0
        self._width = width
        self._forget()
        self.width_changed()
        if is_kept:
            self._top = (self._top[0], self.drawn(self._top[0]).row_of(passed))
        self._lay_out()

    def render_lines(self, crop: Region) -> list[Strip]:
        # Offsets are for finding out what is under the mouse; painting does without them.
        self._painting = True
        try:
            return super().render_lines(crop)
        finally:
            self._painting = False

    def render_line(self, y: int) -> Strip:
        place = self.place_at(y)
        width = self.size.width
        if place is None:
            return Strip.blank(width, self.rich_style)
        line = self.drawn(place[0]).line(place[1])
        segments = self.marked(line, place)
        if segments is None:
            strip = self._strip(line, width, is_current=place[0] == self._at)
        else:
            strip = self._made(segments, line, width)
        key = place[0] << SHIFT | place[1]
        return strip if self._painting else strip.apply_offsets(0, key)

    def _strip(self, line: Line, width: int, *, is_current: bool) -> Strip:
        key = id(line) << 1 | is_current
        known = self._strips.get(key)
        if known is not None and known[0] is line and known[1].cell_length == width:
            return known[1]
        strip = self._made(self._with_gutter(line, is_current), line, width)
        if len(self._strips) > _STRIPS:
            self._strips.clear()
        self._strips[key] = (line, strip)
        return strip

    def _with_gutter(self, line: Line, is_current: bool) -> list[Segment]:
        bar = Segment("▌ ", self.look.cursor) if is_current else Segment("  ")
        return [bar, *line.segments]

    def _made(self, segments: list[Segment], line: Line, width: int) -> Strip:
        filled = line.width + GUTTER
        if filled < width:
            ground = line.ground if line.ground.bgcolor else None
            segments = [*segments, Segment(" " * (width - filled), ground)]
        strip = Strip(segments, max(filled, width))
        return strip.crop(0, width).apply_style(self.rich_style)

    def refresh_rows(self, y: int, count: int) -> None:
        """Draw rows of the screen again."""
        self.refresh(Region(0, y, self.outer_size.width, count))

    def _refresh_turns(self, *numbers: int) -> None:
        rows = [y for y, seen in enumerate(self._view) if seen is not None and seen[0] in numbers]
        if rows:
            self.refresh_rows(rows[0], rows[-1] - rows[0] + 1)
