"""Chat completions that were asked to be kept: listed, shown, labelled, deleted."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from chatterm.server.access import UseCaller
from chatterm.server.core import Server
from chatterm.server.openai.bodies import ChatBody
from chatterm.server.openai_common.bodies import Body, Metadata
from chatterm.server.openai_common.errors import REFUSALS, ApiRoute, Refusal, missing
from chatterm.server.openai_common.pages import Limit, Order, page
from chatterm.server.records import Records

_METADATA = "metadata["


class LabelsBody(Body):
    """What is to be written on a completion."""

    metadata: Metadata | None = None


class Completions:
    """The kept completions of all users, in ``server.db``."""

    def __init__(self, records: Records) -> None:
        self._db = records.db
        self._clock = records.clock

    def keep(self, user_id: str, completion: dict[str, Any], body: ChatBody) -> None:
        kept = completion | {"metadata": body.metadata or {}}
        asked = body.model_dump(include={"messages"}, exclude_none=True)["messages"]
        messages = [
            {"id": f"{completion['id']}-{at}", **message} for at, message in enumerate(asked)
        ]
        with self._db.atomic():
            self._db.run(
                "INSERT INTO server_completions (id, user_id, model, created_at, body, messages)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    completion["id"],
                    user_id,
                    body.model,
                    self._clock(),
                    json.dumps(kept),
                    json.dumps(messages),
                ),
            )

    def get(self, user_id: str, completion_id: str) -> dict[str, Any]:
        return dict(self._read(user_id, completion_id, "body"))

    def messages(self, user_id: str, completion_id: str) -> list[dict[str, Any]]:
        return list(self._read(user_id, completion_id, "messages"))

    def all_of(self, user_id: str, model: str | None) -> list[dict[str, Any]]:
        """The oldest first."""
        rows = self._db.rows(
            "SELECT body FROM server_completions WHERE user_id = ? AND (? IS NULL OR model = ?)"
            " ORDER BY created_at, id",
            (user_id, model, model),
        )
        return [json.loads(body) for (body,) in rows]

    def label(self, user_id: str, completion_id: str, metadata: Metadata) -> dict[str, Any]:
        kept = self.get(user_id, completion_id) | {"metadata": metadata}
        with self._db.atomic():
            self._db.run(
                "UPDATE server_completions SET body = ? WHERE id = ? AND user_id = ?",
                (json.dumps(kept), completion_id, user_id),
            )
        return kept

    def delete(self, user_id: str, completion_id: str) -> None:
        with self._db.atomic():
            gone = self._db.run(
                "DELETE FROM server_completions WHERE id = ? AND user_id = ?",
                (completion_id, user_id),
            )
        if not gone:
            raise _missing(completion_id)

    def _read(self, user_id: str, completion_id: str, column: str) -> Any:
        found = self._db.value(
            f"SELECT {column} FROM server_completions WHERE id = ? AND user_id = ?",  # noqa: S608
            (completion_id, user_id),
        )
        if found is None:
            raise _missing(completion_id)
        return json.loads(found)


def _missing(completion_id: str) -> Refusal:
    return missing(f"there is no completion {completion_id!r}", "completion_id")


def routes(server: Server) -> APIRouter:
    router = APIRouter(prefix="/chat/completions", route_class=ApiRoute, responses=REFUSALS)
    kept = Completions(server.records)

    @router.get("", summary="List the completions that were kept", response_model=None)
    async def completions(
        caller: UseCaller,
        request: Request,
        model: str | None = None,
        after: str | None = None,
        limit: Limit = 20,
        order: Order = "asc",
    ) -> Response:
        labels = _labels(request)
        found = [
            one
            for one in kept.all_of(caller.id, model)
            if all(one["metadata"].get(key) == value for key, value in labels.items())
        ]
        return JSONResponse(page(found, after=after, limit=limit, order=order))

    @router.get("/{completion_id}", summary="Show a kept completion", response_model=None)
    async def completion(completion_id: str, caller: UseCaller) -> Response:
        return JSONResponse(kept.get(caller.id, completion_id))

    @router.post("/{completion_id}", summary="Label a kept completion", response_model=None)
    async def label(completion_id: str, body: LabelsBody, caller: UseCaller) -> Response:
        return JSONResponse(kept.label(caller.id, completion_id, body.metadata or {}))

    @router.delete("/{completion_id}", summary="Delete a kept completion", response_model=None)
    async def delete(completion_id: str, caller: UseCaller) -> Response:
        kept.delete(caller.id, completion_id)
        return JSONResponse(
            {"id": completion_id, "object": "chat.completion.deleted", "deleted": True}
        )

    @router.get("/{completion_id}/messages", summary="Show what was asked", response_model=None)
    async def messages(
        completion_id: str,
        caller: UseCaller,
        after: str | None = None,
        limit: Limit = 20,
        order: Order = "asc",
    ) -> Response:
        found = kept.messages(caller.id, completion_id)
        return JSONResponse(page(found, after=after, limit=limit, order=order))

    return router


def _labels(request: Request) -> dict[str, str]:
    """``metadata[key]=value`` of the address."""
    return {
        key.removeprefix(_METADATA).removesuffix("]"): value
        for key, value in request.query_params.items()
        if key.startswith(_METADATA)
    }
