"""A chat as templates want it: a list of turns, bent to what a template can express.

A ``Shape`` says what that is. Words are protected when they become turns, so what is put around
them here, and by the template, stays what it means.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any

from chatterm.engine.templates.guard import Guard
from chatterm.messages import Message, Role, ToolCall
from chatterm.parsing.formats import AnswerFormat, Body

_NOT_RUN = "The function was not run."
_SILENCE = "\u2026"
"""An answer that never came, where a template needs one and refuses an empty one."""
_ID_LENGTH = 9
"""Mistral's templates accept no other length, and no others mind."""


class ToolsPlace(Enum):
    """Where a template looks for the functions that can be called."""

    NOWHERE = auto()
    VARIABLE = auto()
    SYSTEM = auto()
    """In the system message, under ``tools``, as text."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a template can express, and how it wants it."""

    typed_content: bool = False
    """Content is a list of parts."""
    names_no_tools: bool = True
    """``tools`` is given as none where there are none."""
    tools: ToolsPlace = ToolsPlace.NOWHERE
    system: bool = True
    late_system: bool = True
    """A system message may come later than first."""
    alternates: bool = False
    """User and assistant must take turns."""
    user_first: bool = False
    calls: bool = False
    results: bool = False
    several_calls: bool = False
    """An answer may hold more than one call."""
    object_arguments: bool = True
    """Arguments are an object, not its JSON text."""
    no_content: bool = False
    """Content is none in an answer of calls only."""
    thinks_beside_text: bool = True
    """Calls, text and reasoning may stand in one answer."""
    ends: str = ""
    """What is written after an answer."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message as a template sees it."""

    role: Role
    text: str
    reasoning: str = ""
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    name: str = ""
    extras: dict[str, str] = field(default_factory=dict)


def turns_of(path: Sequence[Message], guard: Guard) -> list[Turn]:
    """The turns of a chat: a result after every call, and no answer that is empty."""
    turns: list[Turn] = []
    waiting: list[ToolCall] = []
    for message in path:
        text = guard.protect(message.text)
        if message.role is Role.TOOL:
            turns.append(_result_turn(message, text, waiting))
            continue
        turns += [_result(call, _NOT_RUN) for call in waiting]
        waiting = []
        if message.role is not Role.ASSISTANT:
            turns.append(Turn(message.role, text))
        elif text or message.tool_calls:
            calls = tuple(_protected(call, guard) for call in message.tool_calls)
            reasoning = guard.protect(message.reasoning)
            turns.append(Turn(message.role, text, reasoning, calls))
            turns += [_result(call, call.result) for call in calls if call.result is not None]
            waiting = [call for call in calls if call.result is None]
    return turns + [_result(call, _NOT_RUN) for call in waiting]


def _result_turn(message: Message, text: str, waiting: list[ToolCall]) -> Turn:
    """A tool's message, with the call that it answers; without one it is only words."""
    ids = {call.id for call in message.tool_calls}
    call = next((call for call in waiting if call.id in ids), waiting[0] if waiting else None)
    if call is None:
        return Turn(Role.USER, text)
    waiting.remove(call)
    return _result(call, text)


def _result(call: ToolCall, text: str) -> Turn:
    return Turn(Role.TOOL, text, call_id=call.id, name=call.name)


def _protected(call: ToolCall, guard: Guard) -> ToolCall:
    said = _object(call.arguments or "{}")
    try:
        safe = guard.protect_all({"input": call.arguments} if said is None else said)
        # As the model wrote them, unless a special token stands in them.
        arguments = call.arguments if safe == said else json.dumps(safe, ensure_ascii=False)
    except RecursionError:
        arguments = json.dumps({"input": guard.protect(call.arguments)}, ensure_ascii=False)
    result = None if call.result is None else guard.protect(call.result)
    return ToolCall(call.id, guard.protect(call.name), arguments or "{}", result)


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


# -- bending ---------------------------------------------------------------------------------


def fitted(turns: list[Turn], shape: Shape, answer_format: AnswerFormat) -> list[Turn]:
    """The same chat, without what the template cannot express."""
    if not shape.calls:
        turns = [_spelled_out(turn, answer_format) for turn in turns]
    elif not shape.several_calls:
        turns = _one_call_a_turn(turns)
    if not shape.results:
        turns = [_told(turn) if turn.role is Role.TOOL else turn for turn in turns]
    turns = _system_first(turns, shape)
    if shape.user_first and turns[:1] and _first_voice(turns) is not Role.USER:
        at = 1 if turns[0].role is Role.SYSTEM else 0
        turns = [*turns[:at], Turn(Role.USER, ""), *turns[at:]]
    return _alternating(turns) if shape.alternates else turns


def _spelled_out(turn: Turn, answer_format: AnswerFormat) -> Turn:
    """Calls written into the text, as the model would write them where that is known."""
    if not turn.calls:
        return turn
    said = _written_calls(turn.calls, answer_format)
    return replace(turn, text=f"{turn.text}\n{said}" if turn.text else said, calls=())


def _written_calls(calls: tuple[ToolCall, ...], answer_format: AnswerFormat) -> str:
    objects = [
        f'{{"name": {json.dumps(call.name, ensure_ascii=False)}, "arguments": {call.arguments}}}'
        for call in calls
    ]
    syntax = answer_format.calls[0] if answer_format.calls else None
    if syntax is not None and syntax.body is Body.JSON and not syntax.opens_body:
        return f"{syntax.open}[{', '.join(objects)}]{syntax.close}"
    if syntax is not None and syntax.body is Body.PYTHON:
        said = ", ".join(_python_call(call) for call in calls)
        return f"{syntax.open}[{said}]{syntax.close}"
    return "\n".join(f"<tool_call>\n{said}\n</tool_call>" for said in objects)


def _python_call(call: ToolCall) -> str:
    values = json.loads(call.arguments)
    said = (
        f"{key}={json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)}"
        for key, value in values.items()
    )
    return f"{call.name}({', '.join(said)})"


def _told(turn: Turn) -> Turn:
    return Turn(Role.USER, f"The function {turn.name} returned:\n{turn.text}")


def _one_call_a_turn(turns: list[Turn]) -> list[Turn]:
    """Answers of several calls taken apart, each call before its result."""
    apart: list[Turn] = []
    results: dict[str, Turn] = {
        turn.call_id: turn for turn in turns if turn.role is Role.TOOL and turn.call_id
    }
    taken: set[str] = set()
    for turn in turns:
        if turn.role is Role.TOOL and turn.call_id in taken:
            continue
        if len(turn.calls) < 2:
            apart.append(turn)
            continue
        for at, call in enumerate(turn.calls):
            only = replace(turn, calls=(call,))
            apart.append(only if at == 0 else replace(only, text="", reasoning=""))
            if call.id in results:
                apart.append(results[call.id])
                taken.add(call.id)
    return apart


def _system_first(turns: list[Turn], shape: Shape) -> list[Turn]:
    """One system message at the beginning, or none if the template has no place for it."""
    lead = 0
    while lead < len(turns) and turns[lead].role is Role.SYSTEM:
        lead += 1
    head, rest = turns[:lead], turns[lead:]
    if not shape.late_system or not shape.system:
        rest = [
            replace(turn, role=Role.USER) if turn.role is Role.SYSTEM else turn for turn in rest
        ]
    if not head:
        return rest
    said = _merged(head)
    if shape.system:
        return [said, *rest]
    if rest and rest[0].role is Role.USER:
        return [_merged([replace(said, role=Role.USER), rest[0]]), *rest[1:]]
    return [replace(said, role=Role.USER), *rest]


def _first_voice(turns: list[Turn]) -> Role:
    return next((turn.role for turn in turns if turn.role is not Role.SYSTEM), Role.USER)


def _alternating(turns: list[Turn]) -> list[Turn]:
    """Turns of the same role that follow each other become one; calls and results do not count."""
    merged: list[Turn] = []
    for turn in turns:
        last = merged[-1] if merged else None
        if turn.role is Role.USER and last is not None and last.role is Role.TOOL:
            merged.append(Turn(Role.ASSISTANT, _SILENCE))
        plain = turn.role in (Role.USER, Role.ASSISTANT) and not turn.calls
        if plain and last is not None and last.role is turn.role and not last.calls:
            merged[-1] = _merged([last, turn])
        else:
            merged.append(turn)
    return merged


def _merged(turns: Sequence[Turn]) -> Turn:
    text = "\n\n".join(turn.text for turn in turns if turn.text)
    return replace(turns[0], text=text)


# -- dictionaries ----------------------------------------------------------------------------


def as_messages(turns: Iterable[Turn], shape: Shape) -> list[dict[str, Any]]:
    """The turns in the form of OpenAI's API, which templates are written for."""
    return [_as_message(turn, shape) for turn in turns]


def _as_message(turn: Turn, shape: Shape) -> dict[str, Any]:
    text, reasoning = turn.text, turn.reasoning
    if turn.calls and text and reasoning and not shape.thinks_beside_text:
        text, reasoning = "", f"{reasoning}\n\n{text}"
    message: dict[str, Any] = {"role": turn.role.value, "content": _content(text, shape)}
    message |= turn.extras
    if reasoning:
        message |= {"reasoning_content": reasoning, "thinking": reasoning}
    if turn.calls:
        message["tool_calls"] = [_as_call(call, shape) for call in turn.calls]
        if not text and shape.no_content:
            message["content"] = None
    if turn.role is Role.TOOL:
        message |= {"tool_call_id": _short(turn.call_id), "name": turn.name}
    return message


def _content(text: str, shape: Shape) -> object:
    return [{"type": "text", "text": text}] if shape.typed_content else text


def _as_call(call: ToolCall, shape: Shape) -> dict[str, Any]:
    arguments: object = json.loads(call.arguments) if shape.object_arguments else call.arguments
    function = {"name": call.name, "arguments": arguments}
    return {"id": _short(call.id), "type": "function", "function": function}


def _short(call_id: str) -> str:
    if len(call_id) == _ID_LENGTH and call_id.isascii() and call_id.isalnum():
        return call_id
    return hashlib.sha256(call_id.encode("utf-8", "replace")).hexdigest()[:_ID_LENGTH]
