"""The composer alone, below what the terminal already shows: for chats that stay in its scrollback.

It runs once for each message and leaves nothing behind; whoever calls prints message and answer.
What the composer cannot do by itself, it returns as a ``/`` command; what is written meanwhile
stays behind as the chat's draft.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import TextArea

from chatterm.errors import ChattermError
from chatterm.tui.actions import (
    BY_ID,
    Action,
    Where,
    actions_of,
    keys_now,
    put_first,
    shown_key,
    shown_keys,
)
from chatterm.tui.coloured import Coloured
from chatterm.tui.desk import Desk, short_name
from chatterm.tui.files import FileShelf
from chatterm.tui.fuzzy import ranked
from chatterm.tui.history import History
from chatterm.tui.kept import TemplateShelf
from chatterm.tui.models import ModelShelf
from chatterm.tui.screens.picker import Picked, Picker
from chatterm.tui.screens.search import Search
from chatterm.tui.searching import Searcher
from chatterm.tui.widgets.composer import Composer, a_composer
from chatterm.tui.widgets.rows import Row
from chatterm.tui.widgets.status import Status, StatusLine
from chatterm.tui.widgets.suggestions import Suggestions

_DONE_BY_COMMAND = ("new-chat", "chats", "editor", "help")
_DONE_HERE = ("interrupt", "search", "model", "templates", "palette")


class InlineComposer(Coloured[str]):
    """Returns what was written, or None where the user leaves."""

    ENABLE_COMMAND_PALETTE = False
    INLINE_PADDING = 0
    CSS = """
    Screen, Screen:inline { height: auto; max-height: 50vh; border: none; }
    ModalScreen:inline { height: 16; max-height: 80vh; }
    Composer { max-height: 12; }
    """
    AUTO_FOCUS = "Composer"

    def __init__(
        self,
        desk: Desk,
        chat_id: str | None,
        model: str,
        text: str | None = None,
        commands: Mapping[str, str] | None = None,
    ) -> None:
        """``text`` takes the place of the draft; ``commands`` are what a ``/`` may mean."""
        super().__init__(desk)
        self._chat_id = chat_id
        self._model = model
        self._text = text
        self._commands = dict(commands or {})
        self._files = FileShelf(Path.cwd())
        self._searcher = Searcher(desk.database, desk.store, desk.clock)
        self._said = ""
        self._leave_asked = False
        for id_ in (*_DONE_BY_COMMAND, *_DONE_HERE):
            keys = keys_now(BY_ID[id_], desk.keymap)
            if keys:
                put_first(self, [Binding(keys, f"do('{id_}')", show=False, id=id_)])

    def compose(self) -> ComposeResult:
        yield Suggestions(self._command_rows, self._file_rows)
        yield a_composer(
            History(self.desk.store, self._chat_id),
            self.desk.keymap,
            vim=self.desk.config.tui.vim,
        )
        yield StatusLine()

    def on_mount(self) -> None:
        composer = self.query_one(Composer)
        composer.put(self.desk.store.draft(self._chat_id) if self._text is None else self._text)
        if self._text:
            composer.fill_in(0)
        self._show()

    def on_unmount(self) -> None:
        self._searcher.close()

    def _show(self) -> None:
        shown: list[Action] = [
            action
            for action in (*actions_of(Where.COMPOSER), BY_ID["help"], *actions_of(Where.CHAT))
            if action.hint and (action.id == "send" or action.id in _DONE_BY_COMMAND + _DONE_HERE)
        ]
        hints = tuple(
            (shown_key(keys_now(action, self.desk.keymap).split(",")[0]), action.hint)
            for action in shown
            if keys_now(action, self.desk.keymap)
        )
        mode = self.query_one(Composer).mode
        status = Status(hints, message=self._said, model=short_name(self._model), mode=mode)
        self.query_one(StatusLine).say(status)

    def _say(self, said: str) -> None:
        self._said = said
        self._show()

    def _command_rows(self, query: str) -> list[Row]:
        found = ranked(query, sorted(self._commands), lambda name: name, most=50)
        return [Row(f"/{name}", f"/{name}", right=self._commands[name]) for name, _ in found]

    def _file_rows(self, query: str) -> list[Row]:
        if not self._files.loaded:
            self._files.load()
        return self._files.rows(query)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        composer = self.query_one(Composer)
        self.query_one(Suggestions).follow(composer)
        self.desk.store.set_draft(self._chat_id, composer.text)
        self._leave_asked = False
        self._say("")

    def on_composer_sent(self, event: Composer.Sent) -> None:
        if event.text.strip():
            self.desk.store.set_draft(self._chat_id, "")
            self.exit(event.text)

    def on_composer_commanded(self, event: Composer.Commanded) -> None:
        name = event.line.partition(" ")[0]
        if name in self._commands:
            self._return(f"/{event.line}")
        elif name not in ("page-up", "page-down"):
            self._say(f"there is no command /{name}")

    def on_composer_copied(self, event: Composer.Copied) -> None:
        self.copy_to_clipboard(event.text)
        self._say("copied")

    def on_composer_dropped(self, event: Composer.Dropped) -> None:
        """A picture is named here; it is read when the message is sent."""
        from chatterm.attachments.mentions import mention

        composer = self.query_one(Composer)
        composer.insert(" ".join(map(mention, event.paths)) + " ")

    def on_composer_asked(self, event: Composer.Asked) -> None:
        suggestions, composer = self.query_one(Suggestions), self.query_one(Composer)
        match event.what:
            case "up" | "down":
                suggestions.move(-1 if event.what == "up" else 1)
            case "take" | "complete":
                taken = suggestions.take(composer)
                if event.what == "take" and taken.startswith("/") and not self._needs(taken):
                    composer.submit(composer.text)
            case "fill":
                self._say("fill this in, or press the key again to send it as it stands")
            case "leave":
                self.exit(None)
            case "mode":
                self._show()

    # Keys that the whole program has

    def action_do(self, id_: str) -> None:
        if len(self.screen_stack) > 1:
            return
        match id_:
            case "interrupt":
                self._interrupt()
            case "search":
                self.push_screen(Search(self.desk, self._searcher), self._searched)
            case "model":
                self._choose_model()
            case "templates":
                shelf = TemplateShelf(self.desk.templates)
                picker = Picker("Templates and presets", shelf.rows, note=shelf.note)
                self.push_screen(picker, self._command_picked)
            case "palette":
                picker = Picker("Commands", self._command_rows)
                self.push_screen(picker, self._palette_picked)
            case _:
                self._return(f"/{id_}")

    def _return(self, command: str) -> None:
        """Let whoever reads the message do it; what is written stays as a draft."""
        self.desk.store.set_draft(self._chat_id, self.query_one(Composer).text)
        self.exit(command)

    def _command_picked(self, picked: Picked | None) -> None:
        if picked is not None:
            self._return(f"/{picked.key}")

    def _palette_picked(self, picked: Picked | None) -> None:
        """A command that needs words waits for them in the composer."""
        if picked is None:
            return
        if self._needs(picked.key):
            self.query_one(Composer).put(f"{picked.key} ")
        else:
            self._return(picked.key)

    def _needs(self, command: str) -> bool:
        """Whether a command does nothing without words."""
        return ": /" in self._commands.get(command[1:], "")

    def _searched(self, picked: Picked | None) -> None:
        """A prompt comes into the composer; anything else is the chat to go on in."""
        if picked is None:
            return
        chat_id, _, message_id = picked.key.partition("/")
        try:
            if message_id and self.desk.store.message(message_id).role == "user":
                self.query_one(Composer).put(self.desk.store.message(message_id).text)
            else:
                self._return(f"/chat {chat_id}")
        except ChattermError as error:
            self._say(error.message)

    def _choose_model(self) -> None:
        shelf = ModelShelf(self.desk, self._model, only_ready=True)
        picker = Picker("Models", shelf.rows, note=shelf.about, start=self._model)

        def chosen(picked: Picked | None) -> None:
            if picked is not None:
                self._return(f"/model {picked.key}")

        shelf.grown = picker.refill
        self.push_screen(picker, chosen)
        picker.run_worker(shelf.look())

    def _interrupt(self) -> None:
        """Clear, else ask once, else leave."""
        composer = self.query_one(Composer)
        if composer.text:
            composer.wipe()
        elif self._leave_asked:
            self.exit(None)
        else:
            self._leave_asked = True
            key = shown_keys(keys_now(BY_ID["interrupt"], self.desk.keymap), 1)
            self._say(f"{key} again leaves")
