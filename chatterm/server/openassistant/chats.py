"""Routes of chats: made, listed, read, changed, deleted."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from chatterm.server.access import UseCaller
from chatterm.server.core import Server
from chatterm.server.openassistant.archive import Archive
from chatterm.server.openassistant.wire import ChatUpdate, JsonObject, NewChat
from chatterm.server.problems import Problem


def routes(server: Server, archive: Archive) -> APIRouter:
    router = APIRouter(tags=["chats"])

    @router.post("/chats")
    @router.post("/chats/", include_in_schema=False)
    async def create(caller: UseCaller, body: NewChat) -> JsonObject:
        return archive.create(caller.user)

    @router.get("/chats")
    @router.get("/chats/", include_in_schema=False)
    async def listed(
        caller: UseCaller,
        limit: Annotated[int, Query(ge=1, le=100)] = 10,
        after: str | None = None,
        before: str | None = None,
        include_hidden: bool = False,
    ) -> JsonObject:
        if after is not None and before is not None:
            raise Problem(400, "Cannot specify both after and before.")
        return archive.page(
            caller.user, limit=limit, after=after, before=before, hidden=include_hidden
        )

    @router.put("/chats/hide_all")
    async def hide_all(caller: UseCaller) -> None:
        archive.hide_all(caller.user)

    @router.get("/chats/{chat_id}")
    async def read(caller: UseCaller, chat_id: str) -> JsonObject:
        return archive.read(caller.user, chat_id)

    @router.put("/chats/{chat_id}")
    async def update(caller: UseCaller, chat_id: str, body: ChatUpdate) -> None:
        archive.update(
            caller.user,
            chat_id,
            title=body.title,
            hidden=body.hidden,
            allow_data_use=body.allow_data_use,
            tail_id=body.active_thread_tail_message_id,
        )

    @router.delete("/chats/{chat_id}")
    async def delete(caller: UseCaller, chat_id: str) -> Response:
        await archive.delete(caller.user, chat_id)
        return Response(status_code=200)

    return router
