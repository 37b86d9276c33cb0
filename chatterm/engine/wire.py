"""Frames between a client and the host: four bytes of length, then one JSON object.

Pure: bytes in, values out. The frames themselves:

client to host, one a connection
    hello {version, settings_key}      first, always
    answer {request, keep_alive}       host answers with events until done or error
    embed {texts, cut} · count {request} · status {} · stop {}
host to client
    hello {version, pid} · event {...} · done {...} · error {...} · reply {...}
"""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

from chatterm.errors import (
    ChattermError,
    ConfigError,
    EngineError,
    ModelError,
    TooLong,
)
from chatterm.events import (
    Done,
    Event,
    Notice,
    Progress,
    Queued,
    ReasoningDelta,
    Replaced,
    TextDelta,
    TokenLogprob,
    ToolCalled,
)
from chatterm.messages import (
    Attachment,
    Message,
    Request,
    Role,
    State,
    Stop,
    Timings,
    Tool,
    ToolCall,
    Usage,
)
from chatterm.params import Params

MAX_FRAME = 256 << 20
_LENGTH = struct.Struct(">I")
_ERRORS: dict[str, type[ChattermError]] = {
    error.kind: error for error in (ConfigError, ModelError, EngineError)
}


class BadFrame(ValueError):
    """Bytes that no chatterm wrote."""


def frame(value: dict[str, Any]) -> bytes:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    return _LENGTH.pack(len(body)) + body


class FrameReader:
    """Cuts a stream of bytes into frames, wherever it was broken."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        self._buffer += data
        frames = []
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > MAX_FRAME:
                raise BadFrame(f"a frame of {length} bytes")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                break
            frames.append(_object(bytes(self._buffer[_LENGTH.size : end])))
            del self._buffer[:end]
        return frames


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError as error:
        raise BadFrame("not JSON") from error
    if not isinstance(value, dict):
        raise BadFrame("not an object")
    return value


# -- requests --------------------------------------------------------------------------------


def request_to_json(request: Request) -> dict[str, Any]:
    """Only what the engine needs of a request."""
    return {
        "path": [_message_to_json(message) for message in request.path],
        "params": request.params.as_dict(),
        "tools": [[tool.name, tool.description, tool.parameters] for tool in request.tools],
        "must_call": request.must_call,
        "prefill": request.prefill,
        "raw": request.raw,
        "suffix": request.suffix,
        "images": {
            digest: base64.b64encode(data).decode() for digest, data in request.images.items()
        },
    }


def request_from_json(value: dict[str, Any]) -> Request:
    return Request(
        model="",
        path=tuple(_message_from_json(message) for message in value["path"]),
        answer_id="",
        params=Params.parse(value["params"]),
        tools=tuple(Tool(*tool) for tool in value["tools"]),
        must_call=tuple(value["must_call"]),
        prefill=value["prefill"],
        raw=value["raw"],
        suffix=value["suffix"],
        images={digest: base64.b64decode(text) for digest, text in value["images"].items()},
    )


def _message_to_json(message: Message) -> dict[str, Any]:
    said: dict[str, Any] = {"role": message.role, "text": message.text}
    if message.reasoning:
        said["reasoning"] = message.reasoning
    if message.attachments:
        said["attachments"] = [
            [a.digest, a.name, a.media_type, a.size] for a in message.attachments
        ]
    if message.tool_calls:
        said["tool_calls"] = [[c.id, c.name, c.arguments, c.result] for c in message.tool_calls]
    return said


def _message_from_json(said: dict[str, Any]) -> Message:
    return Message(
        id="",
        parent_id=None,
        role=Role(said["role"]),
        text=said["text"],
        created_at=0.0,
        state=State.COMPLETE,
        reasoning=said.get("reasoning", ""),
        attachments=tuple(Attachment(*item) for item in said.get("attachments", ())),
        tool_calls=tuple(ToolCall(*item) for item in said.get("tool_calls", ())),
    )


# -- events ----------------------------------------------------------------------------------


def event_to_json(event: Event) -> dict[str, Any]:
    match event:
        case TextDelta(text=text, logprobs=logprobs):
            said: dict[str, Any] = {"t": text}
            if logprobs:
                said["lp"] = [[item.token, item.logprob, item.top] for item in logprobs]
            return said
        case ReasoningDelta(text=text):
            return {"r": text}
        case Replaced(text=text):
            return {"replaced": text}
        case Queued(position=position, size=size):
            return {"queued": [position, size]}
        case Progress(stage=stage, done=done, total=total):
            return {"progress": [stage, done, total]}
        case ToolCalled(call=call):
            return {"call": [call.id, call.name, call.arguments, call.result]}
        case Notice(kind=kind, text=text):
            return {"notice": [kind, text]}
        case Done(stop=stop, usage=usage, timings=timings):
            return {"done": [stop, _values(usage), _values(timings)]}
        case _:
            raise TypeError(f"the engine never says {event!r}")


def event_from_json(said: dict[str, Any]) -> Event:
    match said:
        case {"t": text, "lp": logprobs}:
            known = (TokenLogprob(t, p, tuple(map(tuple, top))) for t, p, top in logprobs)
            return TextDelta(text, tuple(known))
        case {"t": text}:
            return TextDelta(text)
        case {"r": text}:
            return ReasoningDelta(text)
        case {"replaced": text}:
            return Replaced(text)
        case {"queued": [position, size]}:
            return Queued(position, size)
        case {"progress": [stage, done, total]}:
            return Progress(stage, done, total)
        case {"call": parts}:
            return ToolCalled(ToolCall(*parts))
        case {"notice": [kind, text]}:
            return Notice(kind, text)
        case {"done": [stop, usage, timings]}:
            return Done(Stop(stop), Usage(*usage), Timings(*timings))
        case _:
            raise BadFrame(f"no such event: {said}")


def _values(value: Usage | Timings) -> list[Any]:
    return [getattr(value, name) for name in value.__slots__]


# -- errors ----------------------------------------------------------------------------------


def error_to_json(error: ChattermError) -> dict[str, Any]:
    said: dict[str, Any] = {**error.as_dict(), "detail": error.detail}
    if isinstance(error, TooLong):
        said["too_long"] = True
    return {"error": said}


def error_from_json(said: dict[str, Any]) -> ChattermError:
    known = TooLong if said.get("too_long") else _ERRORS.get(said.get("kind", ""), EngineError)
    return known(said["message"], hint=said.get("hint", ""), detail=said.get("detail", ""))
