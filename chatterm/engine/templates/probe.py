"""Finds out what a template can express, by rendering short chats and looking at the result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from chatterm.engine.templates.turns import Shape, ToolsPlace

Message: TypeAlias = dict[str, Any]
Attempt: TypeAlias = Callable[[list[Message], Shape, bool], str | None]
"""Renders messages, with or without a tool on offer; None if that fails."""

TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "qztool",
        "description": "qzdescription",
        "parameters": {
            "type": "object",
            "properties": {"qzkey": {"type": "string", "description": "qzmeaning"}},
            "required": ["qzkey"],
        },
    },
}


def probed(attempt: Attempt) -> Shape:
    """The shape of chats that the template behind ``attempt`` can render."""
    shape = _content_shape(attempt)
    user, answer = _say("user", "qzuser", shape), _say("assistant", "qzanswer", shape)
    system, later = _say("system", "qzsystem", shape), _say("system", "qzlater", shape)

    def shows(text: str, *messages: Message) -> bool:
        return text in (attempt(list(messages), shape, False) or "")

    plain = shows("qzuser", user)
    shape = replace(
        shape,
        system=shows("qzsystem", system, user) or not plain,
        late_system=all(
            shows(text, system, user, answer, later, user) for text in ("qzsystem", "qzlater")
        ),
        alternates=plain and not shows("qzuser", user, user),
        user_first=plain and not shows("qzanswer", answer, user),
        ends=_between(attempt([user, answer, user], shape, False) or ""),
    )
    shape = replace(shape, tools=_tools_place(attempt, user, shape))
    return _call_shape(attempt, user, shape)


def _say(role: str, text: str, shape: Shape) -> Message:
    content = [{"type": "text", "text": text}] if shape.typed_content else text
    return {"role": role, "content": content}


def _content_shape(attempt: Attempt) -> Shape:
    """Text or parts, tools named or not: the first way in which a user's words are shown."""
    shapes = [
        Shape(typed_content=typed, names_no_tools=named)
        for typed in (False, True)
        for named in (True, False)
    ]
    for shape in shapes:
        if "qzuser" in (attempt([_say("user", "qzuser", shape)], shape, False) or ""):
            return shape
    return Shape()


def _tools_place(attempt: Attempt, user: Message, shape: Shape) -> ToolsPlace:
    for place in (ToolsPlace.VARIABLE, ToolsPlace.SYSTEM):
        system = _say("system", "qzsystem", shape) | {"tools": "qztool"}
        messages = [system, user] if place is ToolsPlace.SYSTEM else [user]
        offered = place is ToolsPlace.VARIABLE
        if "qztool" in (attempt(messages, shape, offered) or ""):
            return place
    return ToolsPlace.NOWHERE


def _between(rendered: str) -> str:
    """The text from the end of the answer up to the next turn's."""
    _, found, after = rendered.partition("qzanswer")
    return after.partition("qzuser")[0] if found else ""


def _call_shape(attempt: Attempt, user: Message, shape: Shape) -> Shape:
    tools = shape.tools is ToolsPlace.VARIABLE
    result = {"role": "tool", "name": "qzcalled", "tool_call_id": "qzcallid1"}
    result["content"] = _say("tool", "qzresult", shape)["content"]

    def rendered(content: object, *calls: Message, **extra: object) -> str:
        said = {"role": "assistant", "content": content, "tool_calls": list(calls), **extra}
        results = [result | {"tool_call_id": call["id"]} for call in calls]
        return attempt([user, said, *results], shape, tools) or ""

    empty, text = _say("", "", shape)["content"], _say("", "qztext", shape)["content"]
    as_object, as_text = _call({"qzkey": "qzvalue"}), _call('{"qzkey": "qzvalue"}')
    with_object = rendered(empty, as_object)
    is_object = "qzvalue" in with_object and "{'qzkey'" not in with_object
    call = as_object if is_object else as_text
    called = rendered(empty, call)
    bare = rendered(None, call)
    alone = attempt(
        [user, {"role": "assistant", "content": text, "tool_calls": [call]}], shape, tools
    )
    calls = "qzcalled" in (called or alone or "")
    several = rendered(
        empty, call, call | {"id": "qzcallid2", "function": _function("qzother", call)}
    )
    both = rendered(text, call, reasoning_content="qzthought", thinking="qzthought")
    return replace(
        shape,
        calls=calls,
        results="qzresult" in called,
        several_calls="qzcalled" in several and "qzother" in several,
        object_arguments=is_object,
        no_content=bool(bare) and "None" not in bare and len(bare) < len(called),
        thinks_beside_text=bool(both) or not called,
    )


def _call(arguments: object) -> Message:
    return {
        "id": "qzcallid1",
        "type": "function",
        "function": {"name": "qzcalled", "arguments": arguments},
    }


def _function(name: str, call: Message) -> Message:
    return {"name": name, "arguments": call["function"]["arguments"]}
