"""Prompts and their answers: what may be asked, how it is to be written, and its job.

An answer's message is stored and its job submitted in one transaction, both or none.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from chatterm.errors import ConfigError
from chatterm.messages import Message, Request, Role
from chatterm.params import Params
from chatterm.server.core import Server
from chatterm.server.openassistant.archive import NAME, Archive
from chatterm.server.openassistant.wire import (
    JsonObject,
    NewAnswer,
    OldSampling,
    Sampling,
    params_of,
    state_of,
)
from chatterm.server.problems import Problem
from chatterm.server.users import User
from chatterm.server.work import Job, Work
from chatterm.titles import first_words


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


class Asking:
    """Asks on behalf of users, in chats of theirs."""

    def __init__(self, server: Server, archive: Archive) -> None:
        self._server = server
        self._archive = archive
        self._db = server.records.db
        self._store = server.store

    def add_prompt(self, user: User, chat_id: str, parent_id: str | None, text: str) -> Message:
        """A prompt below a complete answer, or the first one of its chat."""
        chat = self._archive.listed(user, chat_id)
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
            parent = self._archive.message(user, chat_id, parent_id)
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
