"""Searching beside the loop."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from chatterm.errors import StoreError
from chatterm.store import Store
from chatterm.tui import searching
from chatterm.tui.searching import Found, Searcher
from tests.clocks import Clock
from tests.store.growing import conversation

_ENDLESS = """
WITH RECURSIVE c(n) AS (SELECT begun() UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c
"""


async def test_a_search_that_nobody_waits_for_gives_the_database_free(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = store.create_chat(title="boats")
    begun = threading.Event()
    find = searching.find

    def note() -> int:
        begun.set()
        return 1

    def endless(there: Store, line: str, chat_id: str | None = None) -> Found:
        if line == "endless":
            there._db.connection.create_function("begun", 0, note)
            there._db.rows(_ENDLESS)
        return find(there, line, chat_id)

    monkeypatch.setattr(searching, "find", endless)
    searcher = Searcher(tmp_path / "chatterm.db", store, Clock())
    try:
        waiting = asyncio.create_task(searcher.find("endless"))
        await asyncio.to_thread(begun.wait)
        waiting.cancel()
        found = await asyncio.wait_for(searcher.find("boats"), 20)
        assert [there.id for there in found.chats] == [chat.id]
    finally:
        searcher.close()


async def test_a_store_that_cannot_be_opened_is_told_to_whoever_searches(
    store: Store, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.db"
    broken.write_text("not a database at all, but long enough to be taken for one" * 100)
    searcher = Searcher(broken, store, Clock())
    try:
        searcher.get_ready()
        with pytest.raises(StoreError):
            await searcher.find("boats")
    finally:
        searcher.close()


def test_a_phrase_is_found_before_it_is_whole(store: Store) -> None:
    conversation(store, "zebras in the garden", "zebras in a garage")
    found = searching.find(store, '"in the gar')
    assert [hit.snippet for hit in found.hits] == ["zebras in the garden"]
