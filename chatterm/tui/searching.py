"""Search beside the loop: a thread with a connection of its own, so that typing never waits."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from chatterm.ids import Clock, ulid_factory
from chatterm.store import Chat, Hit, Store

TITLES = 30
HITS = 50


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: chats by their titles, messages by their words."""

    chats: tuple[Chat, ...] = ()
    hits: tuple[Hit, ...] = ()


class Searcher:
    """One thread, one connection; to be closed. A store in memory is searched where it is."""

    def __init__(self, path: Path | None, fallback: Store, clock: Clock) -> None:
        self._path = path
        self._fallback = fallback
        self._clock = clock
        self._thread: ThreadPoolExecutor | None = None
        self._store: Store | None = None

    async def find(self, line: str, *, chat_id: str | None = None) -> Found:
        if self._path is None:
            return find(self._fallback, line, chat_id)
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="search")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._find, line, chat_id)

    def close(self) -> None:
        if self._thread is not None:
            self._thread.submit(self._close)
            self._thread.shutdown(wait=True, cancel_futures=True)
            self._thread = None

    def _find(self, line: str, chat_id: str | None) -> Found:
        if self._store is None:
            self._store = Store.open(self._path, clock=self._clock, new_id=ulid_factory())
        return find(self._store, line, chat_id)

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
    open_end = line[-1].isalnum() and line.count('"') % 2 == 0
    hits = store.search(f"{text}*" if open_end else text, limit=HITS, chat_id=chat_id)
    chats = store.chats(title=text, limit=TITLES) if chat_id is None else []
    return Found(tuple(chats), tuple(hits))
