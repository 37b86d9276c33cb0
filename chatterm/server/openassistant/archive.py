"""The chats of a user, in the store: found, listed, read and changed. Nobody else's exist.

Whoever asks for what is not theirs is told that it is not there.
"""

# Statements are put together from constants of this module; what is given is always bound.
# ruff: noqa: S608

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chatterm.errors import NotFound
from chatterm.messages import Message
from chatterm.server.core import Server
from chatterm.server.openassistant.wire import (
    JsonObject,
    message_json,
    time_text,
)
from chatterm.server.problems import Problem
from chatterm.server.sweeping import take_away_account, take_away_chat
from chatterm.server.users import User
from chatterm.server.work import JobState
from chatterm.store.database import Row

NAME = "openassistant"
_CHAT = (
    "SELECT c.id, c.created_at, c.title, o.hidden, o.allow_data_use, o.tail_id,"
    " coalesce((SELECT max(m.created_at) FROM messages AS m"
    " WHERE m.chat_id = c.id AND m.role = 'user'), c.created_at)"
    " FROM server_chats AS o JOIN chats AS c ON c.id = o.chat_id"
)


class Archive:
    """The chats of this dialect."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._db = server.records.db
        self._store = server.store

    # Chats

    def create(self, user: User) -> JsonObject:
        with self._db.atomic():
            chat = self._store.create_chat()
            self._db.run(
                "INSERT INTO server_chats (chat_id, user_id, dialect) VALUES (?, ?, ?)",
                (chat.id, user.id, NAME),
            )
        return self.listed(user, chat.id)

    def listed(self, user: User, chat_id: str) -> JsonObject:
        """A chat without its messages."""
        row = self._db.row(
            f"{_CHAT} WHERE o.chat_id = ? AND o.user_id = ? AND o.dialect = ?",
            (chat_id, user.id, NAME),
        )
        if row is None:
            raise Problem(404, "Chat not found", kind="not_found")
        return _chat_json(row)

    def read(self, user: User, chat_id: str) -> JsonObject:
        """A chat with its messages, in the order they were written."""
        chat = self.listed(user, chat_id)
        messages = sorted(self._store.tree(chat_id), key=lambda message: message.id)
        about = self._about(chat_id)
        return {**chat, "messages": [about.json(message) for message in messages]}

    def page(
        self, user: User, *, limit: int, after: str | None, before: str | None, hidden: bool
    ) -> JsonObject:
        """Chats, the newest first; the cursors are those of this page."""
        where, values = ["o.user_id = ?", "o.dialect = ?"], [user.id, NAME]
        if not hidden:
            where.append("NOT o.hidden")
        backwards = before is not None
        cursor = _cursor(before if before is not None else after)
        if cursor is not None:
            where.append(f"o.chat_id {'>' if backwards else '<'} ?")
            values.append(cursor)
        rows = self._db.rows(
            f"{_CHAT} WHERE {' AND '.join(where)}"
            f" ORDER BY o.chat_id {'ASC' if backwards else 'DESC'} LIMIT ?",
            (*values, limit + 1),
        )
        more = len(rows) > limit
        rows = rows[:limit]
        if backwards:
            rows.reverse()
        has_older = bool(rows) and (backwards or more)
        has_newer = bool(rows) and (more if backwards else cursor is not None)
        return {
            "chats": [_chat_json(row) for row in rows],
            "next": _written(rows[-1][0]) if has_older else None,
            "prev": _written(rows[0][0]) if has_newer else None,
        }

    def update(
        self,
        user: User,
        chat_id: str,
        *,
        title: str | None,
        hidden: bool | None,
        allow_data_use: bool | None,
        tail_id: str | None,
    ) -> None:
        """Change what is named; the branch that is shown becomes the chat's tip."""
        self.listed(user, chat_id)
        if tail_id is not None:
            self.message(user, chat_id, tail_id)
        with self._db.atomic():
            if title is not None:
                self._store.rename(chat_id, title, by_user=True)
            if tail_id is not None:
                self._store.set_tip(chat_id, tail_id)
            self._db.run(
                "UPDATE server_chats SET hidden = coalesce(?, hidden),"
                " allow_data_use = coalesce(?, allow_data_use), tail_id = coalesce(?, tail_id)"
                " WHERE chat_id = ?",
                (hidden, allow_data_use, tail_id, chat_id),
            )

    def hide_all(self, user: User) -> None:
        with self._db.atomic():
            self._db.run(
                "UPDATE server_chats SET hidden = 1 WHERE user_id = ? AND dialect = ?",
                (user.id, NAME),
            )

    async def delete(self, user: User, chat_id: str) -> None:
        """Remove a chat for good; answers that are being written in it are stopped."""
        self.listed(user, chat_id)
        for job in self._server.jobs.of_user(user.id):
            if job.message_id and self._store.chat_of(job.message_id).id == chat_id:
                await self._server.jobs.cancel(job.id)
        take_away_chat(self._server.records, chat_id)
        await self._server.sweeper.sweep()

    async def remove_account(self, user: User) -> None:
        """Remove a user with every chat, of whatever dialect; their logins end at once."""
        for job in self._server.jobs.of_user(user.id):
            await self._server.jobs.cancel(job.id)
        take_away_account(self._server.records, self._server.people, user)
        await self._server.sweeper.sweep()

    # Messages

    def message(self, user: User, chat_id: str, message_id: str) -> Message:
        self.listed(user, chat_id)
        try:
            if self._store.chat_of(message_id).id == chat_id:
                return self._store.message(message_id)
        except NotFound:
            pass
        raise Problem(404, "Message not found", kind="not_found")

    def message_json(self, user: User, chat_id: str, message_id: str) -> JsonObject:
        message = self.message(user, chat_id, message_id)
        return self._about(chat_id, message_id).json(message)

    def _about(self, chat_id: str, message_id: str | None = None) -> _About:
        """What is known of a chat's messages, or of one of them, beside the messages."""
        which, values = "m.chat_id = ?", [chat_id]
        if message_id is not None:
            which, values = "m.chat_id = ? AND m.id = ?", [chat_id, message_id]
        notes = self._db.rows(
            "SELECT m.id, n.note FROM messages AS m JOIN server_notes AS n ON n.message_id = m.id"
            f" WHERE {which}",
            values,
        )
        told = self._db.rows(
            "SELECT m.id, r.id, r.report_type, r.reason FROM messages AS m"
            f" JOIN server_reports AS r ON r.message_id = m.id WHERE {which} ORDER BY r.id",
            values,
        )
        reports: dict[str, list[JsonObject]] = {}
        for reported, report_id, report_type, reason in told:
            reports.setdefault(reported, []).append(
                {"id": report_id, "report_type": report_type, "reason": reason}
            )
        return _About(
            chat_id,
            self._server.kept.states(chat_id),
            {key: json.loads(note) for key, note in notes},
            self._store.votes(chat_id),
            reports,
        )


@dataclass(frozen=True, slots=True)
class _About:
    """What goes with the messages of one chat, by their ids."""

    chat_id: str
    jobs: Mapping[str, JobState]
    work: Mapping[str, JsonObject]
    votes: Mapping[str, int]
    reports: Mapping[str, Sequence[JsonObject]]

    def json(self, message: Message) -> JsonObject:
        return message_json(
            message,
            self.chat_id,
            job=self.jobs.get(message.id),
            work=self.work.get(message.id),
            score=self.votes.get(message.id, 0),
            reports=tuple(self.reports.get(message.id, ())),
        )


def _chat_json(row: Row) -> JsonObject:
    chat_id, created_at, title, hidden, allow_data_use, tail_id, modified_at = row
    return {
        "id": chat_id,
        "created_at": time_text(created_at),
        "modified_at": time_text(modified_at),
        "title": title or None,
        "hidden": bool(hidden),
        "allow_data_use": bool(allow_data_use),
        "active_thread_tail_message_id": tail_id,
    }


def _written(chat_id: str) -> str:
    return base64.b64encode(chat_id.encode()).decode()


def _cursor(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise Problem(400, "The cursor cannot be read") from error
