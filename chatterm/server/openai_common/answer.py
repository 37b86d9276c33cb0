"""One answer while it comes, for clients that want it whole or in pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from chatterm.events import (
    Done,
    Event,
    Notice,
    ReasoningDelta,
    Replaced,
    TextDelta,
    TokenLogprob,
    ToolCalled,
)
from chatterm.messages import Request, ToolCall, Usage
from chatterm.server.core import Server
from chatterm.server.numbers import token_json
from chatterm.server.openai_common.errors import LONGER_THAN_CONTEXT, bad, missing
from chatterm.server.work import Work


@dataclass(slots=True)
class Answer:
    """What has come so far."""

    calls: list[ToolCall] = field(default_factory=list)
    logprobs: list[TokenLogprob] = field(default_factory=list)
    done: Done | None = None
    _text: list[str] = field(default_factory=list)
    _reasoning: list[str] = field(default_factory=list)

    def take(self, event: Event) -> None:
        match event:
            case TextDelta(text=text, logprobs=logprobs):
                self._text.append(text)
                self.logprobs += logprobs
            case Replaced(text=text):
                self._text[:] = [text]
                self.logprobs.clear()
            case ReasoningDelta(text=text):
                self._reasoning.append(text)
            case ToolCalled(call=call):
                self.calls.append(call)
            case Done():
                self.done = event
            case _:
                pass

    @property
    def text(self) -> str:
        return "".join(self._text)

    @property
    def reasoning(self) -> str:
        return "".join(self._reasoning)

    @property
    def usage(self) -> Usage:
        return self.done.usage if self.done else Usage()


class Onward:
    """The text that can still be sent where nothing that was sent can be taken back.

    Where an answer begins anew, what it says again is left out as far as it is the same.
    """

    def __init__(self) -> None:
        self._sent: list[str] = []
        self._again = ""
        """What was sent before and is expected to come again."""

    def take(self, event: Event) -> str:
        match event:
            case TextDelta(text=text):
                new = self._without_again(text) if self._again else text
            case Replaced(text=text):
                self._again = "".join(self._sent)
                new = self._without_again(text)
            case _:
                return ""
        if new:
            self._sent.append(new)
        return new

    def _without_again(self, text: str) -> str:
        again, self._again = self._again, ""
        if again.startswith(text):
            self._again = again[len(text) :]
            return ""
        return text.removeprefix(again)


def check_length(server: Server, request: Request) -> None:
    """400 for a text that only a machine can have written to keep this one busy."""
    most = server.settings.options.message_chars
    if any(len(message.text) > most for message in request.path):
        raise bad(f"a message may have {most} characters here", code="string_above_max_length")


def check_model(server: Server, name: str) -> None:
    """404 for a model that is not served."""
    if name not in server.models.names:
        raise missing(f"the model {name!r} does not exist here", "model", "model_not_found")


async def answering(
    server: Server, user_id: str, request: Request, *, one_call: bool = False, cut: bool = False
) -> AsyncGenerator[Event, None]:
    """The events of an answer; whoever stops reading stops the answer.

    A chat that does not fit is an error unless it may be ``cut``: these clients keep the history
    themselves and count on being told. With ``one_call`` the answer ends after its first call.
    """
    job_id = await server.jobs.submit(Work(user_id, request))
    called = False
    async with aclosing(server.jobs.follow(job_id)) as numbered:
        async for item in numbered:
            event = item.event
            if isinstance(event, Notice) and event.kind == "context" and not cut:
                raise bad(
                    f"the messages do not fit the context of this model: {event.text}",
                    "messages",
                    LONGER_THAN_CONTEXT,
                )
            if isinstance(event, ToolCalled):
                if one_call and called:
                    continue
                called = True
            yield event


async def whole(events: AsyncGenerator[Event, None]) -> Answer:
    """The answer once it is finished."""
    answer = Answer()
    async with aclosing(events) as coming:
        async for event in coming:
            answer.take(event)
    return answer


async def all_whole(
    server: Server, user_id: str, asked: Sequence[Request], *, one_call: bool = False
) -> list[Answer]:
    """The answers to several requests at once; when one fails the others are stopped."""
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(whole(answering(server, user_id, one, one_call=one_call)))
            for one in asked
        ]
    return [task.result() for task in tasks]


def call_id(call: ToolCall) -> str:
    """The id of a call, which clients of these APIs know by how it begins."""
    return call.id if call.id.startswith("call_") else f"call_{call.id}"


def logprob_of(item: TokenLogprob) -> dict[str, Any]:
    return {
        **token_json(item.token, item.logprob),
        "top_logprobs": [token_json(token, logprob) for token, logprob in item.top],
    }
