"""The list of chats at the left: search as you type over titles and every word, pin, tag, trash."""

from __future__ import annotations

from collections.abc import Callable

from textual import events, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input
from textual.worker import Worker

from chatterm.session import UNDONE
from chatterm.store import Chat
from chatterm.tui.actions import Where, bind
from chatterm.tui.desk import Desk
from chatterm.tui.enduring import Enduring
from chatterm.tui.in_turn import ended
from chatterm.tui.searching import Searcher
from chatterm.tui.servers import ELSEWHERE, Elsewhere, Servers
from chatterm.tui.widgets.chat_rows import Shown, chat_rows, found_rows
from chatterm.tui.widgets.rows import Row, Rows

_PAGE = 100


class ChatList(Enduring, Vertical):
    """Chats, the pinned first; with something typed, what was found."""

    DEFAULT_CSS = """
    ChatList {
        width: 36; height: 1fr; border-right: solid $border-blurred; display: none;
        & Input { border: none; height: 1; background: transparent; padding: 0 1; margin: 0 0 1 0; }
        &.-shown { display: block; }
        &:focus-within { border-right: solid $border; }
    }
    """

    class Opened(Message):
        """A chat was chosen, and perhaps the message in it that a search found."""

        def __init__(self, chat_id: str, message_id: str | None, query: str) -> None:
            super().__init__()
            self.chat_id = chat_id
            self.message_id = message_id
            self.query = query

    class Wanted(Message):
        """Something is to be asked about a chat: ``rename`` or ``tag``."""

        def __init__(self, what: str, chat: Chat) -> None:
            super().__init__()
            self.what = what
            self.chat = chat

    class Changed(Message):
        """A chat went to the trash, or its title or place is as it was before."""

        def __init__(self, chat_id: str) -> None:
            super().__init__()
            self.chat_id = chat_id

    class Marked(Message):
        """A chat has another pin or other tags."""

    class Undone(Message):
        """What was taken back, in words."""

        def __init__(self, said: str) -> None:
            super().__init__()
            self.said = said

    class Fetch(Message):
        """A chat was chosen that lies on a server and is not here yet."""

        def __init__(self, remote: str, chat_id: str) -> None:
            super().__init__()
            self.remote = remote
            self.chat_id = chat_id

    class Closed(Message):
        """The list is no longer wanted."""

    def __init__(
        self,
        desk: Desk,
        searcher: Searcher,
        servers: Servers,
        open_ids: Callable[[], dict[str, str]],
    ) -> None:
        """``open_ids`` says which chats are open, and the sign that each has."""
        super().__init__()
        self._desk = desk
        self._searcher = searcher
        self._servers = servers
        self._open_ids = open_ids
        self._chats: list[Chat] = []
        self._whole = False
        self._done: list[tuple[str, Chat | None]] = []
        """What undo takes back: the chat, and how it was where the store does not know it."""
        self._finding: Worker[None] | None = None
        bind(self, Where.CHATS, desk.keymap)

    def compose(self) -> ComposeResult:
        yield Input(placeholder="Search titles and words", select_on_focus=False, compact=True)
        yield Rows(empty="no chats yet")

    @property
    def shown(self) -> bool:
        return self.has_class("-shown")

    def show(self) -> None:
        self.add_class("-shown")
        self._searcher.get_ready()
        self.query_one(Rows).can_focus = False
        self.query_one(Input).value = ""
        self.reload()
        self._servers.look()
        self.query_one(Input).focus()

    def point_at(self, chat_id: str) -> None:
        self.query_one(Rows).move_to(chat_id)

    def focus_search(self) -> None:
        self.query_one(Input).focus()

    def remember(self, chat_id: str, before: Chat | None = None) -> None:
        """Something was done to this chat that undo takes back.

        Of titles and of the trash the store knows how they were; of pins and tags ``before`` does.
        """
        self._done.append((chat_id, before))
        self.reload()

    def hide(self) -> None:
        self.remove_class("-shown")

    def reload(self) -> None:
        """Read again what the store has; the cursor stays on its chat."""
        if not self.shown:
            return
        query = self.query_one(Input).value
        if query.strip():
            self._finding = self._search(query, keep=True)
            return
        size = max(_PAGE, len(self._chats))
        pinned = self._desk.store.chats(pinned=True, limit=_PAGE)
        rest = self._desk.store.chats(pinned=False, limit=size)
        self._whole = len(rest) < size
        self._chats = [*pinned, *rest]
        self._draw()

    def _draw(self) -> None:
        rows = self.query_one(Rows)
        rows.empty = "no chats yet"
        shown = Shown(self._open_ids(), self._servers.marks([chat.id for chat in self._chats]))
        now = self._desk.clock()
        problems = [f"{name}: {error.message}" for name, error in self._servers.problems.items()]
        rows.show(
            [
                *(Row("", problem) for problem in problems),
                *chat_rows(self._chats, shown, now, self._elsewhere()),
            ],
            keep=True,
        )

    def _elsewhere(self) -> list[Elsewhere]:
        """What lies on servers, as far back as the list has come."""
        found = self._servers.elsewhere()
        if self._whole or not self._chats:
            return found
        oldest = self._chats[-1].updated_at
        return [chat for chat in found if chat.modified_at >= oldest]

    def on_rows_near_end(self) -> None:
        if self._whole or not self._chats or self.query_one(Input).value.strip():
            return
        more = self._desk.store.chats(pinned=False, limit=_PAGE, before=self._chats[-1])
        self._whole = len(more) < _PAGE
        self._chats += more
        self._draw()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value.strip():
            self._finding = self._search(event.value)
        else:
            self.workers.cancel_group(self, "search")
            self._finding = None
            self._chats = []
            self.reload()

    @work(exclusive=True, group="search")
    async def _search(self, query: str, *, keep: bool = False) -> None:
        found = await self._searcher.find(query)
        rows = self.query_one(Rows)
        rows.empty = "nothing found"
        typed = query.casefold()
        there = [c for c in self._servers.elsewhere() if typed in c.title.casefold()]
        rows.show(found_rows(found, self._desk.clock(), there), keep=keep)

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        await ended(self._finding)
        self.query_one(Rows).choose()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        event.stop()
        chat_id, _, message_id = event.row.key.partition("/")
        if chat_id.startswith(ELSEWHERE):
            self.post_message(self.Fetch(chat_id.removeprefix(ELSEWHERE), message_id))
            return
        self.post_message(self.Opened(chat_id, message_id or None, self.query_one(Input).value))

    def on_key(self, event: events.Key) -> None:
        rows = self.query_one(Rows)
        moves = {"down": 1, "up": -1}
        if event.key in moves:
            rows.move(moves[event.key])
        elif event.key in ("pagedown", "pageup"):
            rows.page(1 if event.key == "pagedown" else -1)
        else:
            return
        event.stop()
        event.prevent_default()

    # Actions; the registry has their keys.

    def action_open(self) -> None:
        self.query_one(Rows).choose()

    def action_close(self) -> None:
        self.post_message(self.Closed())

    def action_pin(self) -> None:
        chat = self._under_cursor()
        if chat is not None:
            self._desk.store.pin(chat.id, pinned=not chat.pinned)
            self.remember(chat.id, chat)
            self.post_message(self.Marked())

    def action_trash(self) -> None:
        chat = self._under_cursor()
        if chat is not None:
            self._desk.store.delete_chat(chat.id)
            self.remember(chat.id)
            self.post_message(self.Changed(chat.id))

    def action_undo(self) -> None:
        """Take back what was done last: here, or before the program began."""
        store = self._desk.store
        change = None
        while self._done and change is None:
            chat_id, before = self._done[-1]
            if before is not None:
                self._put_back(before)
                return
            change = store.undo_listed(chat_id)
            self._done.pop()
        change = change or store.undo_listed()
        if change is None:
            self.post_message(self.Undone("there is nothing to undo"))
            return
        self._show_undone(change.chat_id, UNDONE[change.kind])
        self.post_message(self.Changed(change.chat_id))

    def _put_back(self, before: Chat) -> None:
        with self._desk.store.atomic():
            self._desk.store.pin(before.id, pinned=before.pinned)
            self._desk.store.set_tags(before.id, before.tags)
        self._done.pop()
        self._show_undone(before.id, "pin and tags are as they were")
        self.post_message(self.Marked())

    def _show_undone(self, chat_id: str, said: str) -> None:
        self.reload()
        self.query_one(Rows).move_to(chat_id)
        self.post_message(self.Undone(said))

    def action_tag(self) -> None:
        self._ask("tag")

    def action_rename(self) -> None:
        self._ask("rename")

    def _ask(self, what: str) -> None:
        chat = self._under_cursor()
        if chat is not None:
            self.post_message(self.Wanted(what, chat))

    def _under_cursor(self) -> Chat | None:
        row = self.query_one(Rows).row
        if row is None:
            return None
        if row.key.startswith(ELSEWHERE):
            self.app.notify("open it first, so that it is here as well", markup=False)
            return None
        return self._desk.store.chat(row.key.partition("/")[0])
