"""``/responses/compact``: what was said, summed up by the model that is to go on with it.

The steps of a summary are jobs like any answer: they wait in the queue, count, and end with the
client.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import astuple

from chatterm.errors import EngineError
from chatterm.events import Done, Event
from chatterm.messages import CountedPrompt, ModelInfo, Request, Stop, Usage
from chatterm.server.core import Server
from chatterm.server.openai_common.answer import answering, whole
from chatterm.server.openai_common.errors import bad
from chatterm.server.responses.items import Json, compaction
from chatterm.server.responses.writing import usage_of
from chatterm.summaries import Summariser, can_be_told, spoken


async def compacted(
    server: Server, user_id: str, request: Request, staying: Sequence[Json]
) -> Json:
    """The items that stay, and one that stands for all; nothing of it is kept here."""
    covers = spoken(request.path)
    if not covers:
        raise bad("there is nothing to compact: send input or previous_response_id", "input")
    if not can_be_told(server.models.backend(request.model).name, request.model):
        raise bad(
            f"{request.model} cannot sum up a chat: choose a model that follows instructions,"
            ' or let truncation "auto" leave out what no longer fits',
            "model",
        )
    asked_at = int(server.clock())
    model = _Queued(server, user_id, request.model)
    answer = await whole(Summariser(model, request).events(covers))
    return {
        "id": f"resp_{server.new_id()}",
        "object": "response.compaction",
        "created_at": asked_at,
        "output": [*staying, compaction(answer.text.strip(), server.new_id)],
        "usage": usage_of(model.usage),
    }


class _Queued:
    """A model of this server as a backend, whose answers wait in the queue for one user."""

    def __init__(self, server: Server, user_id: str, model: str) -> None:
        self.name = server.models.backend(model).name
        self.usage = Usage()
        """Of all answers so far."""
        self._server = server
        self._user_id = user_id
        self._model = model

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        async with aclosing(answering(self._server, self._user_id, request)) as events:
            async for event in events:
                if isinstance(event, Done):
                    self._ended(event)
                yield event

    async def count(self, request: Request) -> CountedPrompt:
        return await self._server.models.count(request)

    async def models(self) -> Sequence[ModelInfo]:
        return [await self._server.models.info(self._model)]

    async def aclose(self) -> None:
        """The server's backends outlive a request."""

    def _ended(self, done: Done) -> None:
        if done.stop is Stop.CANCELLED:
            raise EngineError("this was stopped before it was finished", hint="send it again")
        both = zip(astuple(self.usage), astuple(done.usage), strict=True)
        self.usage = Usage(*(before + now for before, now in both))
