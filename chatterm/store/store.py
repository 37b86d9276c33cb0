"""The Store: everything that is kept, behind one object; the work is done by its neighbours.

Calls are synchronous and short, so that async code may make them directly. Every call that
writes is one transaction, already on the disk when it returns; ``atomic`` joins several.

What it does with whole chats is in ``of_chats.py``, with their messages in ``of_messages.py``; here
it is opened, and asked for all that is neither: files, servers, drafts, search, the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from chatterm.ids import Clock, NewId
from chatterm.messages import Attachment, Message, Role, State
from chatterm.store import adoption, chats, checks, notes, search, tree
from chatterm.store.database import Database, open_database
from chatterm.store.of_chats import OfChats
from chatterm.store.of_messages import OfMessages
from chatterm.store.part import Redact
from chatterm.store.recovery import recover
from chatterm.store.values import Chat, Hit

if TYPE_CHECKING:
    from chatterm.store.exchange.values import ImportReport, PortableChat


class Store(OfChats, OfMessages):
    """The chats of one file. Several processes may have it open; one thread uses this object.

    Only :meth:`interrupt` may be called from another. Made by :meth:`open`.
    """

    @classmethod
    def open(
        cls, path: Path | None, *, clock: Clock, new_id: NewId, redacted: Redact = str
    ) -> Store:
        """Open or create a file; None keeps everything in memory and leaves no trace.

        Answers that a killed process left unfinished are brought to an end here. ``redacted``
        takes secrets out of what a user types.
        """
        return cls.over(open_database(path), clock=clock, new_id=new_id, redacted=redacted)

    @classmethod
    def over(cls, db: Database, *, clock: Clock, new_id: NewId, redacted: Redact = str) -> Store:
        """The chats of a database that also holds something else; it is closed with the store."""
        try:
            recover(db, clock())
        except BaseException:
            db.connection.close()
            raise
        return cls(db, clock, new_id, redacted)

    def close(self) -> None:
        try:
            self._db.close()
        finally:
            self._writer.release()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # To and from files

    def portable(self, chat_id: str) -> PortableChat:
        """A chat with everything that belongs to it, to be written to a file."""
        from chatterm.store.exchange.gather import portable

        return portable(self._db, chat_id)

    def import_chats(self, chats: Iterable[PortableChat]) -> ImportReport:
        """Add what is new of these chats, all or nothing; what is there stays as it is."""
        from chatterm.store.exchange.place import place, redacted_chat
        from chatterm.store.exchange.values import ImportReport

        report = ImportReport()
        with self._db.atomic():
            for chat in chats:
                report = place(self._db, redacted_chat(chat, self.redacted), report)
        return report

    # Chats that live on a server

    def adopt_chat(self, *, title: str, model: str, created_at: float, updated_at: float) -> Chat:
        """A chat that was begun elsewhere, with the times it has there."""
        chat_id = self._new_id()
        with self._db.atomic():
            adoption.chat(self._db, chat_id, title, model, created_at, updated_at)
            return chats.get(self._db, chat_id)

    def adopt(
        self,
        chat_id: str,
        *,
        parent_id: str | None,
        role: Role,
        text: str,
        created_at: float,
        model: str = "",
        error: str = "",
    ) -> Message:
        """Add a message that was written elsewhere. A tip that it follows moves on to it."""
        state = State.FAILED if error else State.COMPLETE
        message = Message(
            self._new_id(), parent_id, role, text, created_at, state, error=error, model=model
        )
        with self._db.atomic():
            return adoption.message(self._db, chat_id, message)

    def linked(self, remote: str) -> dict[str, str]:
        """Remote id to local id, for everything that a remote gave an id to."""
        return notes.linked(self._db, remote)

    def linked_chats(self, remote: str) -> list[tuple[str, str]]:
        """Remote ids of chats and messages, each with the chat here that it belongs to."""
        return notes.linked_chats(self._db, remote)

    def chat_of(self, message_id: str) -> Chat:
        """The chat that a message belongs to."""
        return chats.get(self._db, tree.chat_of(self._db, message_id))

    # The rest

    def draft(self, chat_id: str | None) -> str:
        """What was typed and not sent; None is the chat that does not exist yet."""
        return notes.draft(self._db, chat_id)

    def set_draft(self, chat_id: str | None, text: str) -> None:
        text = self.redacted(text)
        with self._db.atomic():
            notes.set_draft(self._db, chat_id, text)

    def link(self, local_id: str, remote: str, remote_id: str) -> None:
        """Remember the id a remote gave to a chat or a message."""
        with self._db.atomic():
            notes.link(self._db, local_id, remote, remote_id)

    def links(self, remote: str, ids: Iterable[str]) -> dict[str, str]:
        """Local id to remote id, for those that the remote knows."""
        return notes.links(self._db, remote, ids)

    def attach(self, content: bytes, name: str, media_type: str) -> Attachment:
        """Keep a file, to be attached to a message within a day; of a text, what may be kept."""
        content, name = self.redacted_file(content), self.redacted(name)
        with self._db.atomic():
            return notes.attach(self._db, content, name, media_type, self._clock())

    def redacted_file(self, content: bytes) -> bytes:
        """The bytes of a file as they may be kept and sent."""
        return notes.redacted_file(content, self.redacted)

    def attachment_bytes(self, digest: str) -> bytes:
        return notes.attachment_bytes(self._db, digest)

    def remember_terminal(self, terminal_id: str | None, chat_id: str) -> None:
        """Make a chat the last one of a terminal; without a terminal there is nothing to do."""
        if terminal_id is not None:
            with self._db.atomic():
                notes.remember_terminal(self._db, terminal_id, chat_id, self._clock())

    def last_chat(self, terminal_id: str | None) -> Chat | None:
        """The chat last used in a terminal; None asks for the newest of all."""
        return notes.last_chat(self._db, terminal_id)

    def search(
        self, line: str, *, limit: int = 20, before: str | None = None, chat_id: str | None = None
    ) -> list[Hit]:
        """Messages that match, the newest first; ``before`` is the last of the page before.

        Any text is a search; ``chatterm.store.query`` describes the language.
        """
        return search.search(
            self._db, line, limit=limit, before=before, chat_id=chat_id, now=self._clock()
        )

    def version(self) -> int:
        """A number that is another one once somebody else has written to the file."""
        return int(self._db.value("PRAGMA data_version"))

    def interrupt(self) -> None:
        """Have what another thread asks of this store now fail, as nobody wants it any more."""
        self._db.interrupt()

    def integrity(self) -> list[str]:
        """What is wrong with the file, in words; empty if nothing is. Reads all of it."""
        return checks.problems(self._db)

    def backup(self, path: Path) -> None:
        """Copy everything to a new file."""
        checks.back_up(self._db, path)
