"""``/v1/responses``"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from chatterm.server.access import UseCaller
from chatterm.server.core import Server
from chatterm.server.openai_common.answer import check_model
from chatterm.server.openai_common.errors import (
    REFUSALS,
    STREAMS,
    ApiRoute,
    bad,
    error_reply,
    told,
)
from chatterm.server.openai_common.pages import Limit, Order, page
from chatterm.server.openai_common.sse import EventStream, block
from chatterm.server.openai_common.waiting import unless_left
from chatterm.server.responses.bodies import AskedBody, CompactBody, ResponseBody
from chatterm.server.responses.compacting import compacted
from chatterm.server.responses.drafting import Drafter
from chatterm.server.responses.items import Json
from chatterm.server.responses.kept import OPEN, KeptResponses
from chatterm.server.responses.runs import Draft, Runs
from chatterm.server.responses.writing import told_again

From = Annotated[int | None, Query(ge=0)]


def routes(server: Server, kept: KeptResponses, runs: Runs) -> APIRouter:
    router = APIRouter(prefix="/responses", route_class=ApiRoute, responses=REFUSALS)
    _answer(router, server, Drafter(server, kept), runs)
    _look(router, kept, runs)
    _change(router, kept, runs)
    return router


def _answer(router: APIRouter, server: Server, drafter: Drafter, runs: Runs) -> None:
    @router.post("", summary="Answer, and keep the answer", response_model=None, responses=STREAMS)
    async def create(body: ResponseBody, caller: UseCaller, request: Request) -> Response:
        check_model(server, body.model)
        draft = drafter.draft(caller.id, body)
        if body.stream and not body.background:
            return _stream(_foreground(runs, draft))
        run = runs.start(draft)
        if body.background:
            return _stream(run.follow()) if body.stream else JSONResponse(run.writer.response)
        try:
            response = await unless_left(request, run.over())
        finally:
            await runs.cancel(run)
        return JSONResponse(response)

    @router.post("/input_tokens", summary="Count what would be read", response_model=None)
    async def count(body: AskedBody, caller: UseCaller) -> Response:
        check_model(server, body.model)
        counted = await server.models.count(drafter.request(caller.id, body))
        if counted.tokens is None:
            raise bad(f"nobody here can count the tokens of {body.model}", "model")
        return JSONResponse({"object": "response.input_tokens", "input_tokens": counted.tokens})

    @router.post("/compact", summary="Sum up what was said", response_model=None)
    async def compact(body: CompactBody, caller: UseCaller, request: Request) -> Response:
        check_model(server, body.model)
        asked, staying = drafter.compacted(caller.id, body)
        return JSONResponse(
            await unless_left(request, compacted(server, caller.id, asked, staying))
        )


def _look(router: APIRouter, kept: KeptResponses, runs: Runs) -> None:
    @router.get("/{response_id}", summary="Show a response", response_model=None, responses=STREAMS)
    async def retrieve(
        response_id: str,
        caller: UseCaller,
        stream: bool = False,
        starting_after: From = None,
    ) -> Response:
        run = runs.get(caller.id, response_id)
        response = run.writer.response if run else kept.response(caller.id, response_id)
        if not stream:
            return JSONResponse(response)
        after = -1 if starting_after is None else starting_after
        return _stream(run.follow(after) if run else _again(response, after))

    @router.get("/{response_id}/input_items", summary="Show what was asked", response_model=None)
    async def input_items(
        response_id: str,
        caller: UseCaller,
        after: str | None = None,
        limit: Limit = 20,
        order: Order = "desc",
    ) -> Response:
        asked = kept.asked(caller.id, response_id)
        return JSONResponse(page(asked, after=after, limit=limit, order=order))


def _change(router: APIRouter, kept: KeptResponses, runs: Runs) -> None:
    @router.post("/{response_id}/cancel", summary="Stop a response", response_model=None)
    async def cancel(response_id: str, caller: UseCaller) -> Response:
        response = kept.response(caller.id, response_id)
        if not response["background"]:
            raise bad("only a response in the background can be cancelled", "response_id")
        run = runs.get(caller.id, response_id)
        if run is not None:
            await runs.cancel(run)
        return JSONResponse(kept.response(caller.id, response_id))

    @router.delete("/{response_id}", summary="Delete a response", response_model=None)
    async def delete(response_id: str, caller: UseCaller) -> Response:
        response = kept.response(caller.id, response_id)
        run = runs.get(caller.id, response_id)
        if run is not None and response["status"] in OPEN:
            await runs.cancel(run)
        kept.delete(caller.id, response_id)
        runs.forget(response_id)
        return JSONResponse({"id": response_id, "object": "response", "deleted": True})


async def _foreground(runs: Runs, draft: Draft) -> AsyncGenerator[str, None]:
    """The events of a response that begins and ends with its reader."""
    run = runs.start(draft)
    try:
        async with aclosing(run.follow()) as blocks:
            async for text in blocks:
                yield text
    finally:
        await runs.cancel(run)


async def _again(response: Json, after: int) -> AsyncGenerator[str, None]:
    """The events of a response that is over; its end is always told."""
    events = list(told_again(response))
    last = events[-1]
    last["sequence_number"] = max(last["sequence_number"], after + 1)
    for event in events:
        if event["sequence_number"] > after:
            yield block(event, event["type"])


def _stream(source: AsyncGenerator[str, None]) -> Response:
    return EventStream(source, failed=_failed, refused=error_reply)


def _failed(error: Exception) -> str:
    body: dict[str, Any] = told(error)[1]
    event = {"type": "error", "sequence_number": 0}
    return block(event | {key: body[key] for key in ("code", "message", "param")}, "error")
