"""Lines between transcript and composer: what waits, what is edited, what will be left out."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content
from textual.widgets import Static

from chatterm.render.sanitise import sanitise

_MOST = 4


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to know now."""

    text: str
    right: str = ""
    """What can be done about it."""
    warning: bool = False


class Banner(Static):
    """Not there while there is nothing to say."""

    DEFAULT_CSS = """
    Banner { height: auto; max-height: 8; padding: 0 2; display: none; color: $muted; }
    """

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self._said: tuple[Notice, ...] = ()

    @property
    def said(self) -> tuple[Notice, ...]:
        return self._said

    def say(self, notices: tuple[Notice, ...]) -> None:
        if notices == self._said:
            return
        self._said = notices
        self.display = bool(notices)
        lines = []
        for notice in notices[:_MOST]:
            sign = "! " if notice.warning else "· "
            style = "$text-warning" if notice.warning else ""
            line = Content.styled(sign + sanitise(notice.text), style)
            if notice.right:
                line += Content.styled(f"  {notice.right}", "dim")
            lines.append(line)
        self.update(Content("\n").join(lines))
