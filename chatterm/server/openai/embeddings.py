"""``POST /v1/embeddings``"""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from chatterm.server.access import UseCaller
from chatterm.server.core import Server
from chatterm.server.numbers import shortened
from chatterm.server.openai.bodies import EmbeddingBody
from chatterm.server.openai_common.answer import check_model
from chatterm.server.openai_common.errors import REFUSALS, ApiRoute, bad
from chatterm.server.openai_common.waiting import unless_left
from chatterm.server.work import Texts


def routes(server: Server) -> APIRouter:
    router = APIRouter(route_class=ApiRoute, responses=REFUSALS)

    @router.post("/embeddings", summary="Turn texts into vectors", response_model=None)
    async def create(body: EmbeddingBody, caller: UseCaller, request: Request) -> Response:
        check_model(server, body.model)
        texts = [body.input] if isinstance(body.input, str) else body.input
        for at, text in enumerate(texts):
            if not text:
                raise bad("an empty text cannot be embedded", f"input.{at}")
        work = server.jobs.embed(caller.id, Texts(body.model, tuple(texts)))
        embedded = await unless_left(request, work)
        data = [
            {
                "object": "embedding",
                "index": at,
                "embedding": _written(_cut(vector, body.dimensions), body.encoding_format),
            }
            for at, vector in enumerate(embedded.vectors)
        ]
        usage = {"prompt_tokens": embedded.tokens, "total_tokens": embedded.tokens}
        return JSONResponse({"object": "list", "model": body.model, "data": data, "usage": usage})

    return router


def _cut(vector: Sequence[float], dimensions: int | None) -> Sequence[float]:
    if dimensions is None:
        return vector
    if dimensions > len(vector):
        raise bad(f"the vectors of this model have {len(vector)} dimensions", "dimensions")
    return shortened(vector, dimensions)


def _written(vector: Sequence[float], form: str | None) -> Any:
    if form != "base64":
        return list(vector)
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
