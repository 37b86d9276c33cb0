"""``POST /v1/completions``: texts that are continued, without a chat."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from chatterm.events import TextDelta
from chatterm.messages import Message, Role, Usage
from chatterm.messages import Request as Asked
from chatterm.params import Params
from chatterm.server.access import UseCaller
from chatterm.server.core import Server
from chatterm.server.openai.bodies import MOST_CHOICES, CompletionBody
from chatterm.server.openai.chat import DONE, failed
from chatterm.server.openai.reading import choices_of
from chatterm.server.openai.writing import Heading, completion_choice, finish_of, usage_of
from chatterm.server.openai_common.answer import (
    Answer,
    Onward,
    all_whole,
    answering,
    check_length,
    check_model,
)
from chatterm.server.openai_common.comments import comment_of
from chatterm.server.openai_common.errors import REFUSALS, STREAMS, ApiRoute, bad, error_reply
from chatterm.server.openai_common.merging import merged
from chatterm.server.openai_common.reading import params_of, stops_of
from chatterm.server.openai_common.sse import EventStream, block
from chatterm.server.openai_common.waiting import unless_left

_DEFAULT_LIMIT = 16
"""Tokens, as OpenAI has it: a text that is continued has no end of its own."""


def routes(server: Server) -> APIRouter:
    router = APIRouter(route_class=ApiRoute, responses=REFUSALS)

    @router.post("/completions", summary="Continue a text", response_model=None, responses=STREAMS)
    async def create(body: CompletionBody, caller: UseCaller, request: Request) -> Response:
        check_model(server, body.model)
        new_id = server.new_id()
        heading = Heading(f"cmpl-{new_id}", int(server.clock()), body.model)
        asked = requests_of(body, new_id)
        for one in asked:
            check_length(server, one)
        if body.stream:
            source = _streamed(server, caller.id, heading, body, asked)
            return EventStream(source, failed=failed, refused=error_reply)
        answers = await unless_left(request, all_whole(server, caller.id, asked))
        return JSONResponse(_completion(heading, body, asked, answers))

    return router


def requests_of(body: CompletionBody, answer_id: str) -> list[Asked]:
    """One request for each choice of each prompt."""
    if body.best_of is not None and body.best_of != (body.n or 1):
        raise bad("this server returns every choice that it makes: best_of is n", "best_of")
    if body.suffix and body.echo:
        raise bad("echo and suffix do not go together", "echo")
    prompts = [body.prompt or ""] if not isinstance(body.prompt, list) else body.prompt
    if not 0 < len(prompts) * (body.n or 1) <= MOST_CHOICES:
        raise bad(f"a request makes 1 to {MOST_CHOICES} choices", "prompt")
    params = _params(body)
    asked = []
    for prompt in prompts:
        message = Message("m0", None, Role.USER, prompt, 0.0)
        one = Asked(
            model=body.model,
            path=(message,),
            answer_id=answer_id,
            params=params,
            raw=True,
            suffix=body.suffix or "",
        )
        asked += choices_of(one, body.seed, body.n)
    return asked


def _params(body: CompletionBody) -> Params:
    limit = _DEFAULT_LIMIT if body.max_tokens is None else body.max_tokens
    more = {
        "max_tokens": ("max_tokens", limit),
        "stop": ("stop", stops_of(body.stop)),
        "logit_bias": ("logit_bias", body.logit_bias),
        "logprobs": ("logprobs", body.logprobs),
    }
    return params_of(body, more)


def _completion(
    heading: Heading, body: CompletionBody, asked: Sequence[Asked], answers: Sequence[Answer]
) -> dict[str, Any]:
    choices = []
    for at, (one, answer) in enumerate(zip(asked, answers, strict=True)):
        before = one.path[-1].text if body.echo else ""
        logprobs = None if body.logprobs is None else answer.logprobs
        text, finish = before + answer.text, finish_of(answer)
        choices.append(completion_choice(at, text, logprobs, finish, len(before)))
    said = heading.chat(choices, "text_completion")
    return said | {"usage": _usage(body, answers)}


def _usage(body: CompletionBody, answers: Sequence[Answer]) -> dict[str, Any]:
    """The choices of one prompt share it; several prompts add up."""
    each = body.n or 1
    shared = [
        usage_of([answer.usage for answer in answers[at : at + each]])
        for at in range(0, len(answers), each)
    ]
    prompt = sum(one["prompt_tokens"] for one in shared)
    cached = sum(one["prompt_tokens_details"]["cached_tokens"] for one in shared)
    written = sum(one["completion_tokens"] for one in shared)
    thought = sum(one["completion_tokens_details"]["reasoning_tokens"] for one in shared)
    return usage_of([Usage(prompt, cached, prompt - cached, written, thought)])


async def _streamed(
    server: Server,
    user_id: str,
    heading: Heading,
    body: CompletionBody,
    asked: Sequence[Asked],
) -> AsyncGenerator[str, None]:
    answers = [Answer() for _ in asked]
    onward = [Onward() for _ in asked]
    with_usage = body.stream_options is not None and body.stream_options.include_usage
    end: dict[str, Any] = {"usage": None} if with_usage else {}
    lengths = [0 for _ in asked]

    def chunk(at: int, text: str, event: object = None, finish: str | None = None) -> str:
        logprobs = event.logprobs if isinstance(event, TextDelta) and event.logprobs else None
        if body.logprobs is None:
            logprobs = None
        choice = completion_choice(at, text, logprobs, finish, lengths[at])
        lengths[at] += len(text)
        return block(heading.chat([choice], "text_completion") | end)

    begun = not body.echo
    async with aclosing(merged([answering(server, user_id, one) for one in asked])) as events:
        async for at, event in events:
            if beside := comment_of(event):
                yield beside
                continue
            if not begun:
                begun = True
                for number, one in enumerate(asked):
                    yield chunk(number, one.path[-1].text)
            answers[at].take(event)
            if new := onward[at].take(event):
                yield chunk(at, new, event)
            if answers[at].done is not None:
                yield chunk(at, "", finish=finish_of(answers[at]))
    if with_usage:
        said = heading.chat([], "text_completion")
        yield block(said | {"usage": _usage(body, answers)})
    yield DONE
