"""The same prompt to two models, side by side; the answers are branches of one chat."""

from __future__ import annotations

from pathlib import Path

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from chatterm.attachments.mentions import contents_of
from chatterm.errors import ChattermError
from chatterm.messages import Message, Role
from chatterm.tui.desk import Desk, short_name
from chatterm.tui.enduring import Enduring, complain
from chatterm.tui.models import ModelShelf
from chatterm.tui.screens.base import ChatBase
from chatterm.tui.screens.picker import Picked, Picker
from chatterm.tui.talk import Prompt, Talk
from chatterm.tui.widgets.reading import Reading
from chatterm.tui.widgets.status import seconds
from chatterm.tui.writing import Growth


def begin_comparing(screen: ChatBase) -> None:
    """Ask which other model, then show both answers to the last prompt, or to what is written."""
    text = screen.composer.text.strip()
    if not text and not len(screen.pictures) and last_prompt(screen.talk.path()) is None:
        screen.whisper("write a prompt first, then compare")
        return
    if screen.talk.busy:
        screen.whisper("stop the answer first: Esc", warning=True)
        return
    here = screen.talk.session.model
    shelf = ModelShelf(screen.desk, here, only_ready=True)

    def chosen(picked: Picked | None) -> None:
        if picked is not None:
            _compare(screen, picked.key, text)

    picker = Picker(
        f"Compare {short_name(here)} with",
        lambda query: [row for row in shelf.rows(query) if row.key != here],
        placeholder="Name of a model",
        wide=True,
    )
    shelf.grown = picker.refill
    screen.app.push_screen(picker, chosen)
    picker.run_worker(shelf.look())


def _compare(screen: ChatBase, model: str, text: str) -> None:
    def chosen(message_id: str | None) -> None:
        if message_id is not None:
            screen.talk.session.select(message_id)
        screen.refresh_path()

    prompt = None
    if text or len(screen.pictures):
        try:
            files = contents_of(text, Path.cwd()) if "@" in text else ()
        except ChattermError as error:
            screen.complain(error)
            return
        prompt = Prompt(text, (*screen.pictures.take(), *files))
        screen.composer.wipe()
        screen.save_draft()
    screen.app.push_screen(Compare(screen.desk, screen.talk, model, prompt), chosen)


class Pane(Enduring, Vertical):
    """One model's answer."""

    DEFAULT_CSS = """
    Pane { width: 1fr; height: 1fr; border: round $border-blurred; border-title-color: $foreground;
        border-subtitle-color: $muted; }
    Pane:focus-within { border: round $border; }
    """

    def __init__(self, talk: Talk, number: int) -> None:
        super().__init__()
        self.talk = talk
        self.answer_id: str | None = None
        self._number = number

    def compose(self) -> ComposeResult:
        yield Reading(self.talk.desk.keymap)

    def on_mount(self) -> None:
        self.border_title = Content(f"{self._number} {short_name(self.talk.session.model)}")

    def path_changed(self, talk: Talk) -> None:
        return

    async def holds_back_next(self, talk: Talk) -> bool:
        return False

    def could_not_send(self, talk: Talk, error: ChattermError) -> None:
        complain(self.app, error)

    def answer_began(self, talk: Talk, message: Message) -> None:
        self.answer_id = message.id
        self.query_one(Reading).show([message], {}, {})

    def answer_grew(self, talk: Talk, event: Growth) -> None:
        self.query_one(Reading).grew(event)
        if talk.writing is not None and talk.writing.tokens == 1:
            self.status_changed(talk)

    def answer_ended(self, talk: Talk, message: Message) -> None:
        self.answer_id = message.id
        self.query_one(Reading).ended(message, talk.failures.get(message.id))
        origin = talk.desk.store.provenance(message.id)
        if origin is not None:
            first, whole = origin.timings.first_token_ms, origin.timings.generation_ms
            count = origin.usage.completion_tokens
            speed = f"{count / whole * 1000:.0f} tok/s · " if whole else ""
            wait = f"first {seconds(first)} · " if first is not None else ""
            self.border_subtitle = Content(f"{wait}{speed}{count} tokens")

    def title_changed(self, talk: Talk) -> None:
        return

    def status_changed(self, talk: Talk) -> None:
        if talk.writing is not None and talk.writing.first_token is None:
            self.border_subtitle = Content("waiting")
        elif talk.writing is not None:
            self.border_subtitle = Content("writing")


class Compare(Enduring, ModalScreen[str | None]):
    """Returns the answer to go on with; both stay."""

    DEFAULT_CSS = """
    Compare { background: $background; }
    Compare #prompt { height: auto; max-height: 4; padding: 0 2; color: $muted; }
    Compare #keys { height: 1; padding: 0 1; color: $muted; }
    """

    def __init__(self, desk: Desk, talk: Talk, model: str, prompt: Prompt | None) -> None:
        """Without a prompt the last one is asked again."""
        super().__init__()
        self._talk = talk
        self._prompt = prompt
        self._model = model
        self._desk = desk
        self._shown = talk.listener
        self._other: Talk | None = None

    def compose(self) -> ComposeResult:
        yield Static("", id="prompt", markup=False)
        yield Horizontal(Pane(self._talk, 1), id="panes")
        yield Static(
            Content("1 or 2: go on with it · Tab: the other · Esc: keep both"),
            id="keys",
        )

    async def on_mount(self) -> None:
        try:
            prompt = self._begin()
        except ChattermError as error:
            complain(self.app, error)
            self.dismiss(None)
            return
        self.query_one("#prompt", Static).update(Content(" ".join(prompt.text.split())))
        assert self._other is not None
        await self.query_one("#panes").mount(Pane(self._other, 2))
        panes = self._panes()
        self._other.listener = panes[1]
        self._other.regenerate(prompt.id)
        panes[0].query_one(Reading).focus_text()

    def _begin(self) -> Message:
        """Ask the first model, and say what it was asked."""
        self._talk.listener = self._panes()[0]
        if self._prompt is not None:
            self._talk.send(self._prompt)
            prompt = self._talk.session.path()[-1]
        else:
            found = last_prompt(self._talk.path())
            assert found is not None
            prompt = found
            self._talk.regenerate(prompt.id)
        assert self._talk.chat_id is not None
        chat = self._desk.store.chat(self._talk.chat_id)
        session = self._desk.session(chat, model=self._model, params=self._talk.session.params)
        self._other = Talk(self._desk, session)
        return prompt

    def _panes(self) -> list[Pane]:
        return list(self.query(Pane))

    async def on_key(self, event: events.Key) -> None:
        if event.key in ("1", "2"):
            event.stop()
            await self._leave(self._panes()[int(event.key) - 1].answer_id)
        elif event.key in ("escape", "ctrl+c"):
            event.stop()
            await self._leave(None)

    async def _leave(self, answer_id: str | None) -> None:
        """What is still being written is stopped, and kept."""
        for pane in self._panes():
            await pane.talk.stop()
            pane.talk.listener = None
        self._talk.listener = self._shown
        self.dismiss(answer_id)


def last_prompt(path: list[Message]) -> Message | None:
    return next((message for message in reversed(path) if message.role is Role.USER), None)
