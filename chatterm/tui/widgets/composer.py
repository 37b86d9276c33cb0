"""Where a message is written: grows with it, up to a third of the screen.

Enter sends and the readline keys edit; a key that the composer has no use for goes on to the
screen.
"""

from __future__ import annotations

from pathlib import Path

from textual import events
from textual.actions import SkipAction
from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import Selection

from chatterm.attachments.mentions import pictures_in
from chatterm.render.sanitise import sanitise
from chatterm.templates import place_after
from chatterm.tui.actions import Keymap, Where, actions_of, bind, keys_now
from chatterm.tui.enduring import Enduring
from chatterm.tui.history import History

_SKIPPING = ("copy",)
"""Actions of a text area that leave the key to the screen where they have nothing to do."""


class Composer(Enduring, TextArea):
    """A text that is being written. It selects by itself: the screen's way would take the chat."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Composer {
        height: auto; min-height: 3; max-height: 34vh; padding: 0 1;
        border: round $border-blurred; background: transparent;
        scrollbar-size-vertical: 1;
        &:focus { border: round $border; }
        & .text-area--cursor-line { background: transparent; }
        & .text-area--placeholder { color: $muted; }
    }
    """

    class Sent(Message):
        """The message is written."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Dropped(Message):
        """Paths of pictures were pasted."""

        def __init__(self, paths: list[Path]) -> None:
            super().__init__()
            self.paths = paths

    class Asked(Message):
        """A key that means something for the screen and not for the text."""

        def __init__(self, what: str) -> None:
            super().__init__()
            self.what = what

    class Commanded(Message):
        """A ``/`` command was given in another way, while something is being written."""

        def __init__(self, line: str) -> None:
            super().__init__()
            self.line = line

    class Copied(Message):
        """Something is to be put into the clipboard."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, prompts: History, keymap: Keymap) -> None:
        super().__init__(
            tab_behavior="focus", highlight_cursor_line=False, placeholder="Write a message"
        )
        self.prompts = prompts
        self.suggesting = False
        """Whether a list of completions is open, which then gets the keys."""
        self._walked_to = ""
        self._filling = False
        """Whether the text has places of a template that are still to be filled in."""
        bind(self, Where.COMPOSER, keymap)
        self._give_up_keys(keymap)
        self._own_keys = {
            key
            for action in actions_of(Where.COMPOSER)
            for key in keys_now(action, keymap).split(",")
        }

    def _give_up_keys(self, keymap: Keymap) -> None:
        """What the whole screen has a key for, a text area must not take for itself."""
        bound = self._bindings.key_to_bindings
        for action in (*actions_of(Where.CHAT), *actions_of(Where.EVERYWHERE)):
            for key in keys_now(action, keymap).split(","):
                kept = [one for one in bound.get(key, []) if one.id or one.action in _SKIPPING]
                if key in bound:
                    bound[key] = kept

    async def _on_key(self, event: events.Key) -> None:
        """Enter is a part of the text for Textual; here it is a key like any that is bound."""
        if event.key in self._own_keys:
            event.prevent_default()

    def _index(self, location: tuple[int, int]) -> int:
        row, column = location
        return sum(len(line) + 1 for line in self.document.lines[:row]) + column

    def _location(self, index: int) -> tuple[int, int]:
        before = self.text[:index]
        return before.count("\n"), len(before) - before.rfind("\n") - 1

    @property
    def mode(self) -> str:
        """What vim is in, for the status line; empty without vim."""
        return ""

    def action_send(self) -> None:
        if self.suggesting:
            self.post_message(self.Asked("take"))
        elif self._filling and self.fill_in(0):
            # Asked once: braces may be meant as they stand.
            self._filling = False
            self.post_message(self.Asked("fill"))
        else:
            self.submit(self.text)

    def submit(self, text: str) -> None:
        """Hand a message over; the screen knows whether there is anything to send."""
        self.post_message(self.Sent(text))

    def fill_in(self, at: int) -> bool:
        """Select the next place of a template, so that what is typed stands there."""
        place = place_after(self.text, at)
        self._filling = place is not None
        if place is not None:
            self.selection = Selection(*map(self._location, place))
        return self._filling

    def action_newline(self) -> None:
        self._replace_via_keyboard("\n", *self.selection)

    @property
    def is_walking(self) -> bool:
        """Whether a prompt was brought back and nothing else was done since."""
        return self.prompts.walking and self.text == self._walked_to

    def action_history_previous(self) -> None:
        if self.suggesting:
            self.post_message(self.Asked("up"))
            return
        if self.cursor_location[0] > 0 or (self.text and not self.is_walking):
            self.action_cursor_up()
            return
        self._walk_to(self.prompts.previous(self.text))

    def action_history_next(self) -> None:
        if self.suggesting:
            self.post_message(self.Asked("down"))
            return
        if not self.is_walking:
            self.action_cursor_down()
            return
        if self.cursor_location[0] < self.document.line_count - 1:
            self.action_cursor_down()
            return
        self._walk_to(self.prompts.next())

    def action_complete(self) -> None:
        if self._filling and not self.suggesting and self.fill_in(self._index(self.selection.end)):
            return
        self.post_message(self.Asked("complete" if self.suggesting else "read"))

    def action_delete_left(self) -> None:
        """At the very beginning there is nothing left of the cursor but what goes along."""
        if self.cursor_location == (0, 0) and self.selection.is_empty:
            self.post_message(self.Asked("detach"))
        else:
            super().action_delete_left()

    def action_cursor_page_up(self) -> None:
        """What is written is seldom longer than its box; then the page is the transcript's."""
        if self.wrapped_document.height <= self.size.height:
            raise SkipAction
        super().action_cursor_page_up()

    def action_cursor_page_down(self) -> None:
        if self.wrapped_document.height <= self.size.height:
            raise SkipAction
        super().action_cursor_page_down()

    def _recompute_cursor_offset(self) -> None:
        # Where an undo takes away what filled the box, Textual shows the cursor before it moves it.
        if self.cursor_location[0] < self.document.line_count:
            super()._recompute_cursor_offset()  # type: ignore[no-untyped-call]

    def action_unqueue(self) -> None:
        self.post_message(self.Asked("unqueue"))

    def action_end_of_input(self) -> None:
        if self.text:
            raise SkipAction
        self.post_message(self.Asked("leave"))

    def action_copy(self) -> None:
        """Ctrl+C copies what is selected; without a selection the screen has a use for it."""
        if not self.selected_text:
            raise SkipAction
        super().action_copy()

    def put(self, text: str) -> None:
        """Replace everything, as one step that can be undone, with the cursor at the end."""
        self.prompts.leave()
        self._filling = False
        self._replace(text)

    def wipe(self) -> None:
        self.put("")

    def _walk_to(self, text: str | None) -> None:
        if text is not None:
            self._replace(text)
            self._walked_to = text
            # At the top, so that the next Up goes further back, over prompts of many lines.
            self.move_cursor((0, 0) if self.prompts.walking else self.document.end)

    def _replace(self, text: str) -> None:
        self.replace(text, (0, 0), self.document.end)
        self.move_cursor(self.document.end)

    async def _on_paste(self, event: events.Paste) -> None:
        """What is pasted may come from anywhere; it is one piece of text, whatever its lines."""
        event.prevent_default()
        event.stop()
        text = sanitise(event.text.replace("\r\n", "\n").replace("\r", "\n"))
        pictures = pictures_in(text, Path.cwd())
        if pictures:
            self.post_message(self.Dropped(pictures))
            return
        self._replace_via_keyboard(text, *self.selection)

    def word_before_cursor(self) -> tuple[str, int]:
        """The word that ends at the cursor, and the column where it begins."""
        row, column = self.cursor_location
        line = self.document.get_line(row)[:column]
        start = max(line.rfind(" "), line.rfind("\t")) + 1
        return line[start:], start

    def complete_word(self, start: int, text: str) -> None:
        """Put ``text`` in the place of the word that begins at that column."""
        row, column = self.cursor_location
        result = self.replace(text, (row, start), (row, column))
        self.move_cursor(result.end_location)


def a_composer(prompts: History, keymap: Keymap, *, vim: bool) -> Composer:
    """The composer that the settings ask for."""
    if not vim:
        return Composer(prompts, keymap)
    from chatterm.tui.widgets.vim_composer import VimComposer

    return VimComposer(prompts, keymap)
