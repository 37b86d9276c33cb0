"""The application: its colours, what all screens share, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from textual.dom import DOMNode
from textual.theme import Theme
from textual.worker import WorkerFailed

from chatterm.errors import ChattermError
from chatterm.handover import Beginning
from chatterm.tui.actions import ACTIONS, Where, bind, keys_now, shown_keys
from chatterm.tui.coloured import Coloured
from chatterm.tui.desk import Desk
from chatterm.tui.enduring import complain
from chatterm.tui.pulls import Pulls
from chatterm.tui.screens.chat import ChatScreen
from chatterm.tui.searching import Searcher
from chatterm.tui.talk import Talk
from chatterm.tui.talks import Talks
from chatterm.tui.terminal import has_hung_up
from chatterm.tui.themes import AUTO

if TYPE_CHECKING:
    from chatterm.tui.screens.picker import Picked
    from chatterm.tui.widgets.rows import Row

_LOOK_SECONDS = 1.0
_HUNG_UP = 129
"""What a shell makes of the signal that a closed terminal sends."""


class ChattermApp(Coloured[int]):
    """One run of the full-screen program."""

    TITLE = "chatterm"
    ENABLE_COMMAND_PALETTE = False
    CSS_PATH: ClassVar[str] = "app.tcss"

    def __init__(
        self,
        desk: Desk,
        first: Beginning | None = None,
        *,
        keep_theme: Callable[[str], None] | None = None,
    ) -> None:
        """``keep_theme`` writes the theme that was chosen into the user's settings."""
        super().__init__(desk)
        self.talks = Talks(desk)
        self.searcher = Searcher(desk.database, desk.store, desk.clock)
        self.pulls = Pulls(desk, os.environ, self._pulled_further)
        self._first = first or Beginning()
        self._keep_theme = keep_theme
        self._leaving: asyncio.Task[None] | None = None
        bind(self, Where.EVERYWHERE, desk.keymap)

    def on_mount(self) -> None:
        self._end_on_signals()
        first = self._first
        if first.chat_id is not None:
            talk = self.talks.of(first.chat_id, first.model, first.params)
        else:
            talk = self.talks.new(first.model, first.params, first.system)
        self.push_screen(
            ChatScreen(self.desk, self.talks, self.searcher, self.pulls, talk, first.text)
        )

    @property
    def chat_screen(self) -> ChatScreen:
        """The screen below all dialogs."""
        return next(screen for screen in self.screen_stack if isinstance(screen, ChatScreen))

    def _pulled_further(self) -> None:
        if self.is_running and self._leaving is None:
            self.chat_screen.show_status()

    async def _dispatch_action(self, namespace: DOMNode, action_name: str, params: Any) -> bool:
        """What a key does may fail, wherever it was pressed."""
        try:
            return await super()._dispatch_action(namespace, action_name, params)
        except ChattermError as error:
            complain(self, error)
            return True

    def _handle_exception(self, error: Exception) -> None:
        """What comes from callbacks, timers and workers; Textual would end the program over it."""
        cause = error.error if isinstance(error, WorkerFailed) else error
        if isinstance(cause, ChattermError) and self._stands:
            complain(self, cause)
            return
        super()._handle_exception(error)

    @property
    def _stands(self) -> bool:
        """Whether there is a screen on which anything can be said."""
        return any(isinstance(screen, ChatScreen) for screen in self.screen_stack)

    def _fatal_error(self) -> None:
        """Whoever started the program says what became of it, without Textual's traceback."""
        self._close_messages_no_wait()

    @property
    def failure(self) -> Exception | None:
        """What ended the program, where that was not the user."""
        return self._exception

    def open_chat(self, talk: Talk) -> None:
        self.chat_screen.show_talk(talk)

    # Actions; the registry has their keys.

    def action_palette(self) -> None:
        from chatterm.tui.screens.picker import Picker

        if not isinstance(self.screen, ChatScreen):
            return
        self.push_screen(
            Picker("Commands", self._commands, placeholder="What do you want to do?"),
            self._run_command,
        )

    def _commands(self, query: str) -> list[Row]:
        from chatterm.tui.fuzzy import ranked
        from chatterm.tui.widgets.rows import Row

        known = [action for action in ACTIONS if action.in_palette]
        # What is done in a chat comes before how the program looks and ends.
        known.sort(key=lambda action: action.where is not Where.CHAT)
        return [
            Row(
                action.id,
                action.label,
                right=shown_keys(keys_now(action, self.desk.keymap), 1),
                marks=marks,
            )
            for action, marks in ranked(query, known, lambda action: action.label)
        ]

    async def _run_command(self, picked: Picked | None) -> None:
        from chatterm.tui.actions import BY_ID

        if picked is not None:
            await self.chat_screen.run_action(BY_ID[picked.key].run)

    def action_help(self) -> None:
        from chatterm.tui.screens.help import Help

        if isinstance(self.screen, ChatScreen):
            file = self.desk.paths.config / "keys.toml"
            self.push_screen(Help(self.desk.keymap, file, self.screen.where()))

    def action_themes(self) -> None:
        """Each theme is tried on while the cursor is on it."""
        from chatterm.tui.screens.picker import Picker

        before = self.worn

        def try_on(row: Row | None) -> None:
            if row is not None:
                self.wear(row.key)

        def chosen(picked: Picked | None) -> None:
            self.wear(picked.key if picked else before)
            if picked and self._keep_theme is not None:
                self._keep_theme(picked.key)

        if isinstance(self.screen, ChatScreen):
            self.push_screen(
                Picker(
                    "Themes",
                    self._theme_rows,
                    placeholder="Name of a theme",
                    moved=try_on,
                    start=before,
                ),
                chosen,
            )

    def _theme_rows(self, query: str) -> list[Row]:
        from chatterm.tui.fuzzy import ranked
        from chatterm.tui.widgets.rows import Row

        def kind(theme: Theme) -> str:
            return "dark" if theme.dark else "light"

        kinds = {AUTO: "as the terminal is"}
        kinds |= {name: kind(theme) for name, theme in self.themes.items()}
        return [
            Row(name, name, right=kinds[name], marks=marks)
            for name, marks in ranked(query, kinds, str)
        ]

    def action_leave(self) -> None:
        """Stop what is being written, put everything away, end."""
        if self._leaving is None:
            self._leaving = asyncio.create_task(self._leave())

    async def _leave(self, code: int = 0) -> None:
        with suppress(Exception):
            self.chat_screen.save_draft()
        await self.put_away()
        self.exit(code)

    async def put_away(self) -> None:
        """Stop what is being written, then all who ask anybody, and close what they asked."""
        await self.talks.aclose()
        await self.pulls.aclose()
        workers = list(self.workers)
        self.workers.cancel_all()
        await asyncio.gather(*(worker.wait() for worker in workers), return_exceptions=True)
        with suppress(Exception):
            await self.chat_screen.standing.aclose()
            await self.chat_screen.carrying.aclose()
            await self.chat_screen.servers.aclose()
        self.searcher.close()
        await self.desk.aclose()

    async def action_quit(self) -> None:
        self.action_leave()

    def _end_on_signals(self) -> None:
        """A closed window or a kill is a way to leave: what is written so far is kept."""
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGHUP", "SIGINT"):
            number = getattr(signal, name, None)
            if number is not None:
                with suppress(NotImplementedError, RuntimeError, ValueError):
                    loop.add_signal_handler(number, self._end, 128 + number)
        self.set_interval(_LOOK_SECONDS, self._end_without_a_terminal)

    def _end_without_a_terminal(self) -> None:
        if has_hung_up():
            self._end(_HUNG_UP)

    def _end(self, code: int) -> None:
        if self._leaving is None:
            self._leaving = asyncio.create_task(self._leave(code))
