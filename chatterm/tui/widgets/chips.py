"""The pictures that go with the next message, each to be left out by a click or a key."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content as Words
from textual.message import Message
from textual.widgets import Static

from chatterm.tui.pictures import Picture
from chatterm.tui.widgets.rows import one_line


class Chips(Static):
    """Not there while there is nothing to send along."""

    DEFAULT_CSS = """
    Chips {
        height: auto; max-height: 3; padding: 0 2; display: none; color: $foreground;
        link-style: none; link-background: $panel; link-color: $foreground;
    }
    """

    class Removed(Message):
        """A chip was clicked."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self) -> None:
        super().__init__("", markup=False)

    def say(self, pictures: Sequence[Picture], key: str) -> None:
        """Show these; ``key`` takes the last one back."""
        self.display = bool(pictures)
        words = Words("")
        for number, picture in enumerate(pictures):
            label = f" {one_line(picture.path.name)} {size_text(len(picture.content.data))} ✕ "
            chip = Words.styled(label, "$foreground on $panel").stylize(f"@click=chip({number})")
            words += chip + Words(" ")
        if pictures:
            words += Words.styled(f"{key} takes it back", "dim")
        self.update(words)

    def action_chip(self, number: int) -> None:
        self.post_message(self.Removed(number))


def size_text(size: int) -> str:
    """Bytes as a person reads them."""
    if size >= 1e8:
        return f"{size / 1e9:.1f} GB"
    if size >= 1e6:
        return f"{size / 1e6:.1f} MB"
    return f"{size / 1e3:.0f} kB" if size >= 1000 else f"{size} bytes"
