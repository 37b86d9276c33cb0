"""Servers that speak OpenAI's chat completions: llama-server, vLLM, LM Studio, chatterm, OpenAI.

They keep nothing: each request carries the whole path. They differ in what they accept and in how
they fail, so this reads generously and gives up only on what cannot be an answer.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from chatterm.errors import BadReply, ModelError, RemoteError, Unreachable
from chatterm.events import Done, Event, Notice
from chatterm.messages import ModelInfo, Request, Role
from chatterm.params import Params
from chatterm.remote._http import Http, Reply, Stream, cut_short, drain
from chatterm.remote.completion import Completion
from chatterm.remote.failures import failure
from chatterm.remote.patience import Patience, busy
from chatterm.remote.sse import sse_events
from chatterm.remote.turns import Turn, tools_of, turns_of

_AS_THEY_ARE = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "typical_p",
    "repeat_penalty",
    "repeat_last_n",
    "frequency_penalty",
    "presence_penalty",
    "dry_multiplier",
    "dry_base",
    "dry_allowed_length",
    "dry_penalty_last_n",
    "xtc_probability",
    "xtc_threshold",
    "mirostat",
    "mirostat_tau",
    "mirostat_eta",
    "seed",
    "max_tokens",
    "grammar",
)
"""Parameters that OpenAI or llama-server know by the names they have here."""


class OpenAIBackend:
    """The models of one server."""

    def __init__(self, http: Http) -> None:
        """``http`` stands at the folder of ``/chat/completions``."""
        self._http = http
        self.name = http.name
        self._without_usage = False
        self._newer_limit = False

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        model = request.model.removeprefix(f"{self.name}/")
        if request.params.context is not None:
            yield Notice("remote", f"{self.name} decides itself how much context a model has")
        patience = Patience(self._http)
        while True:
            body = self._body(request, model)
            async with self._http.stream(
                "POST", "/chat/completions", body=body, headers={"Accept": "text/event-stream"}
            ) as reply:
                if reply.ok:
                    completion = Completion(self.name, goes_on=bool(request.prefill))
                    async with aclosing(self._answer(reply, completion)) as events:
                        async for event in events:
                            yield event
                    return
                problem = await reply.reply()
            if self._adapt(problem, body):
                continue
            pause = patience.pause(problem)
            if pause is None:
                raise self._failure(problem, model)
            yield busy(self.name, pause)
            await asyncio.sleep(pause)

    async def models(self) -> Sequence[ModelInfo]:
        reply = await self._http.request("GET", "/models")
        if not reply.ok:
            raise self._failure(reply, "")
        return [_info(self.name, entry) for entry in listed_models(reply)]

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _answer(self, reply: Stream, completion: Completion) -> AsyncGenerator[Event, None]:
        try:
            async with aclosing(self._received(reply, completion)) as events:
                async for event in events:
                    yield event
            if not completion.is_whole:
                raise cut_short(self.name)
        except RemoteError:
            for event in completion.held():
                yield event
            raise
        for event in completion.end():
            yield event
        yield Done(completion.stop, completion.usage, completion.timings)

    async def _received(self, reply: Stream, completion: Completion) -> AsyncGenerator[Event, None]:
        if reply.media_type == "application/json":
            for event in completion.whole((await reply.reply()).json()):
                yield event
        elif reply.media_type in ("text/html", "application/x-ndjson"):
            raise BadReply(
                f"{self.name} answered with {reply.media_type} in place of an event stream",
                hint="is this an OpenAI-compatible server? chatterm remotes list shows its address",
            )
        else:
            async with aclosing(self._streamed(reply, completion)) as events:
                async for event in events:
                    yield event

    async def _streamed(self, reply: Stream, completion: Completion) -> AsyncGenerator[Event, None]:
        """The events of a stream; one that breaks after its answer was whole has done its work."""
        try:
            async with aclosing(reply.chunks()) as chunks, aclosing(sse_events(chunks)) as sse:
                async for chunk in sse:
                    for event in completion.take(chunk.data):
                        yield event
                    if completion.is_over:
                        await drain(chunks)
                        return
        except Unreachable:
            if not completion.is_whole:
                raise

    def _body(self, request: Request, model: str) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": model,
            "messages": [_message(turn) for turn in turns_of(request)],
            "stream": True,
            **_sampling(request.params),
        }
        if not self._without_usage:
            body["stream_options"] = {"include_usage": True}
        if self._newer_limit and "max_tokens" in body:
            body["max_completion_tokens"] = body.pop("max_tokens")
        if request.tools:
            body["tools"] = tools_of(request)
        if request.must_call:
            body["tool_choice"] = _choice(request)
        return body

    def _adapt(self, problem: Reply, body: Mapping[str, Any]) -> bool:
        """Leave out what this server does not know, as far as nothing is lost by it."""
        if problem.status not in (400, 422):
            return False
        words = problem.words
        if "stream_options" in words and "stream_options" in body:
            self._without_usage = True
            return True
        if "max_completion_tokens" in words and "max_tokens" in body:
            self._newer_limit = True
            return True
        return False

    def _failure(self, reply: Reply, model: str) -> ModelError | RemoteError:
        words = reply.words
        unknown = reply.status == 404 or (reply.status == 400 and "not found" in words.lower())
        if model and unknown and "model" in words.lower():
            return ModelError(
                f"{self.name} has no model {model!r}",
                hint="chatterm remotes list --models shows those it has",
            )
        return failure(self.name, reply.status, words, reply.wait(self._http.clock()))


def listed_models(reply: Reply) -> list[Mapping[str, Any]]:
    """The entries of a list of models, which not all servers wrap alike."""
    value = reply.json()
    if isinstance(value, Mapping):
        value = value.get("data", value.get("models"))
    if not isinstance(value, list):
        raise BadReply("the server's list of models cannot be read")
    return [entry for entry in value if isinstance(entry, Mapping) and _model_id(entry)]


def _model_id(entry: Mapping[str, Any]) -> str:
    name = entry.get("id") or entry.get("model") or entry.get("name")
    return name if isinstance(name, str) else ""


def _info(remote: str, entry: Mapping[str, Any]) -> ModelInfo:
    meta = entry.get("meta")
    more: Mapping[str, Any] = meta if isinstance(meta, Mapping) else {}
    context = next(
        (
            value
            for value in (
                entry.get("max_model_len"),
                entry.get("context_length"),
                entry.get("max_context_length"),
                more.get("n_ctx"),
                more.get("n_ctx_train"),
            )
            if isinstance(value, int)
        ),
        0,
    )
    size = more.get("size")
    return ModelInfo(
        f"{remote}/{_model_id(entry)}",
        remote,
        size_bytes=size if isinstance(size, int) else 0,
        context=context,
    )


def _sampling(params: Params) -> dict[str, Any]:
    said = params.as_dict()
    body = {key: said[key] for key in _AS_THEY_ARE if key in said}
    if "repeat_penalty" in said:
        body["repetition_penalty"] = said["repeat_penalty"]  # as vLLM calls it
    if params.stop:
        body["stop"] = list(params.stop)
    if params.logit_bias:
        body["logit_bias"] = {str(token): bias for token, bias in params.logit_bias}
    if params.logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": params.logprobs}
    if params.schema:
        schema = {"name": "answer", "schema": json.loads(params.schema), "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if params.reasoning is not None:
        body["chat_template_kwargs"] = {"enable_thinking": params.reasoning}
    return body


def _choice(request: Request) -> str | dict[str, Any]:
    if len(request.must_call) == 1:
        return {"type": "function", "function": {"name": request.must_call[0]}}
    return "required"


def _message(turn: Turn) -> dict[str, Any]:
    if turn.answers is not None:
        return {"role": "tool", "tool_call_id": turn.answers.id, "content": turn.text}
    if turn.images:
        parts: list[dict[str, Any]] = [{"type": "text", "text": turn.text}] if turn.text else []
        parts += [
            {"type": "image_url", "image_url": {"url": image.data_url}} for image in turn.images
        ]
        return {"role": turn.role.value, "content": parts}
    message: dict[str, Any] = {"role": turn.role.value, "content": turn.text}
    if turn.role is Role.ASSISTANT and turn.calls:
        message["content"] = turn.text or None
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments or "{}"},
            }
            for call in turn.calls
        ]
    return message
