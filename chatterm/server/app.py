"""The application: the dialects side by side, and what is the same for all of them.

Every route names a rule of ``access.py``, or the server does not start. Whatever goes wrong is a
``Problem`` in the end, which the dialect that owns the path puts into words.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.routing import BaseRoute

from chatterm import __version__
from chatterm.errors import ChattermError
from chatterm.server import health, logs, metrics, ollama, openai, openassistant, responses
from chatterm.server.access import RULE
from chatterm.server.core import Server
from chatterm.server.dialect import Dialect
from chatterm.server.guard import Guard
from chatterm.server.observing import Observer, Tallies
from chatterm.server.problems import Problem, problem_of

DIALECTS: tuple[Dialect, ...] = (
    openassistant.DIALECT,
    openai.DIALECT,
    responses.DIALECT,
    ollama.DIALECT,
)
"""In this order their routes are tried."""
_log = logging.getLogger("chatterm.server")


def create_app(server: Server, dialects: Sequence[Dialect] = DIALECTS) -> FastAPI:
    """The application over an open server; when it shuts down, the server is closed."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None, None]:
        sweeping = asyncio.create_task(server.sweeper.run())
        yield
        sweeping.cancel()
        await server.aclose()

    app = FastAPI(
        title="chatterm",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
        # Old clients send none; what this guards against, access.py does by the origin.
        strict_content_type=False,
    )
    app.state.server = server
    for dialect in dialects:
        app.include_router(dialect.routes(server))
    counted, tallies = metrics.Metrics(server), Tallies()
    app.include_router(health.routes(server))
    app.include_router(metrics.routes(counted))
    server.jobs.listeners += [tallies.job, counted.job, logs.job_changed]
    _words(app, dialects)
    origins = server.settings.options.cors_origins
    if origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=list(origins), allow_methods=["*"], allow_headers=["*"]
        )
    app.add_middleware(
        Guard,
        access=server.access,
        refused=partial(refused, dialects),
        body_limit=int(server.settings.options.body_mb * 1e6),
    )
    app.add_middleware(
        Observer,
        tell=[counted.request, logs.request_over],
        new_id=server.new_id,
        paths={id(c.original_route): c.path or "" for c in iter_route_contexts(app.routes)},
    )
    must_have_rules(app)
    return app


def rules_of(app: FastAPI) -> dict[tuple[str, str], str]:
    """The rule of each route, by method and path; empty where it names none."""
    return {
        (method, context.path or ""): _rule(context.original_route)
        for context in iter_route_contexts(app.routes)
        if context.path != app.openapi_url
        for method in sorted(context.methods or {"ANY"})
    }


def must_have_rules(app: FastAPI) -> None:
    """Refuse an application with a route that lets in whoever comes because nobody thought."""
    for (method, path), rule in rules_of(app).items():
        if not rule:
            raise AssertionError(f"{method} {path} names no rule of access.py")


def _rule(route: BaseRoute) -> str:
    if not isinstance(route, APIRoute):
        return ""
    found = {rule for call in _calls(route.dependant) if (rule := getattr(call, RULE, ""))}
    return " ".join(sorted(found))


def _calls(dependant: Dependant) -> Iterator[Any]:
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from _calls(dependency)


def _words(app: FastAPI, dialects: Sequence[Dialect]) -> None:
    """Let the dialects put every refusal into words."""

    async def problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return refused(dialects, request.url.path, error)

    async def of_chatterm(request: Request, error: Exception) -> Response:
        assert isinstance(error, ChattermError)
        found = problem_of(error)
        if found.status >= 500:
            _log.warning("%s failed: %s", request.method, error.kind)
        return refused(dialects, request.url.path, found)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return refused(dialects, request.url.path, _invalid(error))

    async def of_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        kind = {404: "not_found", 405: "invalid_request", 413: "too_large"}.get(error.status_code)
        found = Problem(
            error.status_code,
            str(error.detail),
            kind=kind or "invalid_request",
            headers=error.headers,
        )
        return refused(dialects, request.url.path, found)

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(ChattermError, of_chatterm)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, of_http)


def refused(dialects: Sequence[Dialect], path: str, problem: Problem) -> Response:
    """A refusal in the words of the dialect that owns the path."""
    own = [
        (len(prefix), number)
        for number, dialect in enumerate(dialects)
        for prefix in dialect.prefixes
        if path.startswith(prefix)
    ]
    return dialects[max(own)[1] if own else 0].refused(problem)


def _invalid(error: RequestValidationError) -> Problem:
    """Every field that is wrong; what was sent is not repeated."""
    details = [
        {"loc": list(e["loc"]), "msg": str(e["msg"]), "type": str(e["type"])}
        for e in error.errors()
    ]
    first = details[0] if details else {"loc": ["body"], "msg": "invalid", "type": "value_error"}
    param = ".".join(str(part) for part in first["loc"] if part != "body")
    message = f"{param}: {first['msg']}" if param else str(first["msg"])
    return Problem(422, message, param=param, details=details)
