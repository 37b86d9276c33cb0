"""From the dialect's requests to those of the core. Nothing here knows HTTP."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from chatterm.errors import ConfigError
from chatterm.messages import Attachment, Message, Request, Role, Tool, ToolCall
from chatterm.params import Params
from chatterm.server.ollama.bodies import ChatBody, ChatMessage, GenerateBody, ToolBody, Writing
from chatterm.server.pictures import NoPicture, Pictures
from chatterm.server.problems import Problem
from chatterm.server.schemas import schema_text

_ANY_OBJECT = '{"type": "object"}'
_OPTIONS = {
    "num_predict": "max_tokens",
    **{
        name: name
        for name in (
            *("temperature", "top_p", "top_k", "min_p", "typical_p", "seed", "stop"),
            *("repeat_penalty", "repeat_last_n", "frequency_penalty", "presence_penalty"),
            *("mirostat", "mirostat_tau", "mirostat_eta"),
        )
    },
}
"""Options, and what we call them. Others say how a model is opened, which is not for clients."""
_NO_THINKING = (False, "false", "none")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


def bad(message: str, param: str = "") -> Problem:
    return Problem(400, message, param=param)


def seconds_of(keep_alive: float | str | None) -> float | None:
    """How long to stay in memory; None where nothing was said, -1 for ever."""
    match keep_alive:
        case None | "":
            return None
        case str():
            seconds = _duration(keep_alive)
        case _:
            seconds = float(keep_alive)
    if math.isnan(seconds):
        raise bad("keep_alive is no number", "keep_alive")
    return -1.0 if seconds < 0 or math.isinf(seconds) else seconds


def _duration(text: str) -> float:
    """``5m``, ``1h30m``, ``-1s``, or a number of seconds."""
    negative, bare = text.startswith("-"), text.lstrip("+-")
    parts = _DURATION.findall(bare)
    if parts and "".join(number + unit for number, unit in parts) == bare:
        seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    else:
        try:
            seconds = float(bare)
        except ValueError as error:
            raise bad(f"keep_alive {text[:40]!r} is no duration, as 5m", "keep_alive") from error
    return -seconds if negative else seconds


def chat_request(body: ChatBody, model: str, new_id: str, now: float) -> Request:
    pictures = Pictures()
    messages = body.messages or []
    prefill = ""
    if len(messages) > 1 and messages[-1].role == "assistant" and not messages[-1].tool_calls:
        # An answer that was begun is to be continued.
        *messages, begun = messages
        prefill = begun.content or ""
    path = _path(messages, pictures, new_id, now)
    return Request(
        model,
        path,
        f"{new_id}-answer",
        params_of(body),
        tools=tools_of(body.tools or []),
        prefill=prefill,
        images=pictures.bytes_of,
    )


def generate_request(body: GenerateBody, model: str, new_id: str, now: float) -> Request:
    if body.template:
        raise bad("the template of a model cannot be replaced; send the prompt raw", "template")
    if body.suffix and (body.system or body.images):
        raise bad("a suffix goes with a prompt alone", "suffix")
    said = [ChatMessage(role="system", content=body.system)] if body.system else []
    said.append(ChatMessage(role="user", content=body.prompt, images=body.images))
    if body.raw and len(said) > 1:
        raise bad("a raw prompt has no system message beside it", "system")
    pictures = Pictures()
    return Request(
        model,
        _path(said, pictures, new_id, now),
        f"{new_id}-answer",
        params_of(body),
        raw=bool(body.raw or body.suffix),
        suffix=body.suffix or "",
        images=pictures.bytes_of,
    )


def _path(
    messages: Sequence[ChatMessage], pictures: Pictures, new_id: str, now: float
) -> tuple[Message, ...]:
    path: list[Message] = []
    waiting: list[ToolCall] = []
    for at, message in enumerate(messages):
        calls: tuple[ToolCall, ...] = ()
        if message.role == "tool":
            calls = _answered(message, waiting)
        elif message.tool_calls:
            calls = tuple(
                ToolCall(
                    call.id or f"call_{at}_{number}",
                    call.function.name,
                    _json(call.function.arguments or {}, "tool_calls"),
                )
                for number, call in enumerate(message.tool_calls)
            )
            waiting = list(calls)
        path.append(
            Message(
                f"{new_id}-{at}",
                path[-1].id if path else None,
                Role(message.role),
                message.content or "",
                now,
                reasoning=message.thinking or "",
                attachments=_seen(message, pictures),
                tool_calls=calls,
            )
        )
    return tuple(path)


def _seen(message: ChatMessage, pictures: Pictures) -> tuple[Attachment, ...]:
    try:
        return tuple(map(pictures.take, message.images or ()))
    except NoPicture as error:
        raise bad(error.message, "images") from error


def _answered(message: ChatMessage, waiting: list[ToolCall]) -> tuple[ToolCall, ...]:
    """The call that a tool's message answers: by its id, else by the tool's name, else the next."""
    wanted = message.tool_call_id
    found = next((call for call in waiting if wanted and call.id == wanted), None)
    if found is None:
        found = next((call for call in waiting if call.name == message.tool_name), None)
    if found is None:
        found = waiting[0] if waiting else None
    if found is None:
        return ()
    waiting.remove(found)
    return (found,)


def tools_of(tools: Sequence[ToolBody]) -> tuple[Tool, ...]:
    names = [tool.function.name for tool in tools]
    if len(set(names)) < len(names):
        raise bad("two tools have the same name", "tools")
    return tuple(_tool(tool) for tool in tools)


def _tool(tool: ToolBody) -> Tool:
    function = tool.function
    said = {k: v for k, v in (function.parameters or {}).items() if v is not None}
    whole = {"type": "object", "properties": {}} | said
    if whole["type"] != "object":
        raise bad("the parameters of a function are an object", "tools")
    return Tool(function.name, function.description or "", schema_of(whole, "tools"))


def params_of(body: Writing) -> Params:
    values: dict[str, Any] = {}
    for name, value in (body.options or {}).items():
        ours = _OPTIONS.get(name)
        if ours is None or value is None or _means_nothing(name, value):
            continue
        values[ours] = value
    if body.think is not None and body.think != "":
        values["reasoning"] = body.think not in _NO_THINKING
    if body.logprobs:
        values["logprobs"] = body.top_logprobs or 0
    if body.format not in (None, "", {}):
        values["schema"] = _format(body.format)
    try:
        return Params.parse(values)
    except ConfigError as error:
        raise bad(error.message, "options") from error


def _means_nothing(name: str, value: Any) -> bool:
    """Values by which these clients say that they have no wish."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value in ("", [])
    return (name == "num_predict" and value <= 0) or (name == "seed" and value < 0)


def _format(said: str | Mapping[str, Any] | None) -> str:
    if said == "json":
        return _ANY_OBJECT
    if not isinstance(said, Mapping):
        raise bad("format is json, a JSON schema or nothing", "format")
    return schema_of(said, "format")


def schema_of(schema: Mapping[str, Any], param: str) -> str:
    # Halves of characters and NaN are no JSON, though Python reads them.
    _json(schema, param)
    try:
        return schema_text(schema)
    except ConfigError as error:
        raise bad(error.message, param) from error


def _json(value: Mapping[str, Any], param: str) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, RecursionError) as error:
        raise bad(f"{param} cannot be read", param) from error
    return text
