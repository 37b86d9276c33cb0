"""What the :class:`Store` does with whole chats; the statements are in the modules it names."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable

from chatterm.errors import StoreError
from chatterm.store import chats, find, fork, removal
from chatterm.store.part import Part
from chatterm.store.values import Chat


class OfChats(Part):
    """Beginning, finding, listing, naming, tagging, the trash, removal for good, forks."""

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
