"""Refusals in the form of OpenAI's APIs, and the routes that speak it.

A client of these APIs knows what went wrong by the status alone, and tries 408, 409, 429 and 5xx
again by itself; so a wrong request is always 400, never 422.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from chatterm.errors import ChattermError, ModelError, TooLong
from chatterm.server.problems import Problem, problem_of

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "invalid_request_error",
    429: "rate_limit_error",
}
_CODES = {
    401: "invalid_api_key",
    404: "not_found",
    429: "rate_limit_exceeded",
    503: "server_busy",
    504: "timeout",
}
LONGER_THAN_CONTEXT = "context_length_exceeded"
_SERVED = "models, chat completions, completions, embeddings, responses and conversations"
_NOT_SERVED = {
    "Not Found": f"there is no such path here; of this API the server has {_SERVED}",
    "Method Not Allowed": f"this path takes no such request; of this API the server has {_SERVED}",
}
"""What the framework says of paths that no route has, and what a client can do with."""
_FIELD = re.compile(r"[a-z_][a-z0-9_]*")
_NO_FIELDS = frozenset(["body", "query", "path", "header", "str", "int", "float", "bool", "dict"])
_log = logging.getLogger("chatterm.server.openai")


class ErrorBody(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorReply(BaseModel):
    """Every refusal has this form."""

    error: ErrorBody


REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorReply, "description": "The request cannot be met as it is"},
    "5XX": {"model": ErrorReply, "description": "The server or the model failed"},
}

STREAMS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer, or its pieces where they were asked for",
        "content": {"application/json": {}, "text/event-stream": {}},
    }
}


class Refusal(Exception):
    """A refusal that knows its field and its code."""

    def __init__(self, status: int, message: str, *, param: str = "", code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code


def bad(message: str, param: str = "", code: str = "") -> Refusal:
    """A request with something in it that cannot be."""
    return Refusal(400, message, param=param, code=code)


def missing(message: str, param: str = "", code: str = "not_found") -> Refusal:
    """What is not there, or somebody else's."""
    return Refusal(404, message, param=param, code=code)


def error_body(status: int, message: str, *, param: str = "", code: str = "") -> dict[str, Any]:
    return {
        "message": message,
        "type": _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error"),
        "param": param or None,
        "code": code or _CODES.get(status),
    }


def told(error: Exception) -> tuple[int, dict[str, Any], dict[str, str]]:
    """The status, the body and the headers that an error becomes."""
    match error:
        case Refusal():
            body = error_body(error.status, error.message, param=error.param, code=error.code)
            return error.status, body, {}
        case Problem():
            message = _NOT_SERVED.get(error.message, error.message)
            body = error_body(error.status, message, param=error.param)
            return error.status, body, error.headers
        case ModelError():
            # That there is no such model was said before any model was asked.
            code = LONGER_THAN_CONTEXT if isinstance(error, TooLong) else ""
            return 400, error_body(400, _words(error), code=code), {}
        case ChattermError():
            problem = problem_of(error)
            return problem.status, error_body(problem.status, problem.message), problem.headers
        case RequestValidationError():
            message, param = _wrong_field(error.errors())
            return 400, error_body(400, message, param=param), {}
        case HTTPException(__cause__=Refusal() as refusal):
            # What strict_json refused, as FastAPI hands it on.
            return told(refusal)
        case HTTPException():
            body = error_body(error.status_code, str(error.detail))
            return error.status_code, body, dict(error.headers or {})
        case _:
            _log.error("a request met a bug", exc_info=error)
            return 500, error_body(500, "the server made a mistake; its log says more"), {}


def error_reply(error: Exception) -> Response:
    """The whole answer to a request that failed before anything was sent."""
    status, body, headers = told(error)
    return JSONResponse({"error": body}, status, headers=headers)


def _words(error: ChattermError) -> str:
    is_of_use = error.hint and "chatterm" not in error.hint
    return f"{error.message}; {error.hint}" if is_of_use else error.message


def _wrong_field(errors: Sequence[Any]) -> tuple[str, str]:
    """What is wrong with the first field, and its name as a client writes it."""
    if not errors:
        return "the request cannot be read", ""
    # Of a value that may have several forms, the deepest complaint is about the one that was meant.
    first = errors[0]
    top = [e for e in errors if _names(e["loc"])[:1] == _names(first["loc"])[:1]]
    error = max(top, key=lambda one: len(_names(one["loc"])))
    param = ".".join(_names(error["loc"]))
    message = str(error["msg"])
    return (f"{param}: {message}" if param else message), param


def _names(loc: Sequence[str | int]) -> list[str]:
    return [
        str(step)
        for step in loc
        if isinstance(step, int) or (_FIELD.fullmatch(step) and step not in _NO_FIELDS)
    ]


# -- routes ----------------------------------------------------------------------------------


class _StrictRequest(Request):
    """A request whose body is JSON that can be written down again."""

    async def json(self) -> Any:
        if not hasattr(self, "_value"):
            self._value = strict_json(await self.body())
        return self._value


def strict_json(data: bytes) -> Any:
    """The value of a JSON text, without what no JSON has: NaN, half characters."""
    try:
        value = json.loads(data)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise bad(f"the body is not JSON: {reason}") from error
    return value


class ApiRoute(APIRoute):
    """A route that fails in the form of these APIs, whatever the reason."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await handle(_StrictRequest(request.scope, request.receive))
            except Exception as error:  # noqa: BLE001  (a client is told in its own form)
                return error_reply(error)

        return handler
