"""What the :class:`Store` does with the messages of a chat; the statements are beside it."""

from __future__ import annotations

from collections.abc import Sequence

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
from chatterm.store import answers, tree, undo, votes
from chatterm.store.part import Part
from chatterm.store.values import Change, Node, Provenance


class OfMessages(Part):
    """The tree: adding, answers on their way, branches, hiding, undo, votes."""

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
