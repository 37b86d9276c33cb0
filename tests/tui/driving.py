"""Drives the real program without a terminal: a real store, a backend that says what it is told."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from textual.pilot import Pilot

from chatterm.backend import Backend, is_file_name, open_backend, remote_of
from chatterm.catalog import Catalog, ModelEntry, RemoteEntry
from chatterm.config import Config
from chatterm.handover import Beginning
from chatterm.ids import ulid_factory
from chatterm.messages import CountedPrompt, Message, Request
from chatterm.paths import Paths
from chatterm.store import Store
from chatterm.tui.actions import Keymap
from chatterm.tui.app import ChattermApp
from chatterm.tui.desk import Capacity, Desk
from chatterm.tui.screens.chat import ChatScreen
from chatterm.tui.talk import Talk
from chatterm.tui.widgets.composer import Composer
from tests.clocks import Clock
from tests.scripted import ScriptedBackend, Step

MODELS = {
    "scripted": ModelEntry("scripted", "echo", summary="Says what it is told"),
    "other": ModelEntry("other", "echo", summary="Another one"),
}


@dataclass
class Program:
    """The program while it runs."""

    app: ChattermApp
    pilot: Pilot[int]
    store: Store
    backend: ScriptedBackend
    desk: Desk

    @property
    def screen(self) -> ChatScreen:
        return self.app.chat_screen

    @property
    def talk(self) -> Talk:
        return self.screen.talk

    @property
    def composer(self) -> Composer:
        return self.screen.composer

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        # On a busy machine a key may wait for the one before it, which nobody else waits for.
        await self.until(lambda: not self.app._waiting or self.app._exit)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Type letter by letter, as fingers do."""
        names = {" ": "space", "\n": "ctrl+j", "/": "slash", "@": "at", ".": "full_stop"}
        for letter in text:
            await self.pilot.press(names.get(letter, letter))

    async def say(self, text: str) -> None:
        """Write a message, send it, and wait for the answer."""
        await self.type(text)
        await self.press("enter")
        await self.answered()

    async def until(self, true: Callable[[], bool], seconds: float = 10) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, "it did not come about"
            await self.pilot.pause(0.01)

    async def answered(self) -> None:
        await self.until(lambda: not self.talk.busy and not self.talk.queue)
        await self.pilot.pause()

    def path(self) -> list[Message]:
        return self.talk.session.path()

    def texts(self) -> list[str]:
        return [message.text for message in self.path()]

    @property
    def complaints(self) -> list[str]:
        """What was said in the corner of the screen."""
        return [notification.message for notification in self.app._notifications]

    @property
    def status(self) -> str:
        """The words of the status line."""
        return self.text_of("StatusLine")

    def text_of(self, selector: str) -> str:
        """What a widget shows, as text."""
        region = self.app.screen.query_one(selector).region
        return "\n".join(
            line[region.x : region.right] for line in self.lines()[region.y : region.bottom]
        )

    def lines(self) -> list[str]:
        """The screen as text, row by row."""
        return screen_text(self.app)


def screen_text(app: ChattermApp) -> list[str]:
    height = app.size.height
    strips = app.screen._compositor.render_strips(app.size)
    return ["".join(segment.text for segment in strip) for strip in strips[:height]]


@contextlib.asynccontextmanager
async def program(
    store: Store,
    home: Path,
    *scripts: list[Step],
    size: tuple[int, int] = (100, 30),
    keymap: Keymap | None = None,
    chat_id: str | None = None,
    first: Beginning | None = None,
    config: Config | None = None,
    clock: Callable[[], float] | None = None,
    models: Mapping[str, ModelEntry] | None = None,
    remotes: Mapping[str, RemoteEntry] | None = None,
    database: Path | None = None,
    toasts: bool = False,
) -> AsyncIterator[Program]:
    """The program with that store, answering with those scripts one after the other.

    A model that is a file is asked for real.
    """
    backend = ScriptedBackend(*scripts)
    catalog = Catalog(models={**MODELS, **(models or {})}, remotes=remotes or {})
    config = config or Config(model="scripted")

    def opened(model: str) -> Backend:
        if remote_of(model, catalog) is not None or is_file_name(model):
            return open_backend(model, config=config, catalog=desk.catalog, paths=desk.paths)
        return backend

    desk = make_desk(
        store, home, opened, keymap=keymap, config=config, clock=clock, database=database
    )
    desk.catalog = catalog
    app = ChattermApp(desk, first or Beginning(chat_id))
    async with app.run_test(size=size, notifications=toasts) as pilot:
        await pilot.pause()
        run = Program(app, pilot, store, backend, desk)
        try:
            yield run
        finally:
            await app.put_away()


def make_desk(
    store: Store,
    home: Path,
    open_backend: Callable[[str], Backend],
    *,
    keymap: Keymap | None = None,
    config: Config | None = None,
    clock: Callable[[], float] | None = None,
    database: Path | None = None,
) -> Desk:
    return Desk(
        store=store,
        config=config or Config(model="scripted"),
        catalog=Catalog(models=MODELS, remotes={}),
        paths=Paths.from_environment({"CHATTERM_HOME": str(home)}),
        database=database,
        terminal_id="test",
        open_backend=open_backend,
        clock=clock or Clock(),
        monotonic=time.monotonic,
        editor="true",
        keymap=keymap or {},
    )


def a_store(path: Path) -> Store:
    return Store.open(path, clock=Clock(), new_id=ulid_factory(Clock(), random_bytes=bytes))


def limit(
    run: Program, context: int, *, left_out: int = 0, tokens: int = 900, most: int = 4000
) -> list[str]:
    """A model with so much context that counts; what it was asked to count."""
    asked: list[str] = []

    async def capacity_of(model: str) -> Capacity:
        return Capacity(context, 512.0, most)

    async def count(request: Request) -> CountedPrompt:
        asked.append(request.path[-1].text)
        return CountedPrompt("", tokens, context, left_out)

    run.desk.capacity_of = capacity_of  # type: ignore[method-assign]
    run.backend.count = count  # type: ignore[attr-defined]
    run.screen.standing.ask_again("scripted")
    return asked
