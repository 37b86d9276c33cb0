"""What leaves the server for good: first out of sight, then swept up while others are answered.

Taking something away is one short transaction. Its words are then cleared from the file in steps,
in a thread with a connection of its own that lets others write in between. A sweep that was cut
off goes on at the next start.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from chatterm.errors import ChattermError
from chatterm.ids import Clock, NewId
from chatterm.server.people import People
from chatterm.server.records import Records, open_records
from chatterm.server.users import User

EVERY_SECONDS = 3600.0
_REMOVED = "removed"
"""In place of the dialect that showed a chat: none does."""
_ROWS = 50
_LONGEST_PAUSE = 0.1
_OWNED = ("server_completions", "server_responses", "server_conversations")
_OF_NOBODY = "SELECT id FROM server_users WHERE deleted_at IS NOT NULL"
_log = logging.getLogger("chatterm.server")


def chats_of(records: Records, user: User) -> list[str]:
    """The ids of all chats of a user, of whatever dialect."""
    rows = records.db.rows("SELECT chat_id FROM server_chats WHERE user_id = ?", (user.id,))
    return [chat_id for (chat_id,) in rows]


def take_away_chat(records: Records, chat_id: str) -> None:
    """Let nobody see a chat any more."""
    with records.db.atomic():
        records.db.run("UPDATE server_chats SET dialect = ? WHERE chat_id = ?", (_REMOVED, chat_id))


def take_away_account(records: Records, people: People, user: User) -> None:
    """End an account, and let nobody see what was said in it."""
    with records.db.atomic():
        people.remove(user)
        records.db.run("UPDATE server_chats SET dialect = ? WHERE user_id = ?", (_REMOVED, user.id))


def sweep(records: Records, *, keep_seconds: float | None) -> Iterator[None]:
    """Clear the file of all that was taken away, and of responses that are older than that.

    Each step is a transaction of its own.
    """
    db = records.db
    rows = db.rows("SELECT chat_id FROM server_chats WHERE dialect = ?", (_REMOVED,))
    for _ in records.store.removing(*(chat_id for (chat_id,) in rows)):
        yield
    touched = 0
    for statement, values in _statements(records.clock(), keep_seconds):
        while True:
            with db.atomic():
                count = db.run(statement, values)
            if not count:
                break
            touched += count
            yield
    if touched:
        # What was deleted stands in the log until it is written anew; the first half waits for
        # nobody and leaves the second little to do.
        db.run("PRAGMA wal_checkpoint(PASSIVE)")
        yield
        db.run("PRAGMA wal_checkpoint(TRUNCATE)")


def _statements(now: float, keep_seconds: float | None) -> Iterator[tuple[str, tuple[object, ...]]]:
    # ruff: noqa: S608  (only names of this module are put in)
    yield f"DELETE FROM server_usage WHERE user_id IN ({_OF_NOBODY})", ()
    for table in _OWNED:
        chosen = f"SELECT rowid FROM {table} WHERE user_id IN ({_OF_NOBODY}) LIMIT {_ROWS}"
        yield f"DELETE FROM {table} WHERE rowid IN ({chosen})", ()
    if keep_seconds is None:
        return
    old = (now - keep_seconds,)
    chosen = f"SELECT rowid FROM server_completions WHERE created_at < ? LIMIT {_ROWS}"
    yield f"DELETE FROM server_completions WHERE rowid IN ({chosen})", old
    # A response stays as long as one that goes on from it, since that one is read with it.
    chosen = (
        "SELECT r.rowid FROM server_responses AS r WHERE r.created_at < ?"
        " AND r.status NOT IN ('queued', 'in_progress') AND NOT EXISTS"
        f" (SELECT 1 FROM server_responses AS n WHERE n.previous_id = r.id) LIMIT {_ROWS}"
    )
    yield f"DELETE FROM server_responses WHERE rowid IN ({chosen})", old


class Sweeper:
    """Sweeps the file of a running server: when something was taken away, and now and then."""

    def __init__(
        self, path: Path, *, clock: Clock, new_id: NewId, keep_seconds: float | None
    ) -> None:
        self._path = path
        self._clock = clock
        self._new_id = new_id
        self._keep_seconds = keep_seconds
        self._turn = asyncio.Lock()
        self._sweeps: set[asyncio.Task[None]] = set()
        self._closing = threading.Event()

    async def sweep(self) -> None:
        """Return when what is taken away by now has left the file.

        Whoever waits may go away; the sweep goes on.
        """
        sweep = asyncio.create_task(self._in_turn())
        self._sweeps.add(sweep)
        sweep.add_done_callback(self._sweeps.discard)
        await asyncio.shield(sweep)

    async def run(self) -> None:
        """Sweep at once, and again from time to time."""
        while not self._closing.is_set():
            try:
                await self.sweep()
            except ChattermError as error:
                _log.warning("the server's file could not be swept: %s", error.message)
            await asyncio.sleep(EVERY_SECONDS)

    async def aclose(self) -> None:
        """End with the step that is under way; the next start does the rest."""
        self._closing.set()
        if self._sweeps:
            await asyncio.wait(self._sweeps)

    async def _in_turn(self) -> None:
        async with self._turn:
            if not self._closing.is_set():
                await asyncio.to_thread(self._work)

    def _work(self) -> None:
        records = open_records(self._path, clock=self._clock, new_id=self._new_id)
        try:
            began = time.monotonic()
            for _ in sweep(records, keep_seconds=self._keep_seconds):
                # Whoever waits for the file looks only now and then whether it is free.
                if self._closing.wait(min(time.monotonic() - began, _LONGEST_PAUSE)):
                    return
                began = time.monotonic()
        finally:
            records.close()
