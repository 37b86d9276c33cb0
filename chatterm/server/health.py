"""Whether the server is alive, and whether it takes work: for whoever watches over it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from chatterm.errors import ChattermError
from chatterm.server.access import Public
from chatterm.server.core import Server


def routes(server: Server) -> APIRouter:
    router = APIRouter(tags=["operation"])

    @router.get("/health/live", summary="Whether it answers at all")
    async def live(_: Public) -> Response:
        return JSONResponse({"status": "ok"})

    @router.get("/health", summary="Whether it takes work")
    @router.get("/health/ready", summary="Whether it takes work")
    async def ready(_: Public) -> Response:
        why = _why_not(server)
        if why:
            return JSONResponse({"status": why}, 503, headers={"Retry-After": "5"})
        return JSONResponse({"status": "ok"})

    return router


def _why_not(server: Server) -> str:
    if server.jobs.is_closing:
        return "stopping"
    if not server.models.names:
        return "no models"
    try:
        server.records.db.value("SELECT 1")
    except ChattermError:
        return "no database"
    return ""
