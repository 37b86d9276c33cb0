"""The Store: everything that is kept, behind one object; the work is done by its neighbours.

Calls are synchronous and short, so that async code may make them directly. Every call that
writes is one transaction, already on the disk when it returns; ``atomic`` joins several.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeAlias

from chatterm.errors import StoreError
from chatterm.ids import Clock, NewId
from chatterm.messages import (
    Attachment,
    Message,
    Role,
    State,
    Stop,
    Timings,
    ToolCall,
    Usage,
)
from chatterm.params import Params
from chatterm.store import (
    adoption,
    answers,
    chats,
    checks,
    find,
    fork,
    notes,
    removal,
    search,
    tree,
    undo,
    votes,
)
from chatterm.store.database import Database, open_database
from chatterm.store.recovery import Writer, recover
from chatterm.store.values import Change, Chat, Hit, Node, Provenance

Redact: TypeAlias = Callable[[str], str]

if TYPE_CHECKING:
    from chatterm.store.exchange.values import ImportReport, PortableChat


class Store:
    """The chats of one file. Several processes may have it open; one thread uses this object.

    Only :meth:`interrupt` may be called from another.
    """

    def __init__(self, db: Database, clock: Clock, new_id: NewId, redacted: Redact) -> None:
        """Use :meth:`open`."""
        self._db = db
        self._clock = clock
        self._new_id = new_id
        self.redacted = redacted
        """A text as it may be stored and sent: without the secrets the user wants to be kept out.
        Drafts, titles, files and imports go through it here, a prompt where it is sent."""
        self._writer = Writer(db.path, new_id)

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

    def atomic(self) -> AbstractContextManager[None]:
        """All calls inside happen, or none. May be nested."""
        return self._db.atomic()

    # Chats

    def create_chat(
        self, *, title: str = "", model: str = "", forked_from: str | None = None
    ) -> Chat:
        chat_id = self._new_id()
        with self._db.atomic():
            chats.create(
                self._db,
                chat_id,
                title=title,
                model=model,
                forked_from=forked_from,
                now=self._clock(),
            )
            return chats.get(self._db, chat_id)

    def chat(self, chat_id: str) -> Chat:
        """The chat with that id, be it in the trash."""
        return chats.get(self._db, chat_id)

    def find_chat(self, ref: str, *, deleted: bool = False) -> Chat:
        """The chat a user means: an id, or any part of just one id.

        Parts of ids are looked for in the list, with ``deleted`` in the trash.
        """
        return find.chat(self._db, ref, deleted=deleted)

    def find_message(self, ref: str, *, chat_id: str | None = None) -> str:
        """The id of the message a user means, in one chat or in any."""
        return find.message(self._db, ref, chat_id=chat_id)

    def chats(
        self,
        *,
        limit: int = 50,
        before: Chat | None = None,
        tag: str | None = None,
        model: str | None = None,
        since: float | None = None,
        title: str | None = None,
        text: str | None = None,
        pinned: bool | None = None,
        deleted: bool = False,
    ) -> list[Chat]:
        """A page of chats, the newest first; ``before`` is the last chat of the page before.

        ``title`` is any part of it, whatever its case and accents; ``text`` is in the title or,
        as words, phrases and prefixes, in a message. ``deleted`` lists the trash.
        """
        return chats.page(
            self._db,
            limit=limit,
            before=before,
            tag=tag,
            model=model,
            since=since,
            title=title,
            text=text,
            pinned=pinned,
            deleted=deleted,
        )

    def rename(self, chat_id: str, title: str, *, by_user: bool) -> None:
        """Give a title; one the user gave is not replaced by an automatic one."""
        title = self.redacted(title)
        with self._db.atomic():
            chats.rename(self._db, chat_id, title, by_user=by_user, now=self._clock())

    def tag(self, chat_id: str, tag: str) -> None:
        with self._db.atomic():
            chats.add_tag(self._db, chat_id, tag)

    def untag(self, chat_id: str, tag: str) -> None:
        with self._db.atomic():
            chats.remove_tag(self._db, chat_id, tag)

    def set_tags(self, chat_id: str, tags: Iterable[str]) -> None:
        """Give a chat these tags and no others."""
        with self._db.atomic():
            chats.set_tags(self._db, chat_id, tags)

    def pin(self, chat_id: str, *, pinned: bool = True) -> None:
        with self._db.atomic():
            chats.pin(self._db, chat_id, pinned=pinned)

    def delete_chat(self, chat_id: str) -> None:
        """Put a chat in the trash."""
        with self._db.atomic():
            chats.delete(self._db, chat_id, self._clock())

    def restore_chat(self, chat_id: str) -> None:
        """Take a chat out of the trash."""
        with self._db.atomic():
            chats.restore(self._db, chat_id, self._clock())

    def in_trash(self, before: float) -> list[str]:
        """The ids of chats that went to the trash before that time."""
        return removal.in_trash(self._db, before)

    def prune(self, before: float) -> int:
        """Remove for good what went to the trash before that time; return how many chats."""
        doomed = self.in_trash(before)
        self.delete_forever(*doomed)
        return len(doomed)

    def delete_forever(self, *chat_ids: str, progress: Callable[[str], None] | None = None) -> bool:
        """Remove chats with every trace of their words in the database's files.

        Not quick in a large database, so ``progress`` hears what is being done, many times a
        second; not to be called inside :meth:`atomic`. False means that another process was
        reading, so the log keeps words until the last process closes the file.
        """
        if self._db.connection.in_transaction:
            raise StoreError("chats cannot be removed for good inside a larger change")
        for chat_id in chat_ids:
            chats.get(self._db, chat_id)
        steps = self.removing(*chat_ids)
        while True:
            try:
                stage = next(steps)
            except StopIteration as end:
                return bool(end.value)
            if progress is not None:
                progress(stage)

    def removing(self, *chat_ids: str) -> Generator[str, None, bool]:
        """:meth:`delete_forever` in short steps, for whoever has other things to do in between.

        What another process removes meanwhile is passed over.
        """
        for chat_id in chat_ids:
            with self._db.atomic():
                removal.remove(self._db, chat_id, self._clock())
            yield "removing messages"
        return (yield from removal.scrub(self._db)) if chat_ids else True

    def fork(self, chat_id: str, message_id: str) -> Chat:
        """A new chat with copies of everything from the root to a message."""
        with self._db.atomic():
            return fork.fork(self._db, chat_id, message_id, self._new_id, self._clock())

    # The tree

    def add(
        self,
        chat_id: str,
        *,
        parent_id: str | None,
        role: Role,
        text: str,
        model: str = "",
        attachments: Sequence[Attachment] = (),
        tool_calls: Sequence[ToolCall] = (),
        summarises: int = 0,
    ) -> Message:
        """Add a message that is final, and make it the tip; ``model`` is who wrote it, if one."""
        message = Message(
            self._new_id(),
            parent_id,
            role,
            text,
            self._clock(),
            model=model,
            attachments=tuple(attachments),
            tool_calls=tuple(tool_calls),
            summarises=summarises,
        )
        with self._db.atomic():
            return tree.append(self._db, chat_id, message)

    def start_answer(
        self,
        chat_id: str,
        *,
        parent_id: str | None,
        model: str,
        backend: str,
        params: Params,
        text: str = "",
        summarises: int = 0,
    ) -> Message:
        """Add an answer, or a summary, that is being written, and make it the tip."""
        writer = self._writer.name()
        with self._db.atomic():
            return answers.start(
                self._db,
                chat_id,
                message_id=self._new_id(),
                parent_id=parent_id,
                model=model,
                backend=backend,
                params=params,
                text=text,
                summarises=summarises,
                writer=writer,
                now=self._clock(),
            )

    def checkpoint(self, message_id: str, *, text: str, reasoning: str) -> None:
        """Keep what has come of an answer so far."""
        with self._db.atomic():
            answers.checkpoint(self._db, message_id, text=text, reasoning=reasoning)

    def finish(
        self,
        message_id: str,
        *,
        state: State,
        text: str,
        reasoning: str,
        error: str = "",
        tool_calls: Sequence[ToolCall] = (),
        stop: Stop | None = None,
        usage: Usage | None = None,
        timings: Timings | None = None,
    ) -> Message:
        """Give an answer its final form."""
        with self._db.atomic():
            return answers.finish(
                self._db,
                message_id,
                state=state,
                text=text,
                reasoning=reasoning,
                error=error,
                tool_calls=tool_calls,
                stop=stop,
                usage=usage or Usage(),
                timings=timings or Timings(),
                now=self._clock(),
            )

    def message(self, message_id: str) -> Message:
        return tree.get(self._db, message_id)

    def path(self, chat_id: str, tip_id: str | None = None) -> list[Message]:
        """From the root to a message, or to the tip."""
        return tree.path(self._db, chat_id, tip_id)

    def siblings(self, message_id: str) -> list[Message]:
        """The message and its alternatives, in the order they were written."""
        return tree.siblings(self._db, message_id)

    def children(self, message_id: str | None, chat_id: str) -> list[Message]:
        """What follows a message, or begins the chat where it is None."""
        return tree.children(self._db, chat_id, message_id)

    def tree(self, chat_id: str) -> list[Message]:
        """All branches, parents before children."""
        return tree.everything(self._db, chat_id)

    def outline(self, chat_id: str) -> list[Node]:
        """All branches without their words, parents before children."""
        return tree.outline(self._db, chat_id)

    def branches(self, chat_id: str) -> dict[str, tuple[int, int]]:
        """Place, from 1, and number of the siblings of every message that has any."""
        return tree.branches(self._db, chat_id)

    def leaf(self, message_id: str) -> str:
        """The end of the branch below a message that was visited last, else the newest."""
        return tree.leaf(self._db, message_id)

    def set_tip(self, chat_id: str, message_id: str | None) -> None:
        """Let the chat stand at a message; None is before the first one."""
        with self._db.atomic():
            tree.select(self._db, chat_id, message_id, self._clock())

    def delete_message(self, message_id: str) -> None:
        """Hide a message and all below it; :meth:`undo` brings them back."""
        with self._db.atomic():
            tree.hide(self._db, message_id, self._clock())

    def undo(self, chat_id: str) -> Change | None:
        """Take the last change of a chat back; None if there is none left."""
        with self._db.atomic():
            return undo.undo(self._db, chat_id, self._clock())

    def undo_listed(self, chat_id: str | None = None) -> Change | None:
        """Take the last change of a title or of the trash back, of one chat or of any."""
        with self._db.atomic():
            return undo.undo_listed(self._db, chat_id, self._clock())

    def provenance(self, message_id: str) -> Provenance | None:
        """Where an answer came from and what it cost; None for what is no answer."""
        return answers.provenance(self._db, message_id)

    def vote(self, message_id: str, score: int) -> None:
        """Say what the user thinks of a message: 1 is good, -1 is bad, 0 takes it back."""
        with self._db.atomic():
            votes.vote(self._db, message_id, score, self._clock())

    def votes(self, chat_id: str) -> dict[str, int]:
        """The votes on a chat's messages, by their ids."""
        return votes.of_chat(self._db, chat_id)

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
