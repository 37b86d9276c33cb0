"""Which models there are, what is in memory, and that this is a server: what changes nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import JSONResponse, PlainTextResponse, Response

from chatterm import __version__
from chatterm.engine.gguf import read_header
from chatterm.errors import ChattermError
from chatterm.messages import LoadedModel, ModelInfo
from chatterm.server.access import Public, UseCaller
from chatterm.server.core import Server
from chatterm.server.ollama.about import (
    About,
    Shelf,
    capabilities_of,
    details_of,
    entry_of,
    model_info,
    parameters_of,
)
from chatterm.server.ollama.bodies import ShowBody
from chatterm.server.ollama.names import resolved, tagged
from chatterm.server.ollama.route import JsonRoute
from chatterm.server.ollama.writing import Line, when

_EVER = timedelta(days=365 * 100).total_seconds()


def routes(server: Server, shelf: Shelf) -> APIRouter:
    router = APIRouter(route_class=JsonRoute, tags=["ollama"])

    @router.get("/", summary="That somebody is here", response_class=PlainTextResponse)
    @router.head("/", include_in_schema=False)
    async def here(_: Public) -> Response:
        # The words that clients look for.
        return PlainTextResponse("Ollama is running")

    @router.get("/api/version", summary="The version of the server")
    @router.head("/api/version", include_in_schema=False)
    async def version(_: UseCaller) -> Response:
        return JSONResponse({"version": __version__})

    @router.get("/api/tags", summary="The models there are")
    @router.head("/api/tags", include_in_schema=False)
    async def tags(_: UseCaller) -> Response:
        infos = {info.name: info for info in await server.models.infos()}
        found = await shelf.all(infos)
        return JSONResponse({"models": [entry_of(about, infos[about.name]) for about in found]})

    @router.get("/api/ps", summary="The models in memory")
    async def ps(_: UseCaller) -> Response:
        loaded = await server.models.loaded()
        found = await shelf.all([one.name for one in loaded])
        now = server.clock()
        pairs = zip(loaded, found, strict=True)
        return JSONResponse({"models": [_in_memory(one, about, now) for one, about in pairs]})

    @router.post("/api/show", summary="What is known of a model")
    async def show(body: ShowBody, _: UseCaller) -> Response:
        name = resolved(server, body.said)
        about = await shelf.one(name)
        return JSONResponse(await asyncio.to_thread(_shown, about, await _info(server, name), body))

    return router


async def _info(server: Server, name: str) -> ModelInfo | None:
    try:
        return await server.models.info(name)
    except ChattermError:
        return None


def _shown(about: About, info: ModelInfo | None, body: ShowBody) -> Line:
    header = about.header
    said: Line = {
        "modelfile": f"# {about.name}, served by chatterm\nFROM {tagged(about.name)}\n",
        "parameters": parameters_of(header) if header else "",
        "template": header.chat_template if header else "",
        "details": details_of(about),
        "model_info": model_info(header, verbose=bool(body.verbose)) if header else {},
        "capabilities": capabilities_of(about, info),
        "modified_at": when(about.modified),
    }
    if about.described is not None and about.described.licence:
        said["license"] = about.described.licence
    if about.projector:
        said["projector_info"] = model_info(read_header(Path(about.projector)), verbose=False)
    return said


def _in_memory(one: LoadedModel, about: About, now: float) -> Line:
    left = _EVER if one.seconds_left is None else one.seconds_left
    name = tagged(one.name)
    return {
        "name": name,
        "model": name,
        "size": one.size_bytes,
        "digest": about.digest,
        "details": details_of(about),
        "expires_at": when(now + left),
        "size_vram": one.gpu_bytes,
        "context_length": one.context,
    }
