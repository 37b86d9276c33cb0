"""How the dialect answers: JSON objects, one a line, or all of them as one; and how it says no.

A failure before the first line has an HTTP status, one after it is a line of its own. A client that
goes away ends the work, also while nothing has been sent yet.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from chatterm.errors import ChattermError
from chatterm.server.leaving import ClientLeft, while_there
from chatterm.server.ollama.writing import Line, joined
from chatterm.server.problems import Problem, problem_of

_log = logging.getLogger("chatterm.server")
_NOT_SERVED = "there is no such path here; see docs/serve.md for what this server has"
_NDJSON = [
    (b"content-type", b"application/x-ndjson"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


def refused(problem: Problem) -> Response:
    """A refusal as these clients read it."""
    # Clients of this dialect know no 422.
    status = 400 if problem.status == 422 else problem.status
    message = _NOT_SERVED if problem.message == "Not Found" else problem.message
    return JSONResponse({"error": message}, status, headers=problem.headers)


def last(lines: Sequence[Line]) -> Line:
    """What is folded into its last line alone: the lines before it told of progress."""
    return lines[-1]


class Reply(Response):
    """Lines as they come, or at the end as one object."""

    def __init__(
        self,
        lines: AsyncGenerator[Line, None],
        *,
        stream: bool,
        fold: Callable[[Sequence[Line]], Line] = joined,
    ) -> None:
        super().__init__()
        self._lines = lines
        self._stream = stream
        self._fold = fold
        self._begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(ClientLeft):
            await while_there(receive, self._write(scope, receive, send))

    async def _write(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with aclosing(self._lines) as lines:
                if self._stream:
                    async for line in lines:
                        await self._send(send, line)
                else:
                    whole = self._fold([line async for line in lines])
                    await JSONResponse(whole)(scope, receive, send)
        except (Problem, ChattermError) as error:
            problem = problem_of(error) if isinstance(error, ChattermError) else error
            if problem.status >= 500:
                _log.warning("%s %s: %s", scope["method"], scope["path"], problem.kind)
            if not self._begun:
                await refused(problem)(scope, receive, send)
                return
            await self._send(send, {"error": problem.message})
        if self._begun:
            await send({"type": "http.response.body", "body": b""})

    async def _send(self, send: Send, line: Line) -> None:
        if not self._begun:
            self._begun = True
            await send({"type": "http.response.start", "status": 200, "headers": _NDJSON})
        body = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        await send({"type": "http.response.body", "body": body, "more_body": True})
