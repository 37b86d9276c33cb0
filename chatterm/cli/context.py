"""What every command shares, opened when first asked for: settings, catalogue, store.

Building it costs nothing, so `--version` and `--help` pay for none of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, cast

import typer

from chatterm.cli.console import Console
from chatterm.cli.terminal import terminal_id
from chatterm.errors import ConfigError
from chatterm.ids import ulid_factory

if TYPE_CHECKING:
    from chatterm.catalog import Catalog
    from chatterm.config import Config
    from chatterm.handover import Beginning, Surroundings, Written
    from chatterm.paths import Paths
    from chatterm.redaction import Redactor
    from chatterm.store import Chat, Store
    from chatterm.templates import Templates


class Tui(Protocol):
    """What the command line knows of the full-screen face."""

    def open_chat(
        self, around: Surroundings, first: Beginning, suggest: Callable[[str], Sequence[str]]
    ) -> int:
        """Run until the user leaves; the exit code."""

    def write_message(
        self,
        around: Surroundings,
        chat_id: str | None,
        model: str,
        text: str | None,
        commands: Mapping[str, str],
    ) -> Written | None:
        """One message, written below what the terminal shows; None leaves.

        ``text`` is what the composer begins with, in place of the draft; ``commands`` are those
        that whoever reads the message understands, with what they do.
        """


class Context:
    """One run of the program."""

    def __init__(self, console: Console, env: Mapping[str, str], tui: Tui | None = None) -> None:
        self.console = console
        self.env = env
        self.tui = tui
        self._paths: Paths | None = None
        self._config: Config | None = None
        self._redactor: Redactor | None = None

    def paths(self) -> Paths:
        if self._paths is None:
            from chatterm.paths import Paths

            self._paths = Paths.from_environment(self.env)
        return self._paths

    def config(self) -> Config:
        if self._config is None:
            from chatterm.config_reading import load_config

            self._config = load_config(self.paths(), self.env)
        return self._config

    def catalog(self) -> Catalog:
        from chatterm.catalog import load_catalog

        return load_catalog(self.paths().user_models_file)

    def templates(self) -> Templates:
        from chatterm.templates import Templates

        return Templates(self.paths().templates_dir)

    def surroundings(self, store: Store) -> Surroundings:
        from chatterm.handover import Surroundings

        return Surroundings(
            store, self.config(), self.catalog(), self.paths(), self.env, terminal_id(self.env)
        )

    def store(self, *, temporary: bool = False) -> Store:
        """Open the chats; a temporary store lives in memory and leaves no trace."""
        from chatterm.store import Store

        path = None if temporary else self.paths().database
        return Store.open(path, clock=time.time, new_id=ulid_factory(), redacted=self.redacted)

    def redacted(self, text: str) -> str:
        """A text without what the setting ``store.redact`` keeps out; says how much that was.

        The settings are read at the first text, as most commands store none.
        """
        if self._redactor is None:
            from chatterm.redaction import Redactor

            self._redactor = Redactor(self.config().store.redact)
        text, count = self._redactor(text)
        if count:
            what = "1 secret was" if count == 1 else f"{count} secrets were"
            self.console.note(f"{what} replaced before anything was stored or sent")
        return text

    def chat_to_continue(self, store: Store, ref: str | None, last: bool) -> Chat | None:
        """The chat that ``--chat`` or ``--continue`` means; None begins a new one."""
        if ref is not None:
            return store.find_chat(ref)
        if not last:
            return None
        chat = store.last_chat(terminal_id(self.env))
        if chat is None:
            raise ConfigError(
                "there is no chat in this terminal yet",
                hint="choose one with --chat ID; chatterm chats list shows them",
            )
        return chat

    def remember_chat(self, store: Store, chat_id: str | None) -> None:
        """Make it the last chat of this terminal."""
        if chat_id is not None:
            store.remember_terminal(terminal_id(self.env), chat_id)


def context_of(ctx: typer.Context) -> Context:
    return cast(Context, ctx.obj)
