"""What is seen of each request, for the log and the figures: never what is in it.

``Observer`` is around everything else. It gives each request an id, which the answer carries, and
tells who listens what became of it, once it is over.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatterm.ids import NewId
from chatterm.messages import Usage
from chatterm.server.access import CALLER
from chatterm.server.work import Job, JobState

_ID = re.compile(rb"[\w.:-]{1,64}", re.ASCII)
_HEADER = b"x-request-id"
UNKNOWN = "unknown"
"""The route of what is none: paths that clients make up are no names for figures."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass(slots=True)
class _Tally:
    """What the jobs of one request have cost."""

    prompt: int = 0
    completion: int = 0
    jobs: list[str] = field(default_factory=list)


_TALLY: ContextVar[_Tally | None] = ContextVar("tally", default=None)
"""Of the request that is being served; a job belongs to the one that submits it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One request, when it is over."""

    request_id: str
    client: str
    """The address that it came from, or that a proxy of ours says it came from."""
    method: str
    route: str
    """As it was declared, with names in place of ids."""
    status: int
    seconds: float
    user_id: str
    prompt_tokens: int
    completion_tokens: int
    jobs: tuple[str, ...]
    left: bool
    """The client went before it had everything."""


class Tallies:
    """Which request each open job belongs to; listens to the jobs."""

    def __init__(self) -> None:
        self._of: dict[str, _Tally] = {}

    def job(self, job: Job) -> None:
        if job.state is JobState.PENDING:
            tally = _TALLY.get()
            if tally is not None:
                self._of[job.id] = tally
                tally.jobs.append(job.id)
        elif job.state.is_over:
            tally = self._of.pop(job.id, None)
            if tally is not None:
                _add(tally, job.usage)


def _add(tally: _Tally, usage: Usage) -> None:
    tally.prompt += usage.prompt_tokens
    tally.completion += usage.completion_tokens


class Observer:
    """The outermost layer."""

    def __init__(
        self,
        app: ASGIApp,
        tell: Sequence[Callable[[Seen], None]],
        new_id: NewId,
        paths: Mapping[int, str],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``paths`` are those of the routes, by their identity: a route knows no prefix."""
        self._app = app
        self._tell = tell
        self._new_id = new_id
        self._paths = paths
        self._monotonic = monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = self._monotonic()
        request_id = _given_id(scope) or self._new_id()
        sending = _Sending(send, request_id)
        tally = _Tally()
        token = _TALLY.set(tally)
        try:
            await self._app(scope, receive, sending)
        except asyncio.CancelledError:
            sending.is_whole = False
            raise
        finally:
            _TALLY.reset(token)
            self._told(scope, sending, tally, self._monotonic() - began)

    def _told(self, scope: Scope, sending: _Sending, tally: _Tally, seconds: float) -> None:
        client = scope.get("client")
        method = scope["method"]
        seen = Seen(
            request_id=sending.request_id,
            client=client[0] if client else "",
            method=method if method in _METHODS else UNKNOWN,
            route=self._paths.get(id(scope.get("route")), UNKNOWN),
            status=sending.status,
            seconds=seconds,
            user_id=scope.get("state", {}).get(CALLER, ""),
            prompt_tokens=tally.prompt,
            completion_tokens=tally.completion,
            jobs=tuple(tally.jobs),
            left=not sending.is_whole,
        )
        for tell in self._tell:
            tell(seen)


class _Sending:
    """Sends on, and remembers how it went."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.status = 499
        """As nginx says it of clients that go before there is an answer."""
        self.is_whole = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", ()), (_HEADER, self.request_id.encode())]
            message = {**message, "headers": headers}
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.is_whole = True


def _given_id(scope: Scope) -> str:
    """The id that a proxy in front of us gave it, if it is one."""
    given: bytes = dict(scope["headers"]).get(_HEADER, b"")
    return given.decode() if _ID.fullmatch(given) else ""
