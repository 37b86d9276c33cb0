"""What can be done with the message under the cursor: edit, answer again, flip, copy, fork."""

from __future__ import annotations

from collections.abc import Callable

from chatterm.errors import ChattermError
from chatterm.messages import Message
from chatterm.session import UNDONE
from chatterm.tui.fuzzy import ranked
from chatterm.tui.screens.asking import Asking
from chatterm.tui.screens.base import ChatBase
from chatterm.tui.screens.picker import Picked, Picker
from chatterm.tui.widgets.rows import Row
from chatterm.tui.widgets.transcript import Transcript


class ReadingActions(ChatBase):
    """Mixed into the chat screen."""

    # Moving

    def action_read(self) -> None:
        """From the composer to the transcript."""
        if self.reading.current is not None:
            self.reading.focus_text()

    def action_compose(self) -> None:
        self.composer.focus()

    def action_message_next(self) -> None:
        self.reading.move(1)

    def action_message_previous(self) -> None:
        self.reading.move(-1)

    def action_message_first(self) -> None:
        self.reading.move_to_end(first=True)

    def action_message_last(self) -> None:
        self.reading.move_to_end(first=False)

    async def action_app_help(self) -> None:
        await self.run_action("app.help")

    # The tree

    def action_edit(self) -> None:
        """The composer takes the message; what was in it comes back afterwards."""
        message = self._current()
        if message is None or not self._idle():
            return
        if self.editing is None:
            self.aside = self.composer.text
        self.editing = message
        self.composer.put(message.text)
        self.composer.focus()
        self.show_status()

    def action_regenerate(self) -> None:
        message = self._current()
        if message is not None and self._idle():
            self._try(lambda: self.talk.regenerate(message.id))
            self.reading.follow()

    def action_continue_answer(self) -> None:
        message = self._current()
        if message is not None and self._idle():
            self._try(lambda: self.talk.continue_(message.id))
            self.reading.follow()

    def action_sibling_previous(self) -> None:
        self._flip(-1)

    def action_sibling_next(self) -> None:
        self._flip(1)

    def _flip(self, step: int, *, around: bool = False) -> None:
        """To the next branch, or the one before; ``around`` begins again behind the last."""
        message = self._current()
        if message is None or not self._idle():
            return
        message = self._branching(message)
        if message is None:
            self.whisper("this message has no other branch; r answers again, e edits")
            return
        places = [sibling.id for sibling in self.desk.store.siblings(message.id)]
        place = places.index(message.id) + step
        if around:
            place %= len(places)
        if not 0 <= place < len(places):
            self.whisper("there is no further branch on this side")
            return
        self.talk.session.select(places[place])
        self.carry_branch()
        self.refresh_path()
        self.reading.reveal(places[place], "")

    def _branching(self, message: Message) -> Message | None:
        """The message itself, or one beside it that has siblings."""
        places = self.branch_places()
        path = self.talk.session.path()
        after = [one for one in path if one.parent_id == message.id]
        before = [one for one in path if one.id == message.parent_id]
        return next((one for one in [message, *after, *before] if one.id in places), None)

    def action_fork(self) -> None:
        """A chat of its own, with everything up to this message."""
        message = self._current()
        if message is None:
            return

        def fork() -> None:
            chat = self.talk.session.fork(message.id)
            self.show_talk(self.talks.of(chat.id, self.talk.session.model))
            self.composer.focus()
            self.whisper("a new chat with everything up to that message")

        self._try(fork)

    def action_delete_message(self) -> None:
        message = self._current()
        if message is not None and self._idle():
            self._try(lambda: self.talk.session.delete(message.id))
            self.refresh_path()
            self.whisper("deleted, with what followed; u brings it back")

    def action_undo(self) -> None:
        if self.talk.chat_id is None or not self._idle():
            return
        change = self.talk.session.undo()
        if change is not None:
            self.carry_undone(change.kind)
        self.refresh_path()
        self.whisper(UNDONE[change.kind] if change is not None else "there is nothing to undo")

    # Copying, finding, folding

    def action_copy_message(self) -> None:
        selected = self.reading.selected_text()
        message = self._current()
        if selected:
            self.copy(selected)
            self.clear_selection()
        elif message is not None:
            self.copy(message.text)

    def action_copy_code(self) -> None:
        """``c`` and a number; with one block only there is nothing to ask."""
        count = self.reading.choose_code()
        if count == 0:
            self.whisper("there is no code in this message")
        elif count > 1:
            self.whisper(f"which code block: 1 to {count}?")

    def action_find(self) -> None:
        def found(text: str | None) -> None:
            if text is not None:
                count = self.reading.find(text)
                messages = "1 message" if count == 1 else f"{count} messages"
                self.whisper(f"found in {messages}" if count else "nothing found")

        self.app.push_screen(Asking("Find in this chat", "", "Enter finds, n goes on"), found)

    def action_find_next(self) -> None:
        if self.reading.find_step(1):
            self.whisper("found from the beginning again")

    def action_find_previous(self) -> None:
        if self.reading.find_step(-1):
            self.whisper("found from the end again")

    def action_fold(self) -> None:
        self.reading.fold()

    def action_jump(self) -> None:
        self.reading.jump()

    def action_select_down(self) -> None:
        self.reading.select_rows(1)

    def action_select_up(self) -> None:
        self.reading.select_rows(-1)

    def action_scroll_down(self) -> None:
        self.reading.scroll_rows(1)

    def action_scroll_up(self) -> None:
        self.reading.scroll_rows(-1)

    def action_open_link(self) -> None:
        """The only link of the message, or the one that is chosen."""
        links = self.reading.links()
        if not links:
            self.whisper("there is no link in this message")
        elif len(links) == 1:
            self.open_address(links[0])
        else:
            rows = [Row(link, link) for link in links]
            self.app.push_screen(
                Picker("Links", lambda query: _matching(query, rows)), self._link_picked
            )

    def _link_picked(self, picked: Picked | None) -> None:
        if picked is not None:
            self.open_address(picked.key)

    def open_address(self, address: str) -> None:
        if address.startswith(("http://", "https://", "mailto:")):
            self.run_worker(self._open(address), exclusive=True, group="browser")

    async def _open(self, address: str) -> None:
        from chatterm.tui.aside import open_address

        self.whisper(await open_address(self.app, address))

    def on_transcript_copied(self, event: Transcript.Copied) -> None:
        self.copy(event.text)

    def on_transcript_link_chosen(self, event: Transcript.LinkChosen) -> None:
        self.open_address(event.address)

    def on_transcript_counter_chosen(self, event: Transcript.CounterChosen) -> None:
        self._flip(1, around=True)

    def on_transcript_card_chosen(self, event: Transcript.CardChosen) -> None:
        """A click on a failure tries again."""
        if self._idle():
            self._try(lambda: self.talk.regenerate(event.turn_id))

    def on_transcript_followed(self, event: Transcript.Followed) -> None:
        self.show_status()

    async def action_message_editor(self) -> None:
        """Read the message, or copy a part of it, in the user's editor; saving it is an edit."""
        from chatterm.tui.editor import edited

        message = self._current()
        if message is None:
            return
        text = await edited(self.app, self.desk, message.text)
        if text is not None and text != message.text and self._idle():
            self._try(lambda: self.talk.edit(message.id, text))
            self.refresh_path()

    def _current(self) -> Message | None:
        message = self.reading.current
        if message is None:
            self.whisper("there is no message yet")
        return message

    def _idle(self) -> bool:
        """The tree stands still while an answer grows on it."""
        if self.talk.busy:
            self.whisper("stop the answer first: Esc", warning=True)
        return not self.talk.busy

    def _try(self, do: Callable[[], None]) -> None:
        try:
            do()
        except ChattermError as error:
            self.complain(error)


def _matching(query: str, rows: list[Row]) -> list[Row]:
    return [row for row, _ in ranked(query, rows, lambda row: row.title)]
