"""What concerns servers: the chats that lie there, what they are told, and logging in to them."""

from __future__ import annotations

from chatterm.errors import ChattermError, RemoteError
from chatterm.messages import Message, Role
from chatterm.store import ChangeKind, Chat
from chatterm.sync import Taken
from chatterm.tui.fuzzy import ranked
from chatterm.tui.screens.asking import Asking
from chatterm.tui.screens.base import ChatBase
from chatterm.tui.screens.picker import Picked, Picker
from chatterm.tui.widgets.chatlist import ChatList
from chatterm.tui.widgets.rows import Row

_REPORTS = {
    "feedback": "It is wrong, or could be better",
    "offensive": "It is offensive",
    "spam": "It is spam",
}


class ServerActions(ChatBase):
    """Mixed into the chat screen."""

    # What the servers say

    def list_changed(self) -> None:
        """More is known of what lies on servers."""
        if self.is_mounted:
            self.query_one(ChatList).reload()

    def arrived(self, chat_id: str, taken: Taken) -> None:
        """Messages came from a server into a chat."""
        if not self.is_mounted:
            return
        self.query_one(ChatList).reload()
        if self.talk.chat_id == chat_id and not taken.chats and not self.talk.busy:
            self.refresh_path()
            self.whisper(f"{taken.messages} new messages from {self._servers_of(chat_id)}")

    def heard(self, said: str, failure: ChattermError | None) -> None:
        """How something went that was carried to a server."""
        if not self.is_mounted:
            return
        if failure is None:
            self.whisper(said)
        else:
            hint = f"\n{failure.hint}" if failure.hint else ""
            self.app.notify(f"{said}{hint}", severity="warning", timeout=8, markup=False)

    def _servers_of(self, chat_id: str) -> str:
        return ", ".join(self.servers.remotes_of(chat_id))

    # The list of chats

    def on_chat_list_fetch(self, event: ChatList.Fetch) -> None:
        self.whisper(f"fetching it from {event.remote}")
        self.run_worker(self._fetch(event.remote, event.chat_id), exclusive=True, group="fetch")

    async def _fetch(self, remote: str, there: str) -> None:
        try:
            chat_id = await self.servers.fetch(remote, there)
        except ChattermError as error:
            self.complain(error)
            return
        self.query_one(ChatList).reload()
        self.go_to(chat_id)

    # Carrying there what was done here

    def carry_branch(self) -> None:
        path = self.talk.session.path()
        if path and self.talk.chat_id is not None:
            self.carrying.shows(path[-1].id)

    def carry_undone(self, kind: ChangeKind) -> None:
        chat_id = self.talk.chat_id
        if kind is ChangeKind.RENAME and chat_id is not None:
            self.carrying.renamed(chat_id, self.desk.store.chat(chat_id).title)
        elif kind is ChangeKind.SELECT:
            self.carry_branch()

    def carry_state(self, chat: Chat) -> None:
        if chat.deleted_at is not None:
            self.carrying.put_away(chat.id)
        else:
            self.carrying.brought_back(chat.id)
            self.carrying.renamed(chat.id, chat.title)

    def action_delete_there(self) -> None:
        """For good, so it is asked for twice; what is here stays."""
        chat_id = self.talk.chat_id
        there = self._servers_of(chat_id) if chat_id is not None else ""
        if chat_id is None or not there:
            self.whisper("this chat lies on no server")
            return

        def asked(answer: str | None) -> None:
            if answer is not None and answer.strip().lower() == "yes":
                self.carrying.delete_there(chat_id)

        said = "Type yes; nothing brings it back there. It stays here."
        self.app.push_screen(Asking(f"Delete this chat on {there}?", "", said), asked)

    # Judging answers

    def action_vote_up(self) -> None:
        self._vote(1)

    def action_vote_down(self) -> None:
        self._vote(-1)

    def _vote(self, score: int) -> None:
        """The same vote again takes it back."""
        answer = self._answer()
        if answer is None or self.talk.chat_id is None:
            return
        if self.desk.store.votes(self.talk.chat_id).get(answer.id) == score:
            score = 0
        self.desk.store.vote(answer.id, score)
        self.carrying.voted(answer.id, score)
        self.refresh_path()
        self.whisper({1: "voted up", -1: "voted down", 0: "the vote is taken back"}[score])

    def action_prefer(self) -> None:
        """Of several answers to a prompt, tell the server that this is the best."""
        answer = self._answer()
        if answer is None:
            return
        others = [one.id for one in self.desk.store.siblings(answer.id) if one.id != answer.id]
        if not others:
            self.whisper("there is no other answer to compare this with")
        elif not self.carrying.preferred(answer.id, others):
            self.whisper("no server keeps this answer")

    def action_report(self) -> None:
        """Ask what is wrong, then why."""
        answer = self._answer()
        if answer is None:
            return
        rows = [Row(kind, about) for kind, about in _REPORTS.items()]

        def chosen(picked: Picked | None) -> None:
            if picked is not None:
                asking = Asking("What is wrong with it?", "", "Enter reports it, Esc leaves")
                self.app.push_screen(asking, lambda reason: reported(picked.key, reason))

        def reported(kind: str, reason: str | None) -> None:
            if reason is not None and not self.carrying.reported(answer.id, kind, reason):
                self.whisper("no server keeps this answer")

        def matching(query: str) -> list[Row]:
            return [row for row, _ in ranked(query, rows, lambda row: row.title)]

        self.app.push_screen(Picker("Report this answer", matching), chosen)

    def _answer(self) -> Message | None:
        message = self.reading.current
        if message is None or message.role is not Role.ASSISTANT:
            self.whisper("put the cursor on an answer first")
            return None
        return message

    # Failures, and logging in

    def take_back(self, answer: Message, failure: ChattermError | None) -> None:
        """A prompt that a server did not answer with a word lies in the composer again."""
        lost = isinstance(failure, RemoteError) and not answer.text and not answer.reasoning
        if not lost or self.composer.text or self.editing is not None or self.talk.queue:
            return
        prompt = self.desk.store.message(answer.parent_id) if answer.parent_id else None
        if prompt is not None and prompt.role is Role.USER:
            self.aside = ""
            self.editing = prompt
            self.composer.put(prompt.text)
            # Whoever types on means something else, and must not add to it unawares.
            self.composer.select_all()
            self.show_status()

    def action_log_in(self) -> None:
        """To the remote of this chat's model, or one that is chosen."""
        name = self.talk.session.model.partition("/")[0]
        remotes = self.desk.catalog.remotes
        if name in remotes:
            self.log_in_to(name)
        elif not remotes:
            self.whisper("no server is known yet; name one: /log-in URL")
        else:
            self.app.push_screen(Picker("Log in to", self._remote_rows), self._remote_picked)

    def _remote_rows(self, query: str) -> list[Row]:
        remotes = self.desk.catalog.remotes.values()
        return [
            Row(entry.name, entry.name, right=entry.kind, marks=marks)
            for entry, marks in ranked(query, remotes, lambda entry: entry.name)
        ]

    def _remote_picked(self, picked: Picked | None) -> None:
        if picked is not None:
            self.log_in_to(picked.key)

    def log_in_to(self, server: str) -> None:
        """In the terminal below, as ``chatterm login`` does it: a key must not be seen."""
        self.run_worker(self._log_in(server), exclusive=True, group="login")

    async def _log_in(self, server: str) -> None:
        from chatterm.tui.logging_in import log_in

        known = await log_in(self.app, self.desk, server)
        if known is None:
            return
        for name in known:
            await self.servers.forget(name)
        self.servers.look()
        self.refresh_path()
        self.whisper("logged in")
