"""When the file or the disk fails: a plain sentence, a hint, and nothing lost."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from chatterm.errors import StoreError
from chatterm.ids import NewId
from chatterm.store import Store
from tests.clocks import Clock
from tests.store.growing import conversation, say, texts

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chatterm.db"


def fill(reopen: Callable[[], Store]) -> str:
    with reopen() as store:
        chat_id, _ = conversation(store, *[f"message {number} " * 200 for number in range(60)])
    return chat_id


def expect(caught: pytest.ExceptionInfo[StoreError], message: str) -> None:
    assert message in caught.value.message
    assert caught.value.hint
    assert caught.value.__cause__ is not None
    assert "!" not in caught.value.message + caught.value.hint


def test_a_damaged_file_is_named(path: Path, reopen: Callable[[], Store]) -> None:
    chat_id = fill(reopen)
    content = bytearray(path.read_bytes())
    content[4096 * 30 :] = b"\xa5" * (len(content) - 4096 * 30)
    path.write_bytes(content)
    with pytest.raises(StoreError) as caught, reopen() as store:
        store.path(chat_id)
    expect(caught, f"{path} is damaged")
    assert path.read_bytes()[: 4096 * 30] == content[: 4096 * 30]


def test_a_damaged_file_is_described_by_the_check(path: Path, reopen: Callable[[], Store]) -> None:
    fill(reopen)
    content = bytearray(path.read_bytes())
    content[-4096 * 20 :] = b"\xa5" * (4096 * 20)
    path.write_bytes(content)
    with reopen() as store:
        assert store.integrity()


def test_a_file_cut_short_is_damaged(path: Path, reopen: Callable[[], Store]) -> None:
    chat_id = fill(reopen)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(StoreError) as caught, reopen() as store:
        store.path(chat_id)
    expect(caught, "is damaged")


@pytest.mark.parametrize(
    "content", [b"just some text " * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_what_is_no_database_is_refused_and_left_alone(
    path: Path, reopen: Callable[[], Store], content: bytes
) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError) as caught:
        reopen()
    expect(caught, str(path))
    assert path.read_bytes() == content


def test_an_empty_file_is_a_new_store(path: Path, reopen: Callable[[], Store]) -> None:
    path.touch()
    with reopen() as store:
        assert store.chats() == []


def test_a_file_where_a_folder_is_needed(tmp_path: Path, clock: Clock, new_id: NewId) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(StoreError) as caught:
        Store.open(tmp_path / "data" / "chatterm.db", clock=clock, new_id=new_id)
    expect(caught, "cannot be opened")


def test_a_folder_where_the_file_is_needed(path: Path, reopen: Callable[[], Store]) -> None:
    path.mkdir()
    with pytest.raises(StoreError) as caught:
        reopen()
    expect(caught, "cannot be opened")


@contextmanager
def ordinary_user(folder: Path) -> Iterator[None]:
    """Permissions do not bind root."""
    if os.geteuid() != 0:
        yield
        return
    os.chown(folder, NOBODY, NOBODY)
    for file in folder.iterdir():
        os.chown(file, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that any user can reach, which pytest's own are not."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="chatterm-test-") as name:
        yield Path(name)
        Path(name).chmod(0o700)


@pytest.mark.parametrize("existing", [False, True])
def test_a_folder_that_cannot_be_written(
    public_folder: Path, clock: Clock, new_id: NewId, existing: bool
) -> None:
    path = public_folder / "chatterm.db"
    if existing:
        with Store.open(path, clock=clock, new_id=new_id) as store:
            conversation(store, "kept")
    with ordinary_user(public_folder):
        public_folder.chmod(0o500)
        with pytest.raises(StoreError) as caught:
            Store.open(path, clock=clock, new_id=new_id)
        public_folder.chmod(0o700)
    expect(caught, str(path))
    assert "cannot be" in caught.value.message
    with Store.open(path, clock=clock, new_id=new_id) as store:
        assert len(store.chats()) == existing


def test_a_file_that_cannot_be_written_can_still_be_read(
    public_folder: Path, clock: Clock, new_id: NewId
) -> None:
    path = public_folder / "chatterm.db"
    with Store.open(path, clock=clock, new_id=new_id) as store:
        chat_id, _ = conversation(store, "kept")
    with ordinary_user(public_folder):
        path.chmod(0o400)
        with Store.open(path, clock=clock, new_id=new_id) as store:
            with pytest.raises(StoreError) as caught:
                say(store, chat_id, "lost")
            assert texts(store.path(chat_id)) == ["kept"]
    expect(caught, "cannot be written")


def test_a_full_disk_is_said_and_what_was_stored_is_safe(
    path: Path, reopen: Callable[[], Store]
) -> None:
    with reopen() as store:
        chat_id, (first,) = conversation(store, "kept")
        pages = store._db.value("PRAGMA page_count")
        store._db.run(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(StoreError) as caught:
            say(store, chat_id, "too much " * 10_000, first)
        expect(caught, "the disk is full")
        assert texts(store.tree(chat_id)) == ["kept"]
        assert texts(store.path(chat_id)) == ["kept"]
        assert store.integrity() == []


_FILL_UP = """
import sys, time
from pathlib import Path
import resource
from chatterm.errors import StoreError
from chatterm.ids import ulid_factory
from chatterm.store import Store
from tests.store.growing import conversation, say
with Store.open(Path(sys.argv[1]), clock=time.time, new_id=ulid_factory()) as store:
    chat_id, (last,) = conversation(store, "kept")
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
    count = 0
    try:
        while True:
            last = say(store, chat_id, "x" * 50_000, last)
            count += 1
    except StoreError as error:
        print(count, error.message, error.hint, sep="\\n")
"""


def test_a_write_that_the_system_refuses_loses_nothing_before_it(
    path: Path, reopen: Callable[[], Store]
) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    run = subprocess.run(
        [sys.executable, "-c", _FILL_UP, path], capture_output=True, text=True, check=False
    )
    count, message, hint = run.stdout.splitlines()
    assert "failed" in message or "full" in message
    assert "safe" in hint
    with reopen() as store:
        (chat,) = store.chats()
        assert len(store.path(chat.id)) == int(count) + 1
        assert store.integrity() == []


def test_a_file_that_stays_locked_is_given_up(
    path: Path, store: Store, reopen: Callable[[], Store]
) -> None:
    chat_id, (first,) = conversation(store, "kept")
    store._db.run("PRAGMA busy_timeout = 50")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError) as caught:
            say(store, chat_id, "later", first)
        assert texts(store.path(chat_id)) == ["kept"]
        other.execute("ROLLBACK")
    expect(caught, "locked")
    say(store, chat_id, "later", first)


def test_a_locked_file_is_waited_for(store: Store, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "chatterm.db")) as db:
        assert db.execute("SELECT 1").fetchone() == (1,)
    assert store._db.value("PRAGMA busy_timeout") == 10_000


def test_a_file_that_was_never_attached_cannot_be_sent(store: Store) -> None:
    from chatterm.messages import Attachment, Role

    chat_id = store.create_chat().id
    with pytest.raises(StoreError, match="refused a change") as caught:
        store.add(
            chat_id,
            parent_id=None,
            role=Role.USER,
            text="t",
            attachments=[Attachment("0" * 64, "x", "text/plain", 1)],
        )
    expect(caught, "refused")
    assert store.tree(chat_id) == []


def test_a_closed_store_is_a_bug_and_looks_like_one(reopen: Callable[[], Store]) -> None:
    store = reopen()
    store.close()
    with pytest.raises(sqlite3.ProgrammingError):
        store.chats()
