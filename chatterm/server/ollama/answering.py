"""``/api/chat``, ``/api/generate`` and the embeddings: what models are asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from fastapi import APIRouter
from starlette.responses import Response

from chatterm.messages import Embedded, Request
from chatterm.server.access import Caller, UseCaller
from chatterm.server.core import Server
from chatterm.server.keys import Scope
from chatterm.server.numbers import shortened
from chatterm.server.ollama.bodies import ChatBody, EmbedBody, GenerateBody, OldEmbedBody, Writing
from chatterm.server.ollama.names import resolved
from chatterm.server.ollama.reading import bad, chat_request, generate_request, seconds_of
from chatterm.server.ollama.replies import Reply, last
from chatterm.server.ollama.route import JsonRoute
from chatterm.server.ollama.writing import Kind, Line, Lines
from chatterm.server.work import Texts, Work


def routes(server: Server) -> APIRouter:
    router = APIRouter(route_class=JsonRoute, tags=["ollama"])

    @router.post("/api/chat", summary="Answer a chat", response_model=None)
    async def chat(body: ChatBody, caller: UseCaller) -> Response:
        model = resolved(server, body.said)
        if not body.messages:
            return _kept_only(server, caller, body, model, "chat")
        request = chat_request(body, model, server.new_id(), server.clock())
        return _answer(server, caller, body, request, "chat")

    @router.post("/api/generate", summary="Continue a prompt", response_model=None)
    async def generate(body: GenerateBody, caller: UseCaller) -> Response:
        model = resolved(server, body.said)
        if not (body.prompt or body.images or body.system or body.suffix):
            return _kept_only(server, caller, body, model, "generate")
        request = generate_request(body, model, server.new_id(), server.clock())
        return _answer(server, caller, body, request, "generate")

    @router.post("/api/embed", summary="Turn texts into vectors", response_model=None)
    async def embed(body: EmbedBody, caller: UseCaller) -> Response:
        model = resolved(server, body.said)
        texts = [body.input] if isinstance(body.input, str) else body.input or []
        seconds = _seconds(caller, body.keep_alive)
        asked = Texts(model, tuple(texts), cut=body.truncate is not False)
        lines = _embedded(server, caller, body, asked, seconds)
        return Reply(lines, stream=False, fold=last)

    @router.post("/api/embeddings", summary="Turn one text into a vector", deprecated=True)
    async def embeddings(body: OldEmbedBody, caller: UseCaller) -> Response:
        model = resolved(server, body.said)
        seconds = _seconds(caller, body.keep_alive)
        asked = Texts(model, (body.prompt,) if body.prompt else (), cut=True)
        lines = _one_embedded(server, caller, asked, seconds)
        return Reply(lines, stream=False, fold=last)

    return router


def _seconds(caller: Caller, keep_alive: float | str | None) -> float | None:
    """What counts of a wish to keep a model: the memory is not any user's to give away."""
    seconds = seconds_of(keep_alive)
    return seconds if Scope.MODELS in caller.scopes else None


def _kept_only(server: Server, caller: Caller, body: Writing, model: str, kind: Kind) -> Response:
    """A request without a prompt is about the memory: come in, or go."""
    lines = Lines(kind, body.said, server.clock, time.monotonic)
    seconds = _seconds(caller, body.keep_alive)

    async def keeping() -> AsyncGenerator[Line, None]:
        if seconds == 0:
            await server.models.keep(model, 0)
            yield lines.nothing("unload")
            return
        await server.models.load(model)
        if seconds is not None:
            await server.models.keep(model, seconds)
        yield lines.nothing("load")

    return Reply(keeping(), stream=body.streams)


def _answer(
    server: Server, caller: Caller, body: Writing, request: Request, kind: Kind
) -> Response:
    lines = _lines(server, caller, body, request, kind)
    return Reply(lines, stream=body.streams)


async def _lines(
    server: Server, caller: Caller, body: Writing, request: Request, kind: Kind
) -> AsyncGenerator[Line, None]:
    lines = Lines(kind, body.said, server.clock, time.monotonic)
    seconds = _seconds(caller, body.keep_alive)
    if body.truncate is False and (await server.models.count(request)).left_out:
        raise bad("the input length exceeds the context length", "messages")
    job_id = await server.jobs.submit(Work(caller.id, request))
    try:
        async with aclosing(server.jobs.follow(job_id)) as numbered:
            async for item in numbered:
                if (line := lines.take(item.event)) is not None:
                    yield line
    finally:
        if seconds is not None:
            # Every answer sets the time anew, so that this comes after it.
            await asyncio.shield(server.models.keep(request.model, seconds))


async def _embedded(
    server: Server, caller: Caller, body: EmbedBody, asked: Texts, seconds: float | None
) -> AsyncGenerator[Line, None]:
    began = time.monotonic()
    found = await _vectors(server, caller, asked, seconds)
    vectors: list[Sequence[float]] = list(found.vectors)
    if body.dimensions is not None:
        vectors = [shortened(vector, body.dimensions) for vector in vectors]
    yield {
        "model": body.said,
        "embeddings": vectors,
        "total_duration": round((time.monotonic() - began) * 1e9),
        "load_duration": 0,
        "prompt_eval_count": found.tokens,
    }


async def _one_embedded(
    server: Server, caller: Caller, asked: Texts, seconds: float | None
) -> AsyncGenerator[Line, None]:
    found = await _vectors(server, caller, asked, seconds)
    yield {"embedding": list(found.vectors[0]) if found.vectors else []}


async def _vectors(server: Server, caller: Caller, asked: Texts, seconds: float | None) -> Embedded:
    if not asked.texts:
        await server.models.load(asked.model)
        found = Embedded((), 0)
    else:
        found = await server.jobs.embed(caller.id, asked)
    if seconds is not None:
        await server.models.keep(asked.model, seconds)
    return found
