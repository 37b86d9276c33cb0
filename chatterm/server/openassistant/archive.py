"""The chats of a user, in the store: found, listed, grown and changed. Nobody else's exist.

Whoever asks for what is not theirs is told that it is not there.
"""

# Statements are put together from constants of this module; what is given is always bound.
# ruff: noqa: S608

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chatterm.errors import ConfigError, NotFound
from chatterm.messages import Message, Request, Role
from chatterm.params import Params
from chatterm.server.core import Server
from chatterm.server.openassistant.wire import (
    JsonObject,
    NewAnswer,
    OldSampling,
    Sampling,
    message_json,
    params_of,
    state_of,
    time_text,
)
from chatterm.server.problems import Problem
from chatterm.server.sweeping import take_away_account, take_away_chat
from chatterm.server.users import User
from chatterm.server.work import Job, JobState, Work
from chatterm.store.database import Row
from chatterm.titles import first_words

NAME = "openassistant"
_CHAT = (
    "SELECT c.id, c.created_at, c.title, o.hidden, o.allow_data_use, o.tail_id,"
    " coalesce((SELECT max(m.created_at) FROM messages AS m"
    " WHERE m.chat_id = c.id AND m.role = 'user'), c.created_at)"
    " FROM server_chats AS o JOIN chats AS c ON c.id = o.chat_id"
)


@dataclass(frozen=True, slots=True)
class Wish:
    """How an answer is to be written."""

    model: str
    sampling: Sampling | OldSampling
    system_prompt: str | None = None
    user_profile: str | None = None
    user_response_instructions: str | None = None

    @classmethod
    def of(cls, body: NewAnswer) -> Wish:
        return cls(
            body.model_config_name,
            body.sampling_parameters,
            body.system_prompt,
            body.user_profile,
            body.user_response_instructions,
        )

    @property
    def system(self) -> str:
        """Everything that is said to the model before the chat begins."""
        parts = [
            self.system_prompt,
            self.user_profile and f"About the user:\n{self.user_profile}",
            self.user_response_instructions
            and f"How the user wants to be answered:\n{self.user_response_instructions}",
        ]
        return "\n\n".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Fit:
    """An answer that may be begun."""

    wish: Wish
    params: Params
    work: JsonObject
    """What the wire is told of it."""


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

    def add_prompt(self, user: User, chat_id: str, parent_id: str | None, text: str) -> Message:
        """A prompt below a complete answer, or the first one of its chat."""
        chat = self.listed(user, chat_id)
        options = self._server.settings.options
        if len(text) > options.message_chars:
            raise Problem(413, "Message content exceeds max length", kind="too_large")
        count = self._store.chat(chat_id).message_count
        if count >= options.chat_messages:
            raise Problem(413, "Maximum number of messages reached for this chat", kind="too_large")
        if parent_id is None and count:
            raise Problem(400, "Trying to add first message to non-empty chat")
        if parent_id is not None:
            self._must_take_a_prompt(user, chat_id, parent_id)
        with self._db.atomic():
            prompt = self._store.add(chat_id, parent_id=parent_id, role=Role.USER, text=text)
            if chat["title"] is None and text.strip():
                self._store.rename(chat_id, first_words(text), by_user=False)
        return prompt

    def _must_take_a_prompt(self, user: User, chat_id: str, parent_id: str) -> None:
        try:
            parent = self.message(user, chat_id, parent_id)
        except Problem as error:
            raise Problem(400, "Parent message not found", kind="not_found") from error
        if parent.role is not Role.ASSISTANT:
            raise Problem(400, "Parent message is not an assistant message")
        if state_of(parent, self._server.kept.state(parent_id)) != "complete":
            raise Problem(400, "Parent message is not complete")

    async def fit(self, user: User, wish: Wish) -> Fit:
        """How an answer will be written, if one may be begun now.

        The queue is asked last: whoever then awaits nothing before :meth:`answer` finds room.
        """
        if wish.model not in self._server.models:
            raise Problem(422, f"Model {wish.model} not found", kind="model")
        digest = hashlib.sha256(self._server.new_id().encode()).digest()
        try:
            params = params_of(wish.sampling, int.from_bytes(digest[:4], "big"))
        except ConfigError as error:
            raise Problem(422, error.message) from error
        work = await self._work(wish, params)
        self._server.jobs.check(user.id, wish.model)
        return Fit(wish, params, work)

    async def answer(self, user: User, chat_id: str, prompt_id: str, fit: Fit) -> str:
        """Begin an answer; its message is there at once, whatever comes of it."""
        with self._db.atomic():
            answer_id = await self._begun(user, chat_id, prompt_id, fit)
        await self._cancel_others(user, prompt_id)
        return answer_id

    async def ask(
        self, user: User, chat_id: str, parent_id: str | None, text: str, fit: Fit
    ) -> tuple[str, str]:
        """A prompt and its answer, both or none."""
        with self._db.atomic():
            prompt = self.add_prompt(user, chat_id, parent_id, text)
            answer_id = await self._begun(user, chat_id, prompt.id, fit)
        await self._cancel_others(user, prompt.id)
        return prompt.id, answer_id

    async def _begun(self, user: User, chat_id: str, prompt_id: str, fit: Fit) -> str:
        """Store an answer and submit its job: inside a transaction, so without a real wait."""
        wish, params = fit.wish, fit.params
        row = self._store.start_answer(
            chat_id,
            parent_id=prompt_id,
            model=wish.model,
            backend=self._server.models.backend(wish.model).name,
            params=params,
        )
        self._db.run(
            "INSERT INTO server_notes (message_id, note) VALUES (?, ?)",
            (row.id, json.dumps(fit.work)),
        )
        path = tuple(self._store.path(chat_id, prompt_id))
        if wish.system:
            path = (Message("", None, Role.SYSTEM, wish.system, row.created_at), *path)
        request = Request(
            model=wish.model, path=path, answer_id=row.id, params=params, chat_id=chat_id
        )
        await self._server.jobs.submit(Work(user.id, request, kept=True, message_id=row.id))
        return row.id

    async def _cancel_others(self, user: User, prompt_id: str) -> None:
        """Answers that wait below other prompts: their user has gone on to something else."""
        for job in self._server.jobs.of_user(user.id):
            if job.state == "pending" and job.message_id and self._is_below(job, prompt_id):
                await self._server.jobs.cancel(job.id)

    def _is_below(self, job: Job, prompt_id: str) -> bool:
        dialect = self._db.value(
            "SELECT o.dialect FROM messages AS m JOIN server_chats AS o ON o.chat_id = m.chat_id"
            " WHERE m.id = ? AND m.parent_id <> ?",
            (job.message_id, prompt_id),
        )
        return bool(dialect == NAME)

    async def _work(self, wish: Wish, params: Params) -> JsonObject:
        info = await self._server.models.info(wish.model)
        context = info.context or 2048
        sampling = wish.sampling
        return {
            "model_config": {
                "model_id": wish.model,
                "max_input_length": max(1, context - 1024) if context > 2048 else context // 2,
                "max_total_length": context,
                "quantized": False,
            },
            "sampling_parameters": {
                "top_k": sampling.top_k,
                "top_p": sampling.top_p,
                "typical_p": sampling.typical_p,
                "temperature": sampling.temperature,
                "repetition_penalty": sampling.repetition_penalty,
                "max_new_tokens": params.max_tokens or 1024,
            },
            "do_sample": True,
            "seed": params.seed,
            "system_prompt": wish.system_prompt,
            "user_profile": wish.user_profile,
            "user_response_instructions": wish.user_response_instructions,
            "plugins": [],
            "plugin_max_depth": 4,
        }

    # Judgements

    def vote(self, user: User, chat_id: str, message_id: str, score: int) -> None:
        self._must_be_answer(user, chat_id, message_id, "Only assistant messages can be voted on")
        if score not in (-1, 0, 1):
            raise Problem(400, "A vote is -1, 0 or 1", param="score")
        self._store.vote(message_id, score)

    def report(
        self, user: User, chat_id: str, message_id: str, report_type: str, reason: str
    ) -> None:
        self._must_be_answer(user, chat_id, message_id, "Only assistant messages can be reported")
        server = self._server
        with self._db.atomic():
            self._db.run(
                "INSERT INTO server_reports (id, message_id, user_id, report_type, reason,"
                " created_at) VALUES (?, ?, ?, ?, ?, ?)",
                (server.new_id(), message_id, user.id, report_type, reason, server.clock()),
            )

    def evaluate(
        self, user: User, chat_id: str, message_id: str, inferior_ids: Sequence[str]
    ) -> None:
        self._must_be_answer(user, chat_id, message_id, "Only assistant messages can be evaluated")
        for inferior_id in inferior_ids:
            self.message(user, chat_id, inferior_id)
        server = self._server
        with self._db.atomic():
            self._db.run(
                "INSERT INTO server_evaluations (id, message_id, user_id, inferior_ids,"
                " created_at) VALUES (?, ?, ?, ?, ?)",
                (
                    server.new_id(),
                    message_id,
                    user.id,
                    json.dumps(list(inferior_ids)),
                    server.clock(),
                ),
            )

    def _must_be_answer(self, user: User, chat_id: str, message_id: str, words: str) -> None:
        if self.message(user, chat_id, message_id).role is not Role.ASSISTANT:
            raise Problem(400, words)

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
