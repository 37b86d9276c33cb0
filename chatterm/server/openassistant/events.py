"""The events of one answer, as a stream that always ends, for as many readers as want it.

A reader that comes back names the last event it has seen in ``Last-Event-ID`` and gets the rest.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import aclosing, suppress
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Header
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from chatterm.errors import ChattermError
from chatterm.events import Done, Queued, TextDelta
from chatterm.messages import Role
from chatterm.server.access import Caller, UseCaller
from chatterm.server.core import Server
from chatterm.server.leaving import ClientLeft, ended, while_there
from chatterm.server.openassistant.archive import Archive
from chatterm.server.openassistant.wire import event_text, ping_text, state_of
from chatterm.server.problems import Problem
from chatterm.server.work import JobState, Numbered

PENDING_SECONDS = 1.0
PING_SECONDS = 15.0
_HEAD = {
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}
Say: TypeAlias = Callable[[bytes], Coroutine[Any, Any, None]]
"""Sends a piece of the stream."""
_FINAL = ("complete", "manual", "aborted_by_worker")


def routes(server: Server, archive: Archive) -> APIRouter:
    router = APIRouter(tags=["events"])

    @router.get("/chats/{chat_id}/messages/{message_id}/events")
    async def events(
        caller: UseCaller,
        chat_id: str,
        message_id: str,
        seen: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
    ) -> Response:
        message = archive.message(caller.user, chat_id, message_id)
        if message.role is not Role.ASSISTANT:
            raise Problem(400, "Only assistant messages can be streamed.")
        job = server.kept.of_message(message_id)
        state = state_of(message, job.state if job is not None else None)
        after = int(seen) if seen is not None and seen.isdecimal() and len(seen) < 10 else None
        if job is None or (state in _FINAL and after is None):
            return Response(status_code=204)
        return _Stream(server, archive, caller, chat_id, message_id, job.id, after or 0)

    return router


class _Stream(Response):
    """What goes over the wire: events, and something now and then where there are none."""

    media_type = "text/event-stream"

    def __init__(
        self,
        server: Server,
        archive: Archive,
        caller: Caller,
        chat_id: str,
        message_id: str,
        job_id: str,
        after: int,
    ) -> None:
        super().__init__(headers=_HEAD)
        del self.headers["content-length"]
        self._server = server
        self._archive = archive
        self._caller = caller
        self._chat_id = chat_id
        self._message_id = message_id
        self._job_id = job_id
        self._after = after
        self._has_begun = after > 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def say(text: bytes) -> None:
            await send({"type": "http.response.body", "body": text, "more_body": True})

        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        with suppress(ClientLeft):
            await while_there(receive, self._tell(say))
            await send({"type": "http.response.body", "body": b""})

    async def _tell(self, say: Say) -> None:
        filling = asyncio.create_task(self._fill(say))
        failed = b""
        try:
            async with aclosing(self._server.jobs.follow(self._job_id, self._after)) as events:
                async for numbered in events:
                    if (text := self._text(numbered)) is not None:
                        await say(text)
        except ChattermError as error:
            failed = self._event("error", error=error.message, message=self._message())
        finally:
            await ended(filling)
        if failed:
            await say(failed)

    async def _fill(self, say: Say) -> None:
        """The place in the queue every second until it begins, and then a ping now and then."""
        pinged = time.monotonic()
        while True:
            await asyncio.sleep(PENDING_SECONDS)
            if not self._has_begun:
                await say(self._pending())
            if time.monotonic() - pinged >= PING_SECONDS:
                pinged = time.monotonic()
                await say(ping_text(self._server.clock()))

    def _text(self, numbered: Numbered) -> bytes | None:
        match numbered.event:
            case Queued():
                return self._pending()
            case TextDelta(text=text):
                self._has_begun = True
                return self._event("token", numbered.id, text=text)
            case Done():
                return self._end(numbered.id)
            case _:
                # Tool calls, reasoning and progress have no word on this wire.
                return None

    def _pending(self) -> bytes:
        """The place in the queue, counted from 1; 0 is being worked on."""
        job = self._server.jobs.job(self._job_id)
        place = job.position + 1 if job.state is JobState.PENDING else 0
        size = job.size if job.state is JobState.PENDING else self._server.jobs.waiting
        return self._event("pending", queue_position=place, queue_size=size)

    def _end(self, number: int) -> bytes:
        message = self._message()
        if message is not None and message["state"] == "complete":
            return self._event("message", number, message=message)
        return self._event("error", number, error="Cancelled", message=message)

    def _message(self) -> dict[str, Any] | None:
        with suppress(Problem):
            return self._archive.message_json(self._caller.user, self._chat_id, self._message_id)
        return None

    def _event(self, event_type: str, number: int | None = None, **fields: Any) -> bytes:
        """Tagged, and so that a client from before there were tags reads it as well: each event
        of theirs has a token and an error, of which one or both are null."""
        untagged: dict[str, Any] = {"token": None, "error": None}
        if event_type == "token":
            untagged["token"] = {"text": fields["text"], "log_prob": None, "token_id": -1}
        return event_text({"event_type": event_type, **untagged, **fields}, number)
