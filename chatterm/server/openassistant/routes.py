"""All routes of the dialect, and its way of saying no: ``{"detail": ...}``."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from chatterm.server.core import Server
from chatterm.server.openassistant import account, chats, configs, events, login, messages
from chatterm.server.openassistant.archive import Archive
from chatterm.server.problems import Problem


def routes(server: Server) -> APIRouter:
    archive = Archive(server)
    router = APIRouter()
    router.include_router(login.routes(server))
    router.include_router(configs.routes(server))
    for part in (chats, messages, events, account):
        router.include_router(part.routes(server, archive))
    return router


def refused(problem: Problem) -> Response:
    """A text, or the list of wrong fields."""
    detail = list(problem.details) or problem.message
    return JSONResponse({"detail": detail}, problem.status, headers=problem.headers)
