"""What each part of the Store works with, which :class:`chatterm.store.Store` puts together."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeAlias

from chatterm.ids import Clock, NewId
from chatterm.store.database import Database
from chatterm.store.recovery import Writer

Redact: TypeAlias = Callable[[str], str]


class Part:
    """The open file, and what is passed in for time, ids and secrets."""

    def __init__(self, db: Database, clock: Clock, new_id: NewId, redacted: Redact) -> None:
        self._db = db
        self._clock = clock
        self._new_id = new_id
        self.redacted = redacted
        """A text as it may be stored and sent: without the secrets the user wants to be kept out.
        Drafts, titles, files and imports go through it here, a prompt where it is sent."""
        self._writer = Writer(db.path, new_id)

    def atomic(self) -> AbstractContextManager[None]:
        """All calls inside happen, or none. May be nested."""
        return self._db.atomic()
