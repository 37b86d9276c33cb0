"""The routes of the dialect, put together."""

from __future__ import annotations

from fastapi import APIRouter

from chatterm.server.core import Server
from chatterm.server.dialect import Dialect
from chatterm.server.openai_common.errors import error_reply
from chatterm.server.responses import conversations, routes
from chatterm.server.responses.kept import KeptResponses
from chatterm.server.responses.runs import Runs


def dialect_routes(server: Server) -> APIRouter:
    kept = KeptResponses(server.records)
    kept.fail_what_was_open()
    runs = Runs(server, kept)
    router = APIRouter(prefix="/v1", tags=["responses"])
    router.include_router(routes.routes(server, kept, runs))
    router.include_router(conversations.routes(server, kept))
    return router


DIALECT = Dialect("responses", ("/v1/responses", "/v1/conversations"), dialect_routes, error_reply)
