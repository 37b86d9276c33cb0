"""Drafts, files, links, terminals; and the check and the copy of the whole."""

from __future__ import annotations

import hashlib
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from chatterm.errors import StoreError
from chatterm.ids import NewId
from chatterm.store import Store
from tests.clocks import Clock
from tests.store.growing import conversation, texts


def test_each_chat_has_a_draft_and_so_has_the_one_to_come(store: Store) -> None:
    chat = store.create_chat()
    assert store.draft(chat.id) == store.draft(None) == ""
    store.set_draft(chat.id, "half a")
    store.set_draft(chat.id, "half a thought")
    store.set_draft(None, "a new one")
    assert (store.draft(chat.id), store.draft(None)) == ("half a thought", "a new one")
    store.set_draft(chat.id, "")
    assert (store.draft(chat.id), store.draft(None)) == ("", "a new one")


def test_the_bytes_of_a_file_are_kept_once(store: Store, tmp_path: Path) -> None:
    first = store.attach(b"bytes", "a.txt", "text/plain")
    second = store.attach(b"bytes", "b.md", "text/markdown")
    assert first.digest == second.digest == hashlib.sha256(b"bytes").hexdigest()
    assert (second.name, second.media_type, second.size) == ("b.md", "text/markdown", 5)
    assert store.attachment_bytes(first.digest) == b"bytes"
    with closing(sqlite3.connect(tmp_path / "chatterm.db")) as db:
        assert db.execute("SELECT count(*) FROM attachments").fetchone() == (1,)


def test_links_are_kept_for_each_remote(store: Store) -> None:
    store.link("A", "oa", "1")
    store.link("A", "other", "9")
    store.link("B", "oa", "2")
    store.link("B", "oa", "3")
    assert store.links("oa", ["A", "B", "C"]) == {"A": "1", "B": "3"}
    assert store.links("oa", []) == {}
    assert store.links("oa", (f"{number}" for number in range(10_000))) == {}


def test_a_terminal_remembers_its_last_chat(store: Store) -> None:
    assert store.last_chat(None) is None
    first, _ = conversation(store, "a")
    second, _ = conversation(store, "b")
    store.remember_terminal("tty1", second)
    store.remember_terminal("tty1", first)
    store.remember_terminal(None, second)
    last = store.last_chat("tty1")
    assert last is not None
    assert last.id == first
    assert store.last_chat("tty2") is None
    newest = store.last_chat(None)
    assert newest is not None
    assert newest.id == second
    store.delete_chat(first)
    assert store.last_chat("tty1") is None


def test_a_backup_is_a_whole_private_store(
    store: Store, tmp_path: Path, clock: Clock, new_id: NewId
) -> None:
    chat_id, _ = conversation(store, "a", "b")
    copy = tmp_path / "copy.db"
    store.backup(copy)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with Store.open(copy, clock=clock, new_id=new_id) as opened:
        assert texts(opened.path(chat_id)) == ["a", "b"]
        assert opened.integrity() == []


def test_a_backup_overwrites_nothing(store: Store, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("precious")
    with pytest.raises(StoreError, match="exists already") as caught:
        store.backup(tmp_path / "copy.db")
    assert caught.value.hint
    assert (tmp_path / "copy.db").read_text() == "precious"


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        ("UPDATE messages SET deleted_by = 1 WHERE text = 'a'", "below deleted ones"),
        ("UPDATE messages SET deleted_by = 1 WHERE text = 'b'", "tip is deleted"),
        ("DELETE FROM messages_fts_docsize", "search index"),
        ("UPDATE chats SET tip_id = 'nowhere'", "that is missing"),
        (
            "DROP TRIGGER messages_keep_their_place; UPDATE messages SET n = 1 WHERE text = 'b'",
            "before",
        ),
    ],
)
def test_the_check_sees_what_breaks_a_rule(
    store: Store, tmp_path: Path, harm: str, complaint: str
) -> None:
    conversation(store, "a", "b")
    assert store.integrity() == []
    with closing(sqlite3.connect(tmp_path / "chatterm.db")) as db, db:
        db.executescript(harm)
    assert complaint in "\n".join(store.integrity())
