"""The routes of the dialect, put together."""

from __future__ import annotations

from fastapi import APIRouter

from chatterm.server.core import Server
from chatterm.server.dialect import Dialect
from chatterm.server.openai import chat, completions, embeddings, models, stored
from chatterm.server.openai_common.errors import error_reply


def routes(server: Server) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["openai"])
    for part in (models, stored, chat, completions, embeddings):
        router.include_router(part.routes(server))
    return router


DIALECT = Dialect("openai", ("/v1/",), routes, error_reply)
