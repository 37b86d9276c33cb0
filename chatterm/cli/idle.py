"""What is done while the user thinks: a better title for the chat, in a thread of its own.

Reading a line blocks the thread of the chat, so the work has its own store and its own connection
to the model. It is given up the moment the user has typed something.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from chatterm.errors import ChattermError
from chatterm.titling import Titler

if TYPE_CHECKING:
    from chatterm.backend import Backend
    from chatterm.session import ChatSession
    from chatterm.store import Store

_GIVEN_UP_SECONDS = 5.0


class Idle:
    """Work in the background from ``begin`` to ``end``."""

    def __init__(
        self,
        session: Callable[[], ChatSession],
        open_store: Callable[[], Store],
        open_backend: Callable[[], Backend],
        *,
        wanted: bool = True,
    ) -> None:
        """``session`` is the one that is talked in now."""
        self._session = session
        self._open_store = open_store
        self._open_backend = open_backend
        self._wanted = wanted
        self._titler = Titler(session().store)
        self._tried: set[str] = set()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._running = threading.Event()

    def begin(self, chat_id: str | None) -> None:
        """The user was given an answer and may now think; each chat has one turn."""
        if not self._wanted or chat_id is None or chat_id in self._tried:
            return
        session = self._session()
        if self._titler.wants(session.backend, session.model, chat_id):
            self._tried.add(chat_id)
            self._running.clear()
            self._thread = threading.Thread(target=self._run, args=(chat_id,), daemon=True)
            self._thread.start()

    def end(self) -> None:
        """The user goes on: whatever is not finished is dropped."""
        if self._thread is None:
            return
        if self._thread.is_alive() and self._running.wait(_GIVEN_UP_SECONDS):
            loop, task = self._loop, self._task
            if loop is not None and task is not None:
                with suppress(RuntimeError):  # it has just ended
                    loop.call_soon_threadsafe(task.cancel)
        self._thread.join(_GIVEN_UP_SECONDS)
        self._thread = None

    def _run(self, chat_id: str) -> None:
        with suppress(asyncio.CancelledError, ChattermError):
            asyncio.run(self._title(chat_id))
        self._running.set()

    async def _title(self, chat_id: str) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._running.set()
        with self._open_store() as store:
            backend = self._open_backend()
            try:
                await Titler(store).title(backend, self._session().model, chat_id)
            finally:
                await backend.aclose()
