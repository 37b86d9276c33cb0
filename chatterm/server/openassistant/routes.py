"""All routes of the dialect, and its way of saying no: ``{"detail": ...}``."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from chatterm.server.core import Server
from chatterm.server.openassistant import configs
from chatterm.server.problems import Problem


def routes(server: Server) -> APIRouter:
    router = APIRouter()
    router.include_router(configs.routes(server))
    return router


def refused(problem: Problem) -> Response:
    """A text, or the list of wrong fields."""
    detail = list(problem.details) or problem.message
    return JSONResponse({"detail": detail}, problem.status, headers=problem.headers)
