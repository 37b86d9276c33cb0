"""The chat screen: shows one talk at a time, and hears from it while it is shown."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widgets import TextArea

from chatterm.attachments.mentions import is_picture, mentioned
from chatterm.errors import ChattermError
from chatterm.messages import Message, Role
from chatterm.tui.actions import Where, bind
from chatterm.tui.carrying import Carrying
from chatterm.tui.commands import WITH_WORDS, needs_words
from chatterm.tui.desk import Desk
from chatterm.tui.files import FileShelf
from chatterm.tui.history import History
from chatterm.tui.kept import TemplateShelf
from chatterm.tui.pictures import Pictures
from chatterm.tui.pulls import Pulls
from chatterm.tui.screens.command_line import CommandLine
from chatterm.tui.screens.picture_actions import PictureActions
from chatterm.tui.screens.reading_actions import ReadingActions
from chatterm.tui.screens.server_actions import ServerActions
from chatterm.tui.screens.weighing import Weighing
from chatterm.tui.searching import Searcher
from chatterm.tui.servers import Hooks, Servers
from chatterm.tui.standing import Standing
from chatterm.tui.talk import Prompt, Talk
from chatterm.tui.talks import Talks
from chatterm.tui.welcome import welcome
from chatterm.tui.widgets.banner import Banner
from chatterm.tui.widgets.chatlist import ChatList
from chatterm.tui.widgets.chips import Chips
from chatterm.tui.widgets.composer import Composer, a_composer
from chatterm.tui.widgets.reading import Reading
from chatterm.tui.widgets.rows import Row
from chatterm.tui.widgets.status import StatusLine
from chatterm.tui.widgets.suggestions import Suggestions
from chatterm.tui.widgets.titlebar import TitleBar
from chatterm.tui.writing import Growth

DRAFT_SECONDS = 0.3
STATUS_SECONDS = 0.5


class ChatScreen(CommandLine, PictureActions, ReadingActions, ServerActions, Weighing):
    """Chat list, transcript, composer and status; what keys do is in the mixins."""

    DEFAULT_CSS = """
    ChatScreen {
        layers: base;
        & #main { width: 1fr; height: 1fr; }
    }
    ChatScreen.-narrow ChatList.-shown { width: 100%; border-right: none; }
    ChatScreen.-narrow.-listing #main { display: none; }
    ChatScreen.-low TitleBar { display: none; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (76, "-normal")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (20, "-tall")]
    AUTO_FOCUS = "Composer"

    def __init__(
        self,
        desk: Desk,
        talks: Talks,
        searcher: Searcher,
        pulls: Pulls,
        first: Talk,
        text: str = "",
    ) -> None:
        """``text`` is what is to be written first; a draft stays behind it."""
        super().__init__()
        self.desk = desk
        self.talks = talks
        self.searcher = searcher
        self.talk = first
        self._text = text
        self.pulls = pulls
        self.servers = Servers(desk, Hooks(talks.answers_in, self.list_changed, self.arrived))
        self.carrying = Carrying(desk.store, self.servers, self.heard)
        self.standing = Standing(desk, self.model_told)
        self.editing: Message | None = None
        """The message that the composer holds for editing."""
        self.aside = ""
        """What was in the composer before that."""
        self._draft_timer: Timer | None = None
        self._version = 0
        """Of the store, when it was last looked at."""
        self._shown: tuple[str | None, float] = (None, 0.0)
        """The tip of the chat that is shown, and when it was last written to."""
        self._files = FileShelf(Path.cwd())
        self.shelf = TemplateShelf(desk.templates)
        self.pictures = Pictures(self._files.folder, self.pictures_changed)
        bind(self, Where.CHAT, desk.keymap)

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield ChatList(self.desk, self.searcher, self.servers, self.talks.signs)
            with Vertical(id="main"):
                yield TitleBar()
                yield Reading(self.desk.keymap)
                yield Banner()
                yield Suggestions(self.command_rows, self._file_rows)
                yield Chips()
                yield a_composer(
                    History(self.desk.store, None),
                    self.desk.keymap,
                    vim=self.desk.config.tui.vim,
                )
        yield StatusLine()

    def on_mount(self) -> None:
        self.show_talk(self.talk)
        if self._text:
            self.composer.put(
                "\n\n".join(part for part in (self._text, self.composer.text) if part)
            )
            self.composer.fill_in(0)
        self._version = self.desk.store.version()
        self.set_interval(STATUS_SECONDS, self._tick)

    def _file_rows(self, query: str) -> list[Row]:
        """Files for ``@``; the first time they are looked for beside the loop."""
        if self._files.loaded:
            return self._files.rows(query)
        self.run_worker(self._load_files, thread=True, exclusive=True, group="files")
        return []

    def _load_files(self) -> None:
        self._files.load()
        suggestions = self.query_one(Suggestions)
        self.app.call_from_thread(suggestions.follow, self.composer)

    # Showing a talk

    def show_talk(self, talk: Talk, *, message_id: str | None = None, query: str = "") -> None:
        """Show a chat, at its end or at a message of it."""
        self.save_draft()
        self.talk.listener = None
        self.talk = talk
        talk.listener = self
        talk.unseen = False
        self.editing = None
        self.composer.prompts.restart(talk.chat_id)
        self.put_draft(talk.written_in(self.desk.store.draft(talk.chat_id)))
        if message_id is not None:
            self._select_branch_of(message_id)
        self.path_changed(talk)
        if message_id is not None:
            self.reading.reveal(message_id, query)
        self.take_back_held()
        self.status_changed(talk)
        if talk.chat_id is not None:
            self.servers.freshen(talk.chat_id)

    def _select_branch_of(self, message_id: str) -> None:
        """Another branch is chosen only where the message is not on the one that is shown."""
        if all(message.id != message_id for message in self.talk.session.path()):
            self.talk.session.select(message_id)

    def refresh_path(self) -> None:
        """Something was changed by the user: show the path as it is now."""
        self.path_changed(self.talk)
        self.status_changed(self.talk)

    # A talk's listener

    def path_changed(self, talk: Talk) -> None:
        self._shown = self._stored()
        path = talk.path()
        votes = self.desk.store.votes(talk.chat_id) if talk.chat_id is not None else {}
        self.reading.show(path, self.branch_places(), talk.failures, votes)
        if not path:
            self.reading.welcome(welcome(self.desk, talk.session.model))
        self.standing.read(talk, path)
        self.query_one(TitleBar).say(*self._title())

    def answer_began(self, talk: Talk, message: Message) -> None:
        self.standing.ask_again(talk.session.model)
        if self.reading.ends_with(message.parent_id):
            self.reading.began(message, self.branch_places().get(message.id))
        else:
            # It takes the place of another answer, and of what followed that one.
            self.path_changed(talk)

    def answer_grew(self, talk: Talk, event: Growth) -> None:
        self.reading.grew(event)

    def answer_ended(self, talk: Talk, message: Message) -> None:
        self._shown = self._stored()
        self.reading.ended(message, talk.failures.get(message.id))
        self.standing.ask_again(talk.session.model)
        self.standing.read(talk, talk.path())
        self.count_soon()
        self.query_one(ChatList).reload()
        self.take_back(message, talk.failures.get(message.id))

    def status_changed(self, talk: Talk) -> None:
        self.show_status()

    def could_not_send(self, talk: Talk, error: ChattermError) -> None:
        self.complain(error)
        self.take_back_waiting()

    def title_changed(self, talk: Talk) -> None:
        self.query_one(TitleBar).say(*self._title())
        self.query_one(ChatList).reload()

    def branch_places(self) -> dict[str, tuple[int, int]]:
        """Place and number of branches, of the messages that have more than one."""
        if self.talk.chat_id is None:
            return {}
        return self.desk.store.branches(self.talk.chat_id)

    def _title(self) -> tuple[str, str]:
        """The title of the chat, and what else is to be known of it."""
        if self.talk.chat_id is None:
            return "New chat", ""
        chat = self.desk.store.chat(self.talk.chat_id)
        about = [f"on {name}" for name in self.servers.marks([chat.id]).values()]
        about += [*(["pinned"] if chat.pinned else []), *(f"#{tag}" for tag in chat.tags)]
        return chat.title or "untitled", "  ".join(about)

    # Status

    def _tick(self) -> None:
        if self.talk.busy or self.talks.busy():
            self.show_status()
        with suppress(ChattermError):  # Who does something is told why it cannot be done.
            self._look_elsewhere()

    def _look_elsewhere(self) -> None:
        """Another window, or a command, may have gone on with the chat that is shown."""
        version = self.desk.store.version()
        if version == self._version:
            return
        self._version = version
        self.query_one(ChatList).reload()
        if not self.talk.busy and self._stored() != self._shown:
            self.refresh_path()

    def _stored(self) -> tuple[str | None, float]:
        if self.talk.chat_id is None:
            return None, 0.0
        chat = self.desk.store.chat(self.talk.chat_id)
        return chat.tip_id, chat.updated_at

    def show_status(self) -> None:
        if not self.query(StatusLine) or not self.query(Composer):
            return  # The program ends while something in the background still has news.
        others = self.talks.busy(self.talk)
        self.query_one(StatusLine).say(
            self.standing.status(
                self.talk,
                others,
                self.where(),
                self.composer.mode,
                following=self.reading.transcript.following,
            )
        )
        self.query_one(Banner).say(
            self.standing.banner(self.talk, self.editing, self.pulls.progress)
        )

    def where(self) -> Where:
        """Whose keys count now."""
        if self.query_one(ChatList).has_focus_within:
            return Where.CHATS
        return Where.TRANSCRIPT if self.reading.reading else Where.COMPOSER

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self.show_status()

    def whisper(self, text: str, *, warning: bool = False) -> None:
        """Say something in the status line for a few seconds."""
        self.standing.whisper(text, warning)
        self.show_status()
        self.set_timer(3.1, self.show_status)

    # The composer

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        self.standing.typed(self.composer.text)
        self.warm()
        self.count_soon()
        self.query_one(Suggestions).follow(self.composer)
        self.draft_changed()
        self.show_status()

    def draft_changed(self) -> None:
        # Not begun anew with each key: who types without a pause must not lose it all.
        if self.editing is None and self._draft_timer is None:
            self._draft_timer = self.set_timer(DRAFT_SECONDS, self.save_draft)

    def save_draft(self) -> None:
        """Keep what is written and not sent, with what waits to be sent."""
        if self._draft_timer is not None:
            self._draft_timer.stop()
            self._draft_timer = None
        if not self.is_mounted:
            return
        text = self.pictures.draft(self.aside) if self.editing is not None else self.written()
        draft = self.talk.draft(text)
        try:
            if self.desk.store.draft(self.talk.chat_id) != draft:
                self.desk.store.set_draft(self.talk.chat_id, draft)
        except ChattermError as error:
            self.complain(error)

    async def on_composer_sent(self, event: Composer.Sent) -> None:
        text = event.text
        if not text.strip() and (self.editing is not None or not len(self.pictures)):
            return
        if self.editing is None and await self.run_command_line(text):
            return
        try:
            if self.editing is not None:
                self._send_edited(self.editing, text)
            else:
                await self._send(text)
        except ChattermError as error:
            self.complain(error)

    async def _send(self, text: str) -> None:
        from chatterm.attachments.mentions import contents_of

        files = contents_of(text, self._files.folder) if "@" in text else ()
        contents = [*(one.content for one in self.pictures), *files]
        if not await self.may_send(contents) or await self.holds_back(text, contents):
            return
        began_chat = self.talk.chat_id is None
        self.talk.send(Prompt(text, tuple(contents), self.pictures.draft(text)))
        self.pictures.take()
        self.composer.wipe()
        if began_chat:
            self.desk.store.set_draft(None, "")
        self.save_draft()
        self.composer.prompts.restart(self.talk.chat_id)
        self.reading.follow()
        self.show_status()

    def _send_edited(self, message: Message, text: str) -> None:
        if text == message.text and message.role is Role.USER:
            self.talk.regenerate(message.id)
        else:
            self.talk.edit(message.id, text)
        self.editing = None
        self.composer.put(self.aside)
        self.aside = ""
        self.refresh_path()
        self.reading.follow()

    def on_composer_copied(self, event: Composer.Copied) -> None:
        self.copy(event.text)

    async def on_composer_asked(self, event: Composer.Asked) -> None:
        match event.what:
            case "up" | "down":
                self.query_one(Suggestions).move(-1 if event.what == "up" else 1)
            case "take" | "complete":
                await self._take_suggestion(send=event.what == "take")
            case "fill":
                self.whisper("fill this in, or press the key again to send it as it stands")
            case "detach":
                self.pictures.pop()
            case "read":
                self.action_read()
            case "unqueue":
                self.action_unqueue()
            case "mode":
                self.show_status()
            case "leave":
                await self.run_action("app.leave")

    async def _take_suggestion(self, *, send: bool) -> None:
        """Complete the word; a picture goes along instead, and a whole command is done at once."""
        suggestions = self.query_one(Suggestions)
        taken = suggestions.take(self.composer)
        if taken.startswith("@"):
            paths = mentioned(taken, self._files.folder)
            if paths and is_picture(self._files.folder / paths[0]):
                suggestions.drop(self.composer)
                await self.take_pictures(paths[:1])
        elif taken and needs_words(taken[1:]):
            self.whisper(WITH_WORDS[taken[1:]])
        elif taken and send:
            self.composer.submit(self.composer.text)

    def on_resize(self) -> None:
        self.call_after_refresh(self.show_status)
