"""What can be done with chats: begin, find, name, stop, leave."""

from __future__ import annotations

from collections.abc import Callable

from chatterm.errors import ChattermError
from chatterm.store import Chat
from chatterm.tui.actions import BY_ID, keys_now, shown_keys
from chatterm.tui.moments import ago
from chatterm.tui.screens.asking import Asking
from chatterm.tui.screens.base import ChatBase
from chatterm.tui.screens.picker import Picked, Picker
from chatterm.tui.widgets.chatlist import ChatList
from chatterm.tui.widgets.rows import Row
from chatterm.tui.widgets.suggestions import Suggestions

LEAVE_SECONDS = 3.0
_TRASH = 200


class ChatActions(ChatBase):
    """Mixed into the chat screen."""

    _leave_asked = -LEAVE_SECONDS

    # Begin, find, go

    def action_new_chat(self) -> None:
        if self.query_one(ChatList).shown and self.has_class("-narrow"):
            self._close_list()
        self.show_talk(self.talks.new(self.talk.session.model, self.talk.session.params))
        self.composer.focus()

    def action_chats(self) -> None:
        chats = self.query_one(ChatList)
        if chats.shown and chats.has_focus_within:
            self._close_list()
        elif chats.shown:
            chats.focus_search()
        else:
            self.add_class("-listing")
            chats.show()
            if self.talk.chat_id is not None:
                self.call_after_refresh(chats.point_at, self.talk.chat_id)

    def _close_list(self) -> None:
        self.query_one(ChatList).hide()
        self.remove_class("-listing")
        self.composer.focus()

    def on_chat_list_closed(self) -> None:
        self._close_list()

    def on_chat_list_opened(self, event: ChatList.Opened) -> None:
        if self.has_class("-narrow"):
            self._close_list()
        self.go_to(event.chat_id, event.message_id, event.query)

    def on_chat_list_wanted(self, event: ChatList.Wanted) -> None:
        if event.what == "rename":
            self._rename(event.chat)
        else:
            self._tag(event.chat)

    def on_chat_list_marked(self) -> None:
        """The title bar may have to say so."""
        self.refresh_path()

    def on_chat_list_undone(self, event: ChatList.Undone) -> None:
        self.whisper(event.said)

    async def on_chat_list_changed(self, event: ChatList.Changed) -> None:
        """A chat in the trash is no longer open, and no answer is written there."""
        chat = self.desk.store.chat(event.chat_id)
        self.carry_state(chat)
        talk = self.talks.drop(chat.id) if chat.deleted_at is not None else None
        if talk is not None:
            await talk.stop()
        if talk is not None and talk is self.talk:
            self.show_talk(self.talks.new(talk.session.model))
            self.query_one(ChatList).focus_search()
        self.refresh_path()

    def go_to(self, chat_id: str, message_id: str | None = None, query: str = "") -> None:
        """Open a chat, perhaps at a message."""
        try:
            self.show_talk(self.talks.of(chat_id), message_id=message_id, query=query)
        except ChattermError as error:
            self.complain(error)
            return
        self.composer.focus()

    def action_search(self, start: str = "") -> None:
        from chatterm.tui.screens.search import Search

        def chosen(picked: Picked | None) -> None:
            if picked is None:
                return
            chat_id, _, message_id = picked.key.partition("/")
            if picked.by != "enter":
                self.composer.put(self.desk.store.message(message_id).text)
                self.composer.focus()
                return
            self.go_to(chat_id, message_id or None, screen.query_text)

        screen = Search(self.desk, self.searcher, start)
        self.app.push_screen(screen, chosen)

    def action_previous_chat(self) -> None:
        self.show_talk(self.talks.beside(self.talk, -1))

    def action_next_chat(self) -> None:
        self.show_talk(self.talks.beside(self.talk, 1))

    # Name, tag, pin, trash

    def action_rename_chat(self) -> None:
        self._with_chat(self._rename)

    def action_tag_chat(self) -> None:
        self._with_chat(self._tag)

    def action_pin_chat(self) -> None:
        def pin(chat: Chat) -> None:
            self.desk.store.pin(chat.id, pinned=not chat.pinned)
            self.refresh_path()
            self.query_one(ChatList).remember(chat.id, chat)
            self.whisper("unpinned" if chat.pinned else "pinned")

        self._with_chat(pin)

    async def action_trash_chat(self) -> None:
        if self.talk.chat_id is None:
            self.whisper("there is nothing here to put away")
            return
        chat_id = self.talk.chat_id
        await self.talk.stop()
        self.desk.store.delete_chat(chat_id)
        self.carrying.put_away(chat_id)
        self.talks.drop(chat_id)
        self.show_talk(self.talks.new(self.talk.session.model))
        self.query_one(ChatList).remember(chat_id)
        key = shown_keys(keys_now(BY_ID["chat-undo"], self.desk.keymap), 1)
        self.whisper(f"in the trash; {key} in the list of chats brings it back")

    def action_trash(self) -> None:
        """What was put away, the latest first; Enter brings it back and opens it."""

        def rows(query: str) -> list[Row]:
            now = self.desk.clock()
            found = self.desk.store.chats(deleted=True, limit=_TRASH, title=query.strip() or None)
            return [
                Row(chat.id, chat.title or "untitled", right=ago(chat.deleted_at or now, now))
                for chat in found
            ]

        def chosen(picked: Picked | None) -> None:
            if picked is not None:
                self.desk.store.restore_chat(picked.key)
                self.go_to(picked.key)
                self.query_one(ChatList).reload()
                self.whisper("the chat is back")

        self.app.push_screen(
            Picker(
                "Trash",
                rows,
                placeholder="Title of a chat",
                empty="the trash is empty",
                enter="brings it back",
            ),
            chosen,
        )

    def _with_chat(self, do: Callable[[Chat], None]) -> None:
        if self.talk.chat_id is None:
            self.whisper("this chat begins with its first message")
        else:
            do(self.desk.store.chat(self.talk.chat_id))

    def _rename(self, chat: Chat) -> None:
        def named(title: str | None) -> None:
            if title is not None and title.strip():
                self.rename_to(chat.id, title)

        self.app.push_screen(Asking("Rename this chat", chat.title), named)

    def rename_to(self, chat_id: str, title: str) -> None:
        title = " ".join(title.split())
        self.desk.store.rename(chat_id, title, by_user=True)
        self.carrying.renamed(chat_id, title)
        self.query_one(ChatList).remember(chat_id)
        self.refresh_path()

    def _tag(self, chat: Chat) -> None:
        def tagged(text: str | None) -> None:
            if text is not None:
                self._set_tags(chat, text)

        said = "Tags, with commas between; Esc leaves"
        self.app.push_screen(Asking("Tags of this chat", ", ".join(chat.tags), said), tagged)

    def _set_tags(self, chat: Chat, text: str) -> None:
        self.desk.store.set_tags(chat.id, [tag for tag in text.split(",") if tag.strip()])
        self.refresh_path()
        self.query_one(ChatList).remember(chat.id, chat)

    # Stop, clear, leave

    async def action_stop(self) -> None:
        """Esc: the nearest thing that can be ended."""
        suggestions = self.query_one(Suggestions)
        if suggestions.display:
            suggestions.close(self.composer)
        elif self.editing is not None:
            self.leave_editing()
        elif self.talk.busy:
            await self._stop_answer()
        elif self.reading.finding:
            self.reading.find("")
        elif self.query_one(ChatList).shown:
            self._close_list()
        else:
            self.composer.focus()

    async def _stop_answer(self) -> None:
        await self.talk.stop()
        self.take_back_waiting()
        self.whisper("stopped; what came is kept")

    def take_back_waiting(self) -> None:
        """What waits to be sent is in the composer again."""
        waiting: list[str] = []
        while (prompt := self.talk.unqueue()) is not None:
            waiting.insert(0, prompt.kept)
        if waiting:
            self.put_draft("\n\n".join([*waiting, self.written()]).rstrip())

    async def action_interrupt(self) -> None:
        """Ctrl+C: copy what is selected, else stop, else clear, else ask once and leave."""
        selected = self.reading.selected_text() or self.composer.selected_text
        now = self.desk.monotonic()
        if selected:
            self.copy(selected)
            self.clear_selection()
        elif self.talk.busy:
            await self._stop_answer()
        elif self.editing is not None:
            self.leave_editing()
        elif self.written():
            self.put_draft("")
        elif now - self._leave_asked < LEAVE_SECONDS:
            await self.run_action("app.leave")
        else:
            self._leave_asked = now
            key = shown_keys(keys_now(BY_ID["interrupt"], self.desk.keymap), 1)
            self.whisper(f"{key} again leaves")

    def copy(self, text: str) -> None:
        from chatterm.tui.clipboard import copy

        if not copy(self.app, text):
            key = shown_keys(keys_now(BY_ID["message-editor"], self.desk.keymap), 1)
            self.whisper(f"too long for the terminal's clipboard; {key} opens it", warning=True)
            return
        lines = len(text.splitlines())
        self.whisper(f"copied {lines} lines" if lines > 1 else "copied")

    def leave_editing(self) -> None:
        """Let the message be as it was."""
        self.editing = None
        self.composer.put(self.aside)
        self.aside = ""
        self.show_status()

    def action_unqueue(self) -> None:
        if self.editing is not None:
            self.whisper("finish the edit first")
            return
        prompt = self.talk.unqueue()
        if prompt is None:
            return
        self.put_draft("\n\n".join(part for part in [prompt.kept, self.written()] if part))
        self.save_draft()

    async def action_editor(self) -> None:
        from chatterm.tui.editor import edited

        text = await edited(self.app, self.desk, self.composer.text)
        if text is not None:
            self.composer.put(text)
        self.composer.focus()

    def action_tree(self) -> None:
        from chatterm.tui.screens.tree import tree_picker

        def chosen(picked: Picked | None) -> None:
            if picked is not None:
                self.talk.session.select(picked.key)
                self.carry_branch()
                self.refresh_path()
                self.reading.reveal(picked.key, "")

        if self.talk.chat_id is None:
            self.whisper("this chat has no branches yet")
        else:
            self.app.push_screen(tree_picker(self.desk, self.talk.chat_id), chosen)

    # Scroll while writing

    def action_page_up(self) -> None:
        self.reading.page(-1)

    def action_page_down(self) -> None:
        self.reading.page(1)

    def action_follow(self) -> None:
        self.reading.follow()
