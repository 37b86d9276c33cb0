"""A chat as stateless servers are sent it: a result after every call, no answer that is empty."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from chatterm.errors import ModelError
from chatterm.messages import Message, Request, Role, ToolCall

_NOT_RUN = "(not run)"


@dataclass(frozen=True, slots=True)
class Image:
    media_type: str
    content: bytes

    @property
    def base64(self) -> str:
        return base64.b64encode(self.content).decode()

    @property
    def data_url(self) -> str:
        return f"data:{self.media_type};base64,{self.base64}"


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the wire. A tool's has the call that it answers."""

    role: Role
    text: str
    reasoning: str = ""
    calls: tuple[ToolCall, ...] = ()
    images: tuple[Image, ...] = ()
    answers: ToolCall | None = None


def tools_of(request: Request) -> list[dict[str, Any]]:
    """What may be called, in the form that OpenAI gave it and the others took over."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": json.loads(tool.parameters),
            },
        }
        for tool in request.tools
    ]


def turns_of(request: Request) -> list[Turn]:
    """The turns of a request; what an answer is to begin with comes last."""
    if request.raw:
        raise ModelError("a remote continues chats only, no raw text", hint="send it as a chat")
    turns: list[Turn] = []
    waiting: list[ToolCall] = []
    for message in request.path:
        if message.role is Role.TOOL:
            turns.append(_result_turn(message, waiting))
            continue
        turns += [_result(call, _NOT_RUN) for call in waiting]
        waiting = []
        if message.role is not Role.ASSISTANT:
            turns.append(Turn(message.role, message.text, images=_images(message, request)))
        elif message.text or message.tool_calls:
            calls = message.tool_calls
            turns.append(Turn(message.role, message.text, message.reasoning, calls))
            turns += [_result(call, call.result) for call in calls if call.result is not None]
            waiting = [call for call in calls if call.result is None]
    turns += [_result(call, _NOT_RUN) for call in waiting]
    if request.prefill:
        turns.append(Turn(Role.ASSISTANT, request.prefill))
    return turns


def _images(message: Message, request: Request) -> tuple[Image, ...]:
    return tuple(
        Image(file.media_type, request.images[file.digest])
        for file in message.attachments
        if file.digest in request.images
    )


def _result_turn(message: Message, waiting: list[ToolCall]) -> Turn:
    """A tool's message, with the call that it answers; without one it is only words."""
    ids = {call.id for call in message.tool_calls}
    call = next((call for call in waiting if call.id in ids), waiting[0] if waiting else None)
    if call is None:
        return Turn(Role.USER, message.text)
    waiting.remove(call)
    return _result(call, message.text)


def _result(call: ToolCall, text: str) -> Turn:
    return Turn(Role.TOOL, text, answers=call)
