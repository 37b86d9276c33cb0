"""Servers that speak Ollama's own dialect: one JSON object a line, the whole path each time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from chatterm.errors import BadReply, ModelError, RemoteError
from chatterm.events import Done, Event, Notice, Progress, ToolCalled
from chatterm.messages import ModelInfo, Request, Role, Stop, Timings, ToolCall, Usage
from chatterm.params import Params
from chatterm.remote._http import Http, Reply, Stream, cut_short, drain
from chatterm.remote.failures import failure, shortened, words_in
from chatterm.remote.ndjson import json_lines
from chatterm.remote.patience import Patience, busy
from chatterm.remote.text import whole
from chatterm.remote.thinking import Thinking
from chatterm.remote.turns import Turn, tools_of, turns_of

_OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "typical_p": "typical_p",
    "repeat_penalty": "repeat_penalty",
    "repeat_last_n": "repeat_last_n",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
    "max_tokens": "num_predict",
    "context": "num_ctx",
}
"""Parameters, and what Ollama calls them."""
_ELSEWHERE = frozenset({"stop", "schema", "reasoning"})
_CAPABILITIES = {"thinking": "reasoning", "embedding": "embeddings"}


class OllamaBackend:
    """The models of one Ollama server."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self.name = http.name

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        model = request.model.removeprefix(f"{self.name}/")
        if unknown := request.params.as_dict().keys() - _OPTIONS.keys() - _ELSEWHERE:
            yield Notice("remote", f"{self.name} cannot set {', '.join(sorted(unknown))}")
        if not await self._is_loaded(model):
            yield Progress("load", 0, 1000)
        patience = Patience(self._http)
        while True:
            async with self._http.stream("POST", "/api/chat", body=_body(request, model)) as reply:
                if reply.ok:
                    lines = _Lines(self.name, goes_on=bool(request.prefill))
                    async with aclosing(self._answer(reply, lines)) as events:
                        async for event in events:
                            yield event
                    return
                problem = await reply.reply()
            pause = patience.pause(problem)
            if pause is None:
                raise self._failure(problem, model)
            yield busy(self.name, pause)
            await asyncio.sleep(pause)

    async def models(self) -> Sequence[ModelInfo]:
        reply = await self._http.request("GET", "/api/tags")
        if not reply.ok:
            raise self._failure(reply, "")
        entries = _entries(reply)
        loaded = await self._loaded()
        return [_info(self.name, entry, loaded) for entry in entries]

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _is_loaded(self, model: str) -> bool:
        loaded = await self._loaded()
        return model in loaded or f"{model}:latest" in loaded

    async def _loaded(self) -> frozenset[str]:
        """The models in memory; a server too old to tell is taken to have none."""
        reply = await self._http.request("GET", "/api/ps")
        return (
            frozenset(_model_name(entry) for entry in _entries(reply)) if reply.ok else frozenset()
        )

    async def _answer(self, reply: Stream, lines: _Lines) -> AsyncGenerator[Event, None]:
        if reply.media_type == "text/html":
            raise BadReply(
                f"{self.name} answered with a web page", hint="check the address of the server"
            )
        try:
            async with aclosing(reply.chunks()) as chunks, aclosing(json_lines(chunks)) as objects:
                async for line in objects:
                    for event in lines.take(line):
                        yield event
                    if lines.done is not None:
                        await drain(chunks)
                        break
            if lines.done is None:
                raise cut_short(self.name)
        except RemoteError:
            for event in lines.held():
                yield event
            raise
        for event in lines.held():
            yield event
        yield lines.done

    def _failure(self, reply: Reply, model: str) -> ModelError | RemoteError:
        if model and reply.status == 404:
            return ModelError(
                f"{self.name} has no model {model!r}",
                hint=f"there, ollama pull {model} fetches it; chatterm remotes list --models"
                " shows those it has",
            )
        return failure(self.name, reply.status, reply.words, reply.wait(self._http.clock()))


class _Lines:
    """Takes the lines of one answer and gives events."""

    def __init__(self, name: str, *, goes_on: bool) -> None:
        self._name = name
        self._thinking = Thinking(goes_on=goes_on)
        self._calls = 0
        self.done: Done | None = None

    def take(self, line: Mapping[str, Any]) -> Iterator[Event]:
        if line.get("error"):
            words = shortened(words_in(line)) or "no reason given"
            raise RemoteError(f"{self._name} failed: {words}", hint="what came so far is kept")
        message = line.get("message")
        if isinstance(message, Mapping):
            yield from self._message(message)
        if line.get("done"):
            self.done = self._done(line)

    def held(self) -> Iterator[Event]:
        """What was held back, once no more comes."""
        yield from self._thinking.end()

    def _message(self, message: Mapping[str, Any]) -> Iterator[Event]:
        thinking, content = message.get("thinking"), message.get("content")
        if isinstance(thinking, str) and thinking:
            yield from self._thinking.think(thinking)
        if isinstance(content, str) and content:
            yield from self._thinking.say(content)
        for call in message.get("tool_calls") or ():
            function = call.get("function") if isinstance(call, Mapping) else None
            if isinstance(function, Mapping):
                yield ToolCalled(self._call(call, function))

    def _call(self, call: Mapping[str, Any], function: Mapping[str, Any]) -> ToolCall:
        self._calls += 1
        arguments = function.get("arguments")
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments or {}, ensure_ascii=False)
        call_id = call.get("id")
        return ToolCall(
            call_id if isinstance(call_id, str) and call_id else f"call_{self._calls - 1}",
            whole(str(function.get("name", ""))),
            whole(arguments),
        )

    def _done(self, line: Mapping[str, Any]) -> Done:
        stop = Stop.LENGTH if line.get("done_reason") == "length" else Stop.END
        prompt = _count(line, "prompt_eval_count")
        return Done(
            Stop.TOOL if self._calls else stop,
            Usage(prompt, 0, prompt, _count(line, "eval_count")),
            Timings(
                load_ms=_milliseconds(line, "load_duration"),
                prompt_ms=_milliseconds(line, "prompt_eval_duration"),
                generation_ms=_milliseconds(line, "eval_duration"),
            ),
        )


def _count(line: Mapping[str, Any], key: str) -> int:
    value = line.get(key)
    return value if isinstance(value, int) and value > 0 else 0


def _milliseconds(line: Mapping[str, Any], key: str) -> float | None:
    value = line.get(key)
    return value / 1e6 if isinstance(value, int) else None


def _entries(reply: Reply) -> list[Mapping[str, Any]]:
    value = reply.json()
    entries = value.get("models") if isinstance(value, Mapping) else None
    if not isinstance(entries, list):
        raise BadReply("the server's list of models cannot be read")
    return [entry for entry in entries if isinstance(entry, Mapping) and _model_name(entry)]


def _model_name(entry: Mapping[str, Any]) -> str:
    name = entry.get("model") or entry.get("name")
    return name if isinstance(name, str) else ""


def _info(remote: str, entry: Mapping[str, Any], loaded: frozenset[str]) -> ModelInfo:
    details = entry.get("details")
    about: Mapping[str, Any] = details if isinstance(details, Mapping) else {}
    words = [str(about[key]) for key in ("parameter_size", "quantization_level") if about.get(key)]
    if _model_name(entry) in loaded:
        words.append("loaded")
    capabilities = entry.get("capabilities")
    names = capabilities if isinstance(capabilities, list) else []
    known = {_CAPABILITIES.get(name, name) for name in names if isinstance(name, str)}
    return ModelInfo(
        f"{remote}/{_model_name(entry)}",
        remote,
        ", ".join(words),
        size_bytes=_count(entry, "size"),
        capabilities=frozenset(known & {"tools", "reasoning", "vision", "embeddings"}),
    )


def _body(request: Request, model: str) -> dict[str, Any]:
    params = request.params
    body: dict[str, Any] = {
        "model": model,
        "messages": [_message(turn) for turn in turns_of(request)],
        "stream": True,
    }
    if options := _options(params):
        body["options"] = options
    if request.tools:
        body["tools"] = tools_of(request)
    if params.schema:
        body["format"] = json.loads(params.schema)
    if params.reasoning is not None:
        body["think"] = params.reasoning
    return body


def _options(params: Params) -> dict[str, Any]:
    said = params.as_dict()
    options = {theirs: said[ours] for ours, theirs in _OPTIONS.items() if ours in said}
    if params.stop:
        options["stop"] = list(params.stop)
    return options


def _message(turn: Turn) -> dict[str, Any]:
    message: dict[str, Any] = {"role": turn.role.value, "content": turn.text}
    if turn.answers is not None:
        return {**message, "tool_name": turn.answers.name, "tool_call_id": turn.answers.id}
    if turn.images:
        message["images"] = [image.base64 for image in turn.images]
    if turn.role is Role.ASSISTANT and turn.calls:
        message["tool_calls"] = [
            {"id": call.id, "function": {"name": call.name, "arguments": call.arguments_object()}}
            for call in turn.calls
        ]
        if turn.reasoning:
            message["thinking"] = turn.reasoning
    return message
