"""``/v1/conversations``: items that are kept in order, for responses to go on from."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from chatterm.ids import NewId
from chatterm.server.access import UseCaller
from chatterm.server.core import Server
from chatterm.server.openai_common.errors import REFUSALS, ApiRoute, bad, missing
from chatterm.server.openai_common.pages import Limit, Order, listed, page
from chatterm.server.responses.bodies import ConversationBody, Item, ItemsBody, LabelsBody
from chatterm.server.responses.items import Json, plain
from chatterm.server.responses.kept import KeptResponses


def routes(server: Server, kept: KeptResponses) -> APIRouter:
    router = APIRouter(prefix="/conversations", route_class=ApiRoute, responses=REFUSALS)
    _conversations(router, server, kept)
    _items(router, server, kept)
    return router


def _conversations(router: APIRouter, server: Server, kept: KeptResponses) -> None:
    @router.post("", summary="Begin a conversation", response_model=None)
    async def create(body: ConversationBody, caller: UseCaller) -> Response:
        items = _read(body.items or [], [], server.new_id)
        return JSONResponse(kept.create_conversation(caller.id, body.metadata or {}, items))

    @router.get("/{conversation_id}", summary="Show a conversation", response_model=None)
    async def retrieve(conversation_id: str, caller: UseCaller) -> Response:
        return JSONResponse(kept.conversation(caller.id, conversation_id))

    @router.post("/{conversation_id}", summary="Label a conversation", response_model=None)
    async def update(conversation_id: str, body: LabelsBody, caller: UseCaller) -> Response:
        metadata = body.metadata or {}
        return JSONResponse(kept.label_conversation(caller.id, conversation_id, metadata))

    @router.delete("/{conversation_id}", summary="Delete a conversation", response_model=None)
    async def delete(conversation_id: str, caller: UseCaller) -> Response:
        kept.delete_conversation(caller.id, conversation_id)
        return JSONResponse(
            {"id": conversation_id, "object": "conversation.deleted", "deleted": True}
        )


def _items(router: APIRouter, server: Server, kept: KeptResponses) -> None:
    @router.get("/{conversation_id}/items", summary="List the items", response_model=None)
    async def items(
        conversation_id: str,
        caller: UseCaller,
        after: str | None = None,
        limit: Limit = 20,
        order: Order = "desc",
    ) -> Response:
        found = kept.items(caller.id, conversation_id)
        return JSONResponse(page(found, after=after, limit=limit, order=order))

    @router.post("/{conversation_id}/items", summary="Add items", response_model=None)
    async def add(conversation_id: str, body: ItemsBody, caller: UseCaller) -> Response:
        found = _read(body.items, kept.items(caller.id, conversation_id), server.new_id)
        kept.add_items(caller.id, conversation_id, found)
        return JSONResponse(listed(found, has_more=False))

    @router.get("/{conversation_id}/items/{item_id}", summary="Show an item", response_model=None)
    async def item(conversation_id: str, item_id: str, caller: UseCaller) -> Response:
        for found in kept.items(caller.id, conversation_id):
            if found["id"] == item_id:
                return JSONResponse(found)
        raise missing(f"there is no item {item_id!r}", "item_id")

    @router.delete(
        "/{conversation_id}/items/{item_id}", summary="Delete an item", response_model=None
    )
    async def delete_item(conversation_id: str, item_id: str, caller: UseCaller) -> Response:
        return JSONResponse(kept.delete_item(caller.id, conversation_id, item_id))


def _read(items: list[Item], there: list[Json], new_id: NewId) -> list[Json]:
    """Items for a conversation that has others; none may be in it twice."""
    known = {item["id"]: item for item in there}
    found = [plain(item, f"items.{at}", new_id, known.get) for at, item in enumerate(items)]
    ids = [item["id"] for item in found]
    twice = next((one for one in ids if one in known or ids.count(one) > 1), None)
    if twice is not None:
        raise bad(f"the conversation would have {twice!r} twice", "items")
    return found
