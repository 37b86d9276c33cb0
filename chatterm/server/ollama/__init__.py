"""The Ollama dialect: what the clients of that server ask for, with its words and its lines."""

from __future__ import annotations

from fastapi import APIRouter

from chatterm.server.core import Server
from chatterm.server.dialect import Dialect
from chatterm.server.ollama import answering, changing, listing
from chatterm.server.ollama.about import Shelf
from chatterm.server.ollama.replies import refused


def routes(server: Server) -> APIRouter:
    router = APIRouter()
    shelf = Shelf(server)
    router.include_router(listing.routes(server, shelf))
    router.include_router(answering.routes(server))
    router.include_router(changing.routes(server))
    router.include_router(changing.refusals())
    return router


_PATHS = (
    *("/api/version", "/api/tags", "/api/ps", "/api/show", "/api/chat", "/api/generate"),
    *("/api/embed", "/api/pull", "/api/push", "/api/delete", "/api/copy", "/api/create"),
    "/api/blobs",
)
DIALECT = Dialect("ollama", _PATHS, routes, refused)
