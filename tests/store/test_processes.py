"""Several processes on one file: no word is lost, and the dead are told from the suspended."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from chatterm.errors import StoreError
from chatterm.messages import State, Stop
from chatterm.store import Store, recovery
from chatterm.store.database import LEDGER
from chatterm.store.recovery import CUT_OFF
from tests.store.growing import begin, conversation, end, texts

REPOSITORY = Path(__file__).parents[2]


@contextmanager
def process(*args: object) -> Iterator[subprocess.Popen[str]]:
    """A writer that is ready and waits for a line."""
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.store.writer", *map(str, args)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with running:
        try:
            assert line_of(running) == "ready"
            yield running
        finally:
            running.kill()


def tell(running: subprocess.Popen[str]) -> None:
    assert running.stdin is not None
    running.stdin.write("\n")
    running.stdin.flush()


def line_of(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    return running.stdout.readline().strip()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chatterm.db"


def test_four_processes_may_create_the_file_at_once(
    path: Path, reopen: Callable[[], Store]
) -> None:
    with ExitStack() as stack:
        writers = [stack.enter_context(process("write", path, 3)) for _ in range(4)]
        for writer in writers:
            tell(writer)
        chats = [line_of(writer) for writer in writers]
        assert [writer.wait(timeout=30) for writer in writers] == [0] * 4
    with reopen() as store:
        for chat_id in chats:
            assert texts(store.path(chat_id)) == ["begin", "own 0", "own 1", "own 2", "done"]
        assert store.integrity() == []
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM _sqlite_migrations ORDER BY id").fetchall()
        assert [name for (name,) in names] == list(LEDGER)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_four_processes_write_into_one_chat_and_nothing_is_lost(path: Path, store: Store) -> None:
    shared, (prompt,) = conversation(store, "prompt for all")
    count = 25
    with ExitStack() as stack:
        writers = [stack.enter_context(process("write", path, count, shared)) for _ in range(4)]
        for writer in writers:
            tell(writer)
        chats = [line_of(writer) for writer in writers]
        assert [writer.wait(timeout=60) for writer in writers] == [0] * 4
    for chat_id in chats:
        assert len(store.path(chat_id)) == count + 2
    answers = texts(store.children(prompt.id, shared))
    assert sorted(answers) == sorted([f"shared {number}" for number in range(count)] * 4)
    assert store.chat(shared).tip_id in {node.id for node in store.outline(shared)}
    assert store.integrity() == []


def test_the_answer_of_a_killed_process_is_brought_to_an_end(
    path: Path, reopen: Callable[[], Store]
) -> None:
    with process("leave", path) as writer:
        tell(writer)
        answer_id = line_of(writer)
        writer.kill()
        writer.wait()
    with reopen() as store:
        message = store.message(answer_id)
        assert (message.state, message.text, message.error) == (
            State.STOPPED,
            "half of it",
            CUT_OFF,
        )
        origin = store.provenance(answer_id)
        assert origin is not None
        assert origin.stop is Stop.CANCELLED
        assert origin.finished_at is not None
        assert [hit.message_id for hit in store.search("half")] == [answer_id]
        assert store.integrity() == []
    assert not list(path.with_name("chatterm.db-writers").glob("*"))


@pytest.mark.skipif(os.name == "nt", reason="needs signals that suspend a process")
def test_the_answer_of_a_suspended_process_is_left_alone(
    path: Path, reopen: Callable[[], Store]
) -> None:
    with process("leave", path) as writer:
        tell(writer)
        answer_id = line_of(writer)
        writer.send_signal(signal.SIGSTOP)
        with reopen() as store:
            assert store.message(answer_id).state is State.WRITING
        writer.send_signal(signal.SIGCONT)
        tell(writer)
        assert line_of(writer) == "finished"
        assert writer.wait(timeout=30) == 0
    with reopen() as store:
        assert store.message(answer_id).text == "all of it"


def test_an_answer_left_behind_by_closing_is_brought_to_an_end(
    reopen: Callable[[], Store],
) -> None:
    with reopen() as store:
        chat_id, (prompt,) = conversation(store, "hi")
        row = begin(store, chat_id, prompt)
    with reopen() as store:
        assert store.message(row.id).state is State.STOPPED


def test_two_stores_of_one_process_respect_each_other(
    store: Store, reopen: Callable[[], Store]
) -> None:
    chat_id, (prompt,) = conversation(store, "hi")
    row = begin(store, chat_id, prompt)
    with reopen() as other:
        assert other.message(row.id).state is State.WRITING
        begin(other, chat_id, prompt)
        assert end(store, row, "done").state is State.COMPLETE


def test_a_writer_file_is_private_and_goes_away(path: Path, reopen: Callable[[], Store]) -> None:
    folder = path.with_name("chatterm.db-writers")
    with reopen() as store:
        chat_id, (prompt,) = conversation(store, "hi")
        assert not folder.exists()
        end(store, begin(store, chat_id, prompt), "a")
        (file,) = folder.iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()


def test_files_of_the_dead_are_swept_when_the_next_one_writes(
    path: Path, reopen: Callable[[], Store]
) -> None:
    folder = path.with_name("chatterm.db-writers")
    folder.mkdir()
    (folder / "LEFTOVER").touch()
    with reopen() as store:
        chat_id, (prompt,) = conversation(store, "hi")
        begin(store, chat_id, prompt)
        assert [file.name for file in folder.iterdir()] != ["LEFTOVER"]
        assert len(list(folder.iterdir())) == 1


def test_the_files_of_a_store_are_private(path: Path, reopen: Callable[[], Store]) -> None:
    path.parent.chmod(0o755)
    path.touch(0o644)
    with reopen() as store:
        conversation(store, "hi")
        for file in path.parent.glob("chatterm.db*"):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_a_new_folder_is_private(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "data" / "chatterm.db"
    with Store.open(path, clock=lambda: 0.0, new_id=lambda: "X"):
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_store_that_cannot_bring_answers_to_an_end_says_why(
    path: Path, reopen: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    with reopen() as store:
        chat_id, (prompt,) = conversation(store, "hi")
        begin(store, chat_id, prompt)
    monkeypatch.setattr("chatterm.store.database.BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            reopen()
        other.execute("ROLLBACK")


def test_a_writer_whose_new_file_is_swept_away_takes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "chatterm.db-writers"
    lock = recovery._try_lock

    def swept_before_it_is_locked(descriptor: int) -> bool:
        monkeypatch.setattr(recovery, "_try_lock", lock)
        (folder / "A").unlink()
        return lock(descriptor)

    monkeypatch.setattr(recovery, "_try_lock", swept_before_it_is_locked)
    writer = recovery.Writer(tmp_path / "chatterm.db", iter("AB").__next__)
    assert writer.name() == writer.name() == "B"
    writer.release()
    writer.release()
    assert not folder.exists()


def test_a_writer_whose_folder_is_removed_makes_it_again(tmp_path: Path) -> None:
    folder = tmp_path / "chatterm.db-writers"
    names = iter("AB")

    def name_while_another_leaves() -> str:
        name = next(names)
        if name == "A":
            folder.rmdir()
        return name

    writer = recovery.Writer(tmp_path / "chatterm.db", name_while_another_leaves)
    assert writer.name() == "B"
    writer.release()
