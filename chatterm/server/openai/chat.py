"""``POST /v1/chat/completions``"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from chatterm.messages import Request as Asked
from chatterm.server.access import UseCaller
from chatterm.server.core import Server
from chatterm.server.openai.bodies import ChatBody
from chatterm.server.openai.reading import requests_of
from chatterm.server.openai.stored import Completions
from chatterm.server.openai.writing import (
    ChatChunks,
    Heading,
    chat_completion,
    timings_of,
    usage_of,
)
from chatterm.server.openai_common.answer import (
    all_whole,
    answering,
    check_length,
    check_model,
)
from chatterm.server.openai_common.comments import comment_of
from chatterm.server.openai_common.errors import REFUSALS, STREAMS, ApiRoute, error_reply, told
from chatterm.server.openai_common.merging import merged
from chatterm.server.openai_common.sse import EventStream, block
from chatterm.server.openai_common.waiting import unless_left

DONE = "data: [DONE]\n\n"


def routes(server: Server) -> APIRouter:
    router = APIRouter(route_class=ApiRoute, responses=REFUSALS)
    stored = Completions(server.records)

    @router.post(
        "/chat/completions", summary="Answer a chat", response_model=None, responses=STREAMS
    )
    async def create(body: ChatBody, caller: UseCaller, request: Request) -> Response:
        check_model(server, body.model)
        new_id = server.new_id()
        heading = Heading(f"chatcmpl-{new_id}", int(server.clock()), body.model)
        asked = requests_of(body, new_id)
        check_length(server, asked[0])
        if body.stream:
            source = _streamed(server, caller.id, heading, body, asked, stored)
            return EventStream(source, failed=failed, refused=error_reply)
        work = all_whole(server, caller.id, asked, one_call=_one_call(body))
        answers = await unless_left(request, work)
        said = chat_completion(heading, answers, bool(body.logprobs))
        if body.store:
            stored.keep(caller.id, said, body)
        return JSONResponse(said)

    return router


def failed(error: Exception) -> str:
    """A failure in the middle of a stream."""
    return block({"error": told(error)[1]})


def _one_call(body: ChatBody) -> bool:
    return body.parallel_tool_calls is False


async def _streamed(
    server: Server,
    user_id: str,
    heading: Heading,
    body: ChatBody,
    asked: Sequence[Asked],
    stored: Completions,
) -> AsyncGenerator[str, None]:
    choices = [ChatChunks(heading, at, bool(body.logprobs)) for at in range(len(asked))]
    with_usage = body.stream_options is not None and body.stream_options.include_usage
    end: dict[str, Any] = {"usage": None} if with_usage else {}
    begun = False
    sources = [answering(server, user_id, one, one_call=_one_call(body)) for one in asked]
    async with aclosing(merged(sources)) as events:
        async for at, event in events:
            if beside := comment_of(event):
                yield beside
                continue
            if not begun:
                begun = True
                for choice in choices:
                    yield block(choice.first() | end)
            for chunk in choices[at].take(event):
                yield block(chunk | end)
            if choices[at].answer.done is not None:
                yield block(choices[at].last() | end)
    if body.store:
        answers = [choice.answer for choice in choices]
        stored.keep(user_id, chat_completion(heading, answers, bool(body.logprobs)), body)
    if with_usage:
        said = heading.chat([], "chat.completion.chunk")
        said["usage"] = usage_of([choice.answer.usage for choice in choices])
        if len(choices) == 1 and choices[0].answer.done is not None:
            said["timings"] = timings_of(choices[0].answer.done.timings)
        yield block(said)
    yield DONE
