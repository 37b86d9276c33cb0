"""Responses and conversations in ``server.db``.

A response has what it was asked with and what it answered; the chat that it goes on from is found
by walking back. Whatever belongs to another user is not there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from chatterm.server.jobs import STOPPED_SERVER
from chatterm.server.openai_common.bodies import Metadata
from chatterm.server.openai_common.errors import Refusal, bad, missing
from chatterm.server.records import Records
from chatterm.server.responses.items import Json
from chatterm.server.responses.writing import FAILED

OPEN = ("queued", "in_progress")


class KeptResponses:
    """The responses and conversations of all users."""

    def __init__(self, records: Records) -> None:
        self._db = records.db
        self._clock = records.clock
        self._new_id = records.new_id

    # -- responses ---------------------------------------------------------------------------

    def fail_what_was_open(self) -> None:
        """End the responses of a server that is gone."""
        with self._db.atomic():
            rows = self._db.rows(
                "SELECT id, body FROM server_responses WHERE status IN ('queued', 'in_progress')"
            )
            for response_id, body in rows:
                response = json.loads(body)
                response["status"] = "failed"
                response["error"] = {"code": FAILED, "message": STOPPED_SERVER}
                self._write(response_id, response)

    def add(self, user_id: str, response: Json, asked: Sequence[Json]) -> None:
        """Keep a response from its beginning."""
        conversation = response.get("conversation")
        with self._db.atomic():
            self._db.run(
                "INSERT INTO server_responses (id, user_id, created_at, status, previous_id,"
                " conversation_id, body, input) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    response["id"],
                    user_id,
                    self._clock(),
                    response["status"],
                    response["previous_response_id"],
                    conversation["id"] if conversation else None,
                    json.dumps(response),
                    json.dumps(asked),
                ),
            )

    def write(self, response: Json) -> None:
        """How a response stands now; one that was deleted meanwhile stays deleted."""
        with self._db.atomic():
            self._write(response["id"], response)

    def finish(self, user_id: str, response: Json, asked: Sequence[Json], *, kept: bool) -> None:
        """The end of a response. What was said in a conversation is added to it."""
        with self._db.atomic():
            if kept:
                self._write(response["id"], response)
            conversation = response.get("conversation")
            if conversation and response["status"] in ("completed", "incomplete"):
                self._add_items(user_id, conversation["id"], [*asked, *response["output"]])

    def response(self, user_id: str, response_id: str) -> Json:
        return dict(json.loads(self._row(user_id, response_id)[0]))

    def asked(self, user_id: str, response_id: str) -> list[Json]:
        """Everything a response was asked with, what it goes on from included."""
        own = list(json.loads(self._row(user_id, response_id)[1]))
        response = self.response(user_id, response_id)
        if response["previous_response_id"] is not None:
            return [*self.chain(user_id, response["previous_response_id"]), *own]
        return own

    def chain(self, user_id: str, response_id: str) -> list[Json]:
        """The items of a response and of all that it goes on from, the oldest first."""
        rows = self._db.rows(
            "WITH RECURSIVE chain (id, previous_id, body, input, depth) AS ("
            " SELECT id, previous_id, body, input, 0 FROM server_responses"
            " WHERE id = ? AND user_id = ?"
            " UNION ALL"
            " SELECT r.id, r.previous_id, r.body, r.input, depth + 1"
            " FROM chain JOIN server_responses r ON r.id = chain.previous_id"
            " WHERE r.user_id = ?)"
            " SELECT previous_id, body, input FROM chain ORDER BY depth DESC",
            (response_id, user_id, user_id),
        )
        if not rows:
            raise _no_previous(f"there is no response {response_id!r} to go on from")
        if rows[0][0] is not None:
            raise _no_previous(f"the response {rows[0][0]!r}, which this goes on from, was deleted")
        items: list[Json] = []
        for at, (_, body, asked) in enumerate(rows):
            response = json.loads(body)
            conversation = response.get("conversation")
            if conversation and at == 0:
                items += self._items_before(user_id, conversation["id"], json.loads(asked))
            items += [*json.loads(asked), *response["output"]]
        return items

    def delete(self, user_id: str, response_id: str) -> None:
        with self._db.atomic():
            gone = self._db.run(
                "DELETE FROM server_responses WHERE id = ? AND user_id = ?", (response_id, user_id)
            )
        if not gone:
            raise no_response(response_id)

    def _row(self, user_id: str, response_id: str) -> tuple[Any, ...]:
        row = self._db.row(
            "SELECT body, input FROM server_responses WHERE id = ? AND user_id = ?",
            (response_id, user_id),
        )
        if row is None:
            raise no_response(response_id)
        return row

    def _write(self, response_id: str, response: Json) -> None:
        self._db.run(
            "UPDATE server_responses SET status = ?, body = ? WHERE id = ?",
            (response["status"], json.dumps(response), response_id),
        )

    # -- conversations -----------------------------------------------------------------------

    def create_conversation(self, user_id: str, metadata: Metadata, items: Sequence[Json]) -> Json:
        conversation_id = f"conv_{self._new_id()}"
        with self._db.atomic():
            self._db.run(
                "INSERT INTO server_conversations (id, user_id, created_at, metadata)"
                " VALUES (?, ?, ?, ?)",
                (conversation_id, user_id, self._clock(), json.dumps(metadata)),
            )
            self._add_items(user_id, conversation_id, items)
        return self.conversation(user_id, conversation_id)

    def conversation(self, user_id: str, conversation_id: str) -> Json:
        row = self._db.row(
            "SELECT created_at, metadata FROM server_conversations WHERE id = ? AND user_id = ?",
            (conversation_id, user_id),
        )
        if row is None:
            raise missing(f"there is no conversation {conversation_id!r}", "conversation")
        created_at, metadata = row
        return {
            "id": conversation_id,
            "object": "conversation",
            "created_at": int(created_at),
            "metadata": json.loads(metadata),
        }

    def label_conversation(self, user_id: str, conversation_id: str, metadata: Metadata) -> Json:
        with self._db.atomic():
            self._db.run(
                "UPDATE server_conversations SET metadata = ? WHERE id = ? AND user_id = ?",
                (json.dumps(metadata), conversation_id, user_id),
            )
        return self.conversation(user_id, conversation_id)

    def delete_conversation(self, user_id: str, conversation_id: str) -> None:
        self.conversation(user_id, conversation_id)
        with self._db.atomic():
            self._db.run("DELETE FROM server_conversations WHERE id = ?", (conversation_id,))

    def items(self, user_id: str, conversation_id: str) -> list[Json]:
        """The oldest first."""
        self.conversation(user_id, conversation_id)
        rows = self._db.rows(
            "SELECT item FROM server_items WHERE conversation_id = ? ORDER BY position",
            (conversation_id,),
        )
        return [json.loads(item) for (item,) in rows]

    def add_items(self, user_id: str, conversation_id: str, items: Sequence[Json]) -> None:
        self.conversation(user_id, conversation_id)
        with self._db.atomic():
            self._add_items(user_id, conversation_id, items)

    def delete_item(self, user_id: str, conversation_id: str, item_id: str) -> Json:
        conversation = self.conversation(user_id, conversation_id)
        with self._db.atomic():
            gone = self._db.run(
                "DELETE FROM server_items WHERE conversation_id = ? AND id = ?",
                (conversation_id, item_id),
            )
        if not gone:
            raise missing(f"there is no item {item_id!r}", "item_id")
        return conversation

    def _add_items(self, user_id: str, conversation_id: str, items: Sequence[Json]) -> None:
        """Add to the end; an item that is there already stays where it is."""
        is_there = self._db.value(
            "SELECT 1 FROM server_conversations WHERE id = ? AND user_id = ?",
            (conversation_id, user_id),
        )
        if not is_there:
            # It was deleted while its answer was being written.
            return
        last = self._db.value(
            "SELECT max(position) FROM server_items WHERE conversation_id = ?", (conversation_id,)
        )
        for position, item in enumerate(items, (last or 0) + 1):
            self._db.run(
                "INSERT OR IGNORE INTO server_items (conversation_id, position, id, item)"
                " VALUES (?, ?, ?, ?)",
                (conversation_id, position, item["id"], json.dumps(item)),
            )

    def _items_before(
        self, user_id: str, conversation_id: str, asked: Sequence[Json]
    ) -> list[Json]:
        """What a conversation held when a response of it was asked."""
        own = {item["id"] for item in asked}
        before: list[Json] = []
        try:
            items = self.items(user_id, conversation_id)
        except Refusal as error:
            raise _no_previous(
                f"the conversation {conversation_id!r}, which this goes on from, was deleted"
            ) from error
        for item in items:
            if item["id"] in own:
                break
            before.append(item)
        return before


def no_response(response_id: str) -> Refusal:
    return missing(f"there is no response {response_id!r}", "response_id")


def _no_previous(message: str) -> Refusal:
    return bad(message, "previous_response_id", "previous_response_not_found")
