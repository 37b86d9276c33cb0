"""Removed for good: gone from the tables, the search index, and the bytes of the files."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from chatterm.errors import NotFound, StoreError
from chatterm.messages import Role
from chatterm.store import Store
from tests.clocks import Clock
from tests.store.growing import begin, conversation, end, texts

# Written in no other word, so that finding its bytes means that it is still there.
SECRET = "xylozquartz"
DAY = 86400.0


def bytes_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("chatterm.db*") if file.is_file())


def test_no_trace_is_left_in_any_file(tmp_path: Path, store: Store) -> None:
    kept, _ = conversation(store, *[f"plain words {number}" for number in range(200)])
    chat_id, (prompt,) = conversation(store, f"{SECRET} " * 2000, title=SECRET)
    row = begin(store, chat_id, prompt)
    for length in range(0, 20_000, 1000):
        store.checkpoint(row.id, text=SECRET * length, reasoning=SECRET)
    end(store, row, f"the {SECRET} answer")
    store.set_draft(chat_id, SECRET)
    file = store.attach(SECRET.encode() * 5000, SECRET, "text/plain")
    store.add(chat_id, parent_id=row.id, role=Role.USER, text=SECRET, attachments=[file])
    assert SECRET.encode() in bytes_of(tmp_path)
    store.delete_forever(chat_id)
    assert SECRET.encode() not in bytes_of(tmp_path)
    # FTS5 stores a word without what it shares with the one before it.
    assert SECRET.encode()[1:] not in bytes_of(tmp_path)
    assert len(store.path(kept)) == 200
    assert len(store.search("plain", limit=1000)) == 200
    assert store.integrity() == []


def test_the_trash_tells_what_has_been_in_the_trash_for_long(store: Store, clock: Clock) -> None:
    old, _ = conversation(store, "old words")
    new, _ = conversation(store, "new words")
    kept, _ = conversation(store, "kept words")
    store.delete_chat(old)
    clock.now += DAY
    limit = clock.now
    store.delete_chat(new)
    assert store.in_trash(limit) == [old]
    store.delete_forever(*store.in_trash(limit))
    assert store.in_trash(limit) == []
    with pytest.raises(NotFound):
        store.chat(old)
    store.restore_chat(new)
    assert texts(store.path(new)) == ["new words"]
    assert {hit.chat_id for hit in store.search("words")} == {new, kept}


def test_everything_that_belongs_to_a_chat_goes_with_it(tmp_path: Path, store: Store) -> None:
    chat_id, messages = conversation(store, "a", "b")
    store.tag(chat_id, "t")
    store.set_draft(chat_id, "d")
    store.link(chat_id, "remote", "1")
    store.link(messages[0].id, "remote", "2")
    store.remember_terminal("tty", chat_id)
    store.delete_message(messages[1].id)
    store.delete_forever(chat_id)
    assert store.links("remote", [chat_id, messages[0].id]) == {}
    assert store.last_chat("tty") is None
    with closing(sqlite3.connect(tmp_path / "chatterm.db")) as db:
        tables = db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%fts%'"
            " AND name NOT LIKE '\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'"
        ).fetchall()
        counts = {
            table: db.execute(f"SELECT count(*) FROM {table}").fetchone() for (table,) in tables
        }
    assert len(counts) >= 10
    assert set(counts.values()) == {(0,)}


def test_a_file_stays_while_another_chat_has_it(store: Store, clock: Clock) -> None:
    file = store.attach(b"shared", "s.txt", "text/plain")
    chats = [store.create_chat().id for _ in range(2)]
    for chat_id in chats:
        store.add(chat_id, parent_id=None, role=Role.USER, text="t", attachments=[file])
    store.delete_forever(chats[0])
    assert store.attachment_bytes(file.digest) == b"shared"
    store.delete_forever(chats[1])
    with pytest.raises(NotFound, match="no longer"):
        store.attachment_bytes(file.digest)


def test_a_file_that_is_not_sent_yet_stays_for_a_day(store: Store, clock: Clock) -> None:
    file = store.attach(b"waiting", "w.txt", "text/plain")
    store.delete_forever(store.create_chat().id)
    assert store.attachment_bytes(file.digest) == b"waiting"
    clock.now += 2 * DAY
    store.delete_forever(store.create_chat().id)
    with pytest.raises(NotFound):
        store.attachment_bytes(file.digest)


def test_a_fork_outlives_its_original(store: Store) -> None:
    chat_id, messages = conversation(store, "a", "b")
    fork = store.fork(chat_id, messages[1].id)
    store.delete_forever(chat_id)
    assert texts(store.path(fork.id)) == ["a", "b"]
    assert store.chat(fork.id).forked_from == chat_id
    assert store.integrity() == []


def test_removal_is_not_a_part_of_a_larger_change(store: Store) -> None:
    chat_id, _ = conversation(store, "a")
    with pytest.raises(StoreError, match="larger change"), store.atomic():
        store.delete_forever(chat_id)
    assert texts(store.path(chat_id)) == ["a"]


def test_removal_works_while_another_process_reads(
    store: Store, reopen: Callable[[], Store], tmp_path: Path
) -> None:
    chat_id, _ = conversation(store, "a")
    store._db.run("PRAGMA busy_timeout = 50")
    with closing(sqlite3.connect(tmp_path / "chatterm.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM chats").fetchall()
        store.delete_forever(chat_id)
        reader.execute("ROLLBACK")
    assert store.chats() == []


def test_the_copy_that_an_upgrade_kept_goes_too(tmp_path: Path, store: Store) -> None:
    copy = tmp_path / "chatterm.db.before-m002_search"
    store.backup(copy)
    chat_id, _ = conversation(store, "a")
    assert store.delete_forever(chat_id)
    assert not copy.exists()


def test_it_says_so_when_the_log_could_not_be_cleared(store: Store, tmp_path: Path) -> None:
    chat_id, _ = conversation(store, "a")
    stages: list[str] = []
    with closing(sqlite3.connect(tmp_path / "chatterm.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM messages").fetchone()
        store._db.run("PRAGMA busy_timeout = 50")
        assert not store.delete_forever(chat_id, progress=stages.append)
    assert "removing messages" in stages
