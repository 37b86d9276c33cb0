"""What every part of the program works with: the store, the settings, the models that can be asked.

A backend is opened when it is first asked something, so a chat opens at once and a model that is
missing is an error under the prompt, not instead of the program.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chatterm.backend import Backend, count_prompt, engine_home, is_file_name, warm
from chatterm.catalog import Catalog
from chatterm.config import Config
from chatterm.errors import ChattermError
from chatterm.events import Event, Progress
from chatterm.messages import CountedPrompt, Message, ModelInfo, Request, Role
from chatterm.params import Params
from chatterm.paths import Paths
from chatterm.session import ChatSession
from chatterm.store import Chat, Store
from chatterm.templates import Templates
from chatterm.tui.actions import Keymap


@dataclass(frozen=True, slots=True)
class Capacity:
    """Zero is unknown."""

    context: int = 0
    """Tokens that a model is opened with."""
    memory_mb: float = 0.0
    """What its engine takes now."""
    most: int = 0
    """Tokens that the model was made for, which its context may be raised to."""


@dataclass
class Desk:
    """Opened once, passed to whoever needs it."""

    store: Store
    config: Config
    catalog: Catalog
    paths: Paths
    database: Path | None
    """The file of the store; None where it is in memory."""
    terminal_id: str
    open_backend: Callable[[str], Backend]
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    editor: str = ""
    """The command of the user's editor."""
    keymap: Keymap = field(default_factory=dict)
    _backends: dict[str, LateBackend] = field(default_factory=dict)

    @property
    def templates(self) -> Templates:
        return Templates(self.paths.templates_dir)

    def session(
        self,
        chat: Chat | None,
        *,
        model: str = "",
        params: Params | None = None,
        system: str | None = None,
    ) -> ChatSession:
        """Go on in a chat, or begin one; a chat's own model is used unless told otherwise."""
        name = whole_name(model or (chat.model if chat is not None else "") or self.config.model)
        return ChatSession(
            self.store,
            self.backend(name),
            model=name,
            chat_id=chat.id if chat is not None else None,
            system=self.config.system if system is None else system,
            params=params or self.config.params,
            monotonic=self.monotonic,
        )

    def backend(self, model: str) -> LateBackend:
        """What answers with that model; the same for every chat."""
        if model not in self._backends:
            self._backends[model] = LateBackend(lambda: self.open_backend(model))
        return self._backends[model]

    def reopen(self, remote: str) -> None:
        """Open a remote's backends anew when they are next asked, with the login of then."""
        for model, backend in self._backends.items():
            if model.startswith(f"{remote}/"):
                backend.reopen()

    async def warm(
        self, model: str, params: Params, told: Callable[[Progress | None], None]
    ) -> None:
        """Let the engine load a model before it is asked; ``told`` hears how far that is.

        What is wrong with it, who asks it hears.
        """
        hello = Message("", None, Role.USER, "hello", 0.0)
        request = Request(model, (hello,), "", params)
        try:
            backend = self.backend(model).opened()
            async with contextlib.aclosing(warm(backend, request)) as steps:
                async for step in steps:
                    told(step)
        except (ChattermError, OSError):
            return
        finally:
            told(None)

    async def capacity_of(self, model: str) -> Capacity:
        """What a model can take, as far as anybody can say now."""
        backend = self.backend(model)
        infos = await backend.models()
        known = max((info.context for info in infos if info.name == model), default=0)
        if backend.name != "engine":
            return Capacity(known)
        loaded = await self._loaded(model)
        context = loaded.context or self.config.engine.context
        return Capacity(context, loaded.memory_mb, known)

    async def _loaded(self, model: str) -> Capacity:
        """What the engine that has the model loaded says of itself; zeros while none has."""
        from chatterm.engine.hosts import running

        hosts = await running(engine_home(self.config, self.paths))
        file = await asyncio.to_thread(self._file_of, model) if hosts else None
        for host in hosts:
            if _resolved(str(host.get("model", ""))) == file:
                return Capacity(int(host.get("context", 0)), float(host.get("memory_mb", 0)))
        return Capacity()

    def _file_of(self, model: str) -> Path:
        entry = self.catalog.models.get(model)
        if is_file_name(model):
            return Path(model)
        if entry is not None and entry.path:
            return Path(entry.path).resolve()
        from chatterm.engine.library import open_library

        return open_library(self.paths, self.catalog).find(model).path.resolve()

    async def aclose(self) -> None:
        for backend in self._backends.values():
            with contextlib.suppress(ChattermError):
                await backend.aclose()


def _resolved(path: str) -> Path:
    return Path(path).resolve()


class LateBackend:
    """A backend that is opened when it is first needed; failing to is failing to answer."""

    def __init__(self, opener: Callable[[], Backend]) -> None:
        self._opener = opener
        self._opened: Backend | None = None
        self._before: list[Backend] = []
        """Those that may still be answering."""

    def reopen(self) -> None:
        """Open another one when something is asked next."""
        if self._opened is not None:
            self._before.append(self._opened)
            self._opened = None

    def opened(self) -> Backend:
        if self._opened is None:
            self._opened = self._opener()
        return self._opened

    @property
    def name(self) -> str:
        try:
            return self.opened().name
        except ChattermError:
            return ""

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        async with contextlib.aclosing(self.opened().stream(request)) as events:
            async for event in events:
                yield event

    async def models(self) -> Sequence[ModelInfo]:
        return await self.opened().models()

    async def count(self, request: Request) -> CountedPrompt:
        return await count_prompt(self.opened(), request)

    async def aclose(self) -> None:
        self.reopen()
        for backend in self._before:
            await backend.aclose()


def whole_name(model: str) -> str:
    """A model's file by its whole path, so that the chat finds it from any folder."""
    return str(Path(model).expanduser().resolve()) if is_file_name(model) else model


def short_name(model: str) -> str:
    """A model as a narrow line shows it."""
    return Path(model).stem if is_file_name(model) else model
