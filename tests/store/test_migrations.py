"""From every schema there ever was, with data, to today's; and nothing from tomorrow's."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlite_utils

from chatterm.errors import StoreError
from chatterm.store import Store
from chatterm.store.database import LEDGER
from chatterm.store.migrations import APPLICATION_ID, MIGRATIONS
from tests.store.growing import conversation, texts

_MESSAGE = {
    "chat_id": "CHAT",
    "parent_id": "A",
    "role": "assistant",
    "state": "complete",
    "model": "echo",
    "created_at": 1.0,
    "visited_at": 1.0,
}
_MESSAGES = [
    {"n": 1000, "id": "A", "text": "an old question", "parent_id": None, "role": "user"},
    {"n": 2000, "id": "B", "text": "古い答え"},
    {"n": 3000, "id": "C", "text": "an old branch", "state": "stopped"},
]
_NGRAMS = {"B": "古い い答 答え え"}

_REST = """
INSERT INTO chats (id, title, title_key, tip_id, created_at, updated_at)
VALUES ('CHAT', 'Old', 'old', 'B', 1, 3);
INSERT INTO answers (message_id, backend, params, writer, started_at)
VALUES ('B', 'echo', '{"seed": 7}', 'gone', 2);
INSERT INTO chat_tags (tag, chat_id) VALUES ('kept', 'CHAT');
INSERT INTO drafts (place, chat_id, text) VALUES ('CHAT', 'CHAT', 'unsent');
"""


def write_as_of(path: Path, names: tuple[str, ...]) -> None:
    """A file as a version left it that knew only these migrations."""
    left_out = [name for name in LEDGER if name not in names]
    with closing(sqlite3.connect(path)) as connection:
        db = sqlite_utils.Database(connection, execute_plugins=False)
        MIGRATIONS.apply(db, stop_before=left_out)
        connection.executescript(_REST)
        for message in _MESSAGES:
            row: dict[str, object] = _MESSAGE | message
            if "m002_search" in names:
                row["ngrams"] = _NGRAMS.get(str(row["id"]), "")
            db.table("messages").insert(row)
        connection.execute("PRAGMA journal_mode = WAL")


def ledger(path: Path) -> tuple[str, ...]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name FROM _sqlite_migrations ORDER BY id").fetchall()
    return tuple(name for (name,) in rows)


def test_the_names_known_when_opening_are_those_that_exist() -> None:
    assert tuple(migration.name for migration in MIGRATIONS._migrations) == LEDGER


@pytest.mark.parametrize(
    "names", [LEDGER[: i + 1] for i in range(len(LEDGER))], ids=lambda n: n[-1]
)
def test_data_of_every_past_schema_is_carried_along(
    tmp_path: Path, reopen: Callable[[], Store], names: tuple[str, ...]
) -> None:
    path = tmp_path / "chatterm.db"
    write_as_of(path, names)
    with reopen() as store:
        assert ledger(path) == LEDGER
        assert store.integrity() == []
        (chat,) = store.chats(title="OLD", tag="kept")
        assert texts(store.path(chat.id)) == ["an old question", "古い答え"]
        assert texts(store.siblings("B")) == ["古い答え", "an old branch"]
        assert store.draft(chat.id) == "unsent"
        origin = store.provenance("B")
        assert origin is not None
        assert origin.params.seed == 7
        assert [hit.message_id for hit in store.search("old")] == ["C", "A"]
        assert [hit.message_id for hit in store.search("答え")] == ["B"]


def test_an_upgrade_keeps_a_private_copy_of_what_was(
    tmp_path: Path, reopen: Callable[[], Store]
) -> None:
    path = tmp_path / "chatterm.db"
    write_as_of(path, LEDGER[:1])
    reopen().close()
    copy = tmp_path / f"chatterm.db.before-{LEDGER[1]}"
    assert ledger(copy) == LEDGER[:1]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT count(*) FROM messages").fetchone() == (3,)
    reopen().close()
    assert sorted(tmp_path.glob("*")) == [path, copy]


def test_a_new_file_needs_no_copy(tmp_path: Path, reopen: Callable[[], Store]) -> None:
    reopen().close()
    assert list(tmp_path.glob("*")) == [tmp_path / "chatterm.db"]
    with closing(sqlite3.connect(tmp_path / "chatterm.db")) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_an_upgrade_that_fails_changes_nothing_and_can_be_repeated(
    tmp_path: Path, reopen: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "chatterm.db"
    write_as_of(path, LEDGER[:1])

    def broken(text: str) -> str:
        raise sqlite3.OperationalError(text)

    with monkeypatch.context() as patch:
        patch.setattr("chatterm.store.migrations.ngrams", broken)
        with pytest.raises(StoreError):
            reopen()
    assert ledger(path) == LEDGER[:1]
    with closing(sqlite3.connect(path)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(messages)")]
    assert "ngrams" not in columns
    with reopen() as store:
        assert store.integrity() == []


def test_a_file_from_a_newer_version_is_refused_and_left_as_it_is(
    tmp_path: Path, reopen: Callable[[], Store]
) -> None:
    path = tmp_path / "chatterm.db"
    with reopen() as store:
        conversation(store, "precious")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('chatterm', 'm999_future', '')"
        )
    before = path.read_bytes()
    with pytest.raises(StoreError, match="was written by a newer chatterm") as caught:
        reopen()
    assert "upgrade chatterm" in caught.value.hint
    assert "m999_future" in caught.value.detail
    assert path.read_bytes() == before
    assert list(tmp_path.glob("*")) == [path]


def test_a_database_of_another_program_is_refused_and_left_as_it_is(
    tmp_path: Path, reopen: Callable[[], Store]
) -> None:
    path = tmp_path / "chatterm.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="not a database of chatterm") as caught:
        reopen()
    assert caught.value.hint
    assert path.read_bytes() == before


def test_an_up_to_date_file_is_opened_without_sqlite_utils(
    tmp_path: Path, reopen: Callable[[], Store]
) -> None:
    reopen().close()
    script = (
        "import sys, time; from pathlib import Path; from chatterm.store import Store;"
        "from chatterm.ids import ulid_factory;"
        "Store.open(Path(sys.argv[1]), clock=time.time, new_id=ulid_factory()).close();"
        "print('sqlite_utils' in sys.modules)"
    )
    path = tmp_path / "chatterm.db"
    run = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True, check=True
    )
    assert run.stdout == "False\n"
