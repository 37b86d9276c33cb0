"""What users think of answers: votes, reports, and which they preferred."""

from __future__ import annotations

import json
from collections.abc import Sequence

from chatterm.messages import Role
from chatterm.server.core import Server
from chatterm.server.openassistant.archive import Archive
from chatterm.server.problems import Problem
from chatterm.server.users import User


class Judging:
    """Writes judgements down."""

    def __init__(self, server: Server, archive: Archive) -> None:
        self._server = server
        self._archive = archive
        self._db = server.records.db

    def vote(self, user: User, chat_id: str, message_id: str, score: int) -> None:
        self._must_be_answer(user, chat_id, message_id, "Only assistant messages can be voted on")
        if score not in (-1, 0, 1):
            raise Problem(400, "A vote is -1, 0 or 1", param="score")
        self._server.store.vote(message_id, score)

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
            self._archive.message(user, chat_id, inferior_id)
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
        if self._archive.message(user, chat_id, message_id).role is not Role.ASSISTANT:
            raise Problem(400, words)
