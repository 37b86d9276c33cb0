"""A route that reads JSON, whatever its sender called it: ``curl -d`` says that it is a form."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from chatterm.server.ollama.reading import bad


class JsonRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def as_json(request: Request) -> Response:
            others = [pair for pair in request.scope["headers"] if pair[0] != b"content-type"]
            headers = [*others, (b"content-type", b"application/json")]
            request = Request({**request.scope, "headers": headers}, request.receive)
            _must_be_text(await request.body())
            return await handle(request)

        return as_json


def _must_be_text(body: bytes) -> None:
    """JSON can spell halves of characters, which are no text and cannot be written down."""
    if b"\\ud" not in body and b"\\uD" not in body:
        return
    try:
        json.dumps(json.loads(body), ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise bad("a text holds half a character") from error
    except (ValueError, RecursionError):
        # No JSON: whoever reads it next says so.
        return
