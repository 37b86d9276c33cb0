"""Search beside the loop: a thread with a connection of its own, so that typing never waits."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock

from chatterm.errors import StoreError
from chatterm.ids import Clock, ulid_factory
from chatterm.store import Chat, Hit, Store

TITLES = 30
HITS = 50


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: chats by their titles, messages by their words."""

    chats: tuple[Chat, ...] = ()
    hits: tuple[Hit, ...] = ()


class _Search:
    """One search of the thread, which may be called off from outside of it."""

    def __init__(self, line: str, chat_id: str | None) -> None:
        self._line = line
        self._chat_id = chat_id
        self._lock = Lock()
        self._asked: Store | None = None
        self._off = Event()

    def run(self, store: Store) -> Found:
        with self._lock:
            if self._off.is_set():
                return Found()
            self._asked = store
        try:
            return find(store, self._line, self._chat_id)
        except StoreError:
            if self._off.is_set():
                return Found()
            raise
        finally:
            with self._lock:
                self._asked = None

    def call_off(self) -> None:
        with self._lock:
            self._off.set()
            if self._asked is not None:
                self._asked.interrupt()


class Searcher:
    """One thread, one connection; to be closed. A store in memory is searched where it is.

    Every key is answered at once. Whoever cancels a search, as a worker does that the next key
    replaces, also stops the database, so that what is slow holds up nothing.
    """

    def __init__(self, path: Path | None, fallback: Store, clock: Clock) -> None:
        self._path = path
        self._fallback = fallback
        self._clock = clock
        self._thread: ThreadPoolExecutor | None = None
        self._store: Store | None = None

    def get_ready(self) -> None:
        """Open the connection, as somebody is about to type."""
        if self._path is not None:
            # Where that fails, the search that tries again is told so.
            self._begun().submit(self._open)

    async def find(self, line: str, *, chat_id: str | None = None) -> Found:
        if self._path is None:
            return find(self._fallback, line, chat_id)
        loop = asyncio.get_running_loop()
        search = _Search(line, chat_id)
        try:
            return await loop.run_in_executor(self._begun(), self._run, search)
        except asyncio.CancelledError:
            search.call_off()
            raise

    def close(self) -> None:
        if self._thread is not None:
            self._thread.submit(self._close)
            self._thread.shutdown(wait=True)
            self._thread = None

    def _begun(self) -> ThreadPoolExecutor:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="search")
        return self._thread

    def _open(self) -> Store:
        if self._store is None:
            self._store = Store.open(self._path, clock=self._clock, new_id=ulid_factory())
        return self._store

    def _run(self, search: _Search) -> Found:
        return search.run(self._open())

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None


def find(store: Store, line: str, chat_id: str | None = None) -> Found:
    """Titles and messages for a line that is still being typed."""
    text = line.strip()
    if not text:
        return Found()
    # The last word may go on, unless a blank or a quote says that it is whole.
    in_phrase = line.count('"') % 2 == 1
    going_on = ('"*' if in_phrase else "*") if line[-1].isalnum() else ""
    hits = store.search(text + going_on, limit=HITS, chat_id=chat_id)
    chats = store.chats(title=text, limit=TITLES) if chat_id is None else []
    return Found(tuple(chats), tuple(hits))
