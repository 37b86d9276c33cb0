"""Responses that are being written. A run follows its job and is followed by any number of readers.

A response in the background goes on without readers; any other is stopped when its client goes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field

from chatterm.errors import ChattermError
from chatterm.messages import Request
from chatterm.server.core import Server
from chatterm.server.openai_common.answer import answering
from chatterm.server.openai_common.comments import comment_of
from chatterm.server.openai_common.errors import told
from chatterm.server.openai_common.sse import block
from chatterm.server.responses.items import Json
from chatterm.server.responses.kept import KeptResponses
from chatterm.server.responses.writing import Writer

_REMEMBERED = 16
"""Runs of the background that are over and can still be followed by their events' numbers."""
_log = logging.getLogger("chatterm.server.responses")


@dataclass(frozen=True, slots=True)
class Draft:
    """A response that is to be written."""

    user_id: str
    response: Json
    asked: list[Json]
    """Its own items, without those that it goes on from."""
    request: Request
    kept: bool
    one_call: bool
    cut: bool
    logprobs: bool
    streamed: bool


@dataclass(slots=True, eq=False)
class Run:
    """One response while it is written."""

    draft: Draft
    writer: Writer
    log: list[Json] = field(default_factory=list)
    comment: str = ""
    """What the job waits for, until its answer begins."""
    error: Exception | None = None
    """Why nothing came of it at all."""
    is_over: bool = False
    task: asyncio.Task[None] | None = None
    bell: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self) -> None:
        self.bell.set()
        self.bell = asyncio.Event()

    def say(self, events: Iterable[Json]) -> None:
        self.log.extend(events)
        self.ring()

    async def over(self) -> Json:
        """The response once it is finished; raises what kept it from beginning."""
        while not self.is_over:
            await self.bell.wait()
        if self.error is not None:
            raise self.error
        return self.writer.response

    async def follow(self, after: int = -1) -> AsyncGenerator[str, None]:
        """The blocks of an event stream, from the event after that number on."""
        seen = after + 1
        while True:
            bell = self.bell
            if self.comment and not self.log:
                said, self.comment = self.comment, ""
                yield said
            while seen < len(self.log):
                event = self.log[seen]
                seen += 1
                yield block(event, event["type"])
            if self.is_over:
                if self.error is not None:
                    raise self.error
                return
            if bell is self.bell:
                await bell.wait()


class Runs:
    """All responses of this process that are being written, and the last that were."""

    def __init__(self, server: Server, kept: KeptResponses) -> None:
        self._server = server
        self._kept = kept
        self._runs: dict[str, Run] = {}

    def get(self, user_id: str, response_id: str) -> Run | None:
        run = self._runs.get(response_id)
        return run if run is not None and run.draft.user_id == user_id else None

    def start(self, draft: Draft) -> Run:
        """Begin to write a response."""
        writer = Writer(
            draft.response,
            self._server.new_id,
            self._server.clock,
            logprobs=draft.logprobs,
            streamed=draft.streamed,
        )
        run = Run(draft, writer)
        self._runs[draft.response["id"]] = run
        if draft.kept:
            self._kept.add(draft.user_id, draft.response, draft.asked)
        if draft.response["background"]:
            run.say(writer.begin())
        run.task = asyncio.create_task(self._write(run))
        return run

    async def cancel(self, run: Run) -> None:
        """Stop a response; what was written stays."""
        if not run.is_over and run.task is not None:
            run.task.cancel()
            await asyncio.wait({run.task})

    def forget(self, response_id: str) -> None:
        self._runs.pop(response_id, None)

    async def _write(self, run: Run) -> None:
        try:
            await self._follow_job(run)
        except asyncio.CancelledError:
            if not run.log:
                run.say(run.writer.begin())
            run.say(run.writer.cancel())
        except Exception as error:  # noqa: BLE001  (whoever follows is told, in the API's form)
            self._failed(run, error)
        self._keep(run)
        run.is_over = True
        run.ring()
        self._retire(run)

    async def _follow_job(self, run: Run) -> None:
        draft, writer = run.draft, run.writer
        events = answering(
            self._server,
            draft.user_id,
            draft.request,
            one_call=draft.one_call,
            cut=draft.cut,
        )
        async with aclosing(events) as coming:
            async for event in coming:
                if beside := comment_of(event):
                    run.comment = beside
                    run.ring()
                    continue
                self._begin(run)
                run.say(writer.take(event))

    def _begin(self, run: Run) -> None:
        """The first events, when there is something to tell."""
        if not run.log:
            run.say(run.writer.begin())
        if run.writer.response["status"] == "queued" or len(run.log) == 1:
            run.say(run.writer.progress())

    def _failed(self, run: Run, error: Exception) -> None:
        _, body, _ = told(error)
        if run.log:
            run.say(run.writer.fail(body))
        else:
            run.error = error

    def _keep(self, run: Run) -> None:
        draft, response = run.draft, run.writer.response
        try:
            if run.error is not None:
                if draft.kept:
                    self._kept.delete(draft.user_id, response["id"])
            else:
                self._kept.finish(draft.user_id, response, draft.asked, kept=draft.kept)
        except ChattermError as error:
            # The row stays open; the next start finds and fails it.
            _log.warning("a response could not be kept: %s", error.message)

    def _retire(self, run: Run) -> None:
        if run.error is not None or not run.draft.response["background"]:
            self.forget(run.draft.response["id"])
        over = [key for key, one in self._runs.items() if one.is_over]
        for key in over[: max(0, len(over) - _REMEMBERED)]:
            self.forget(key)
