"""Items: what a response is asked with and what it answers with, and the path they make.

An item is kept as the JSON that a client reads, so that it can be given back as it was.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from chatterm.ids import NewId
from chatterm.messages import Attachment, Message, Role, ToolCall
from chatterm.server.openai_common.errors import bad, missing
from chatterm.server.openai_common.reading import check_arguments, take_picture
from chatterm.server.pictures import Pictures
from chatterm.server.responses.bodies import Item
from chatterm.summaries import resumed, spoken

Json: TypeAlias = dict[str, Any]

COMPACTION = "compaction"
"""The type of an item that stands for all items before it."""
_SEALED = "chatterm-1:"
"""How the content of a compaction begins; behind it is the summary in Base64."""
_TEXTS = ("input_text", "output_text", "text", "summary_text", "reasoning_text")
_PREFIXES = {
    "message": "msg_",
    "function_call": "fc_",
    "function_call_output": "fco_",
    "reasoning": "rs_",
    COMPACTION: "cmp_",
}
_ROLES = {
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
}


def user_message(text: str, new_id: NewId) -> Json:
    """What a bare text stands for."""
    return {
        "type": "message",
        "id": f"msg_{new_id()}",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_text", "text": text}],
    }


def compaction(summary: str, new_id: NewId) -> Json:
    """A summary as an item that a client sends back.

    It has the text in itself, so that nothing is kept, and nobody can name what is another's.
    """
    content = _SEALED + base64.urlsafe_b64encode(summary.encode()).decode()
    return {"type": COMPACTION, "id": f"cmp_{new_id()}", "encrypted_content": content}


def _unsealed(content: str, param: str) -> str:
    """The summary in a compaction, which may have been written by anybody."""
    try:
        if not content.startswith(_SEALED):
            raise ValueError("it begins otherwise")
        data = content.removeprefix(_SEALED)
        text = base64.b64decode(data, altchars=b"-_", validate=True).decode()
        if not text.strip():
            raise ValueError("it is empty")
    except ValueError as error:
        raise bad(
            "this is no compaction of a chatterm server; send what /responses/compact answered",
            param,
        ) from error
    return text


def plain(item: Item, param: str, new_id: NewId, known: Callable[[str], Json | None]) -> Json:
    """An item as it is kept: with an id, its content in parts. ``known`` finds one by its id."""
    kind = item.type or ("item_reference" if item.role is None and item.id else "message")
    if kind == "item_reference":
        found = known(item.id or "")
        if found is None:
            raise missing(f"there is no item {item.id!r}", f"{param}.id")
        return found
    if kind not in _PREFIXES:
        raise bad(f"no model here reads an item of the type {kind!r}", f"{param}.type")
    said: Json = {"type": kind, "id": item.id or f"{_PREFIXES[kind]}{new_id()}"}
    match kind:
        case "message":
            return said | _message(item, param)
        case "function_call":
            return said | _call(item, param)
        case "function_call_output":
            return said | _call_output(item, param)
        case "compaction":
            content = item.encrypted_content or ""
            _unsealed(content, f"{param}.encrypted_content")
            return said | {"encrypted_content": content}
        case _:
            return said | {
                "summary": _parts(item.summary or [], f"{param}.summary"),
                "content": _parts(item.content or [], f"{param}.content"),
            }


def _message(item: Item, param: str) -> Json:
    if item.role is None:
        raise bad("a message has a role", f"{param}.role")
    if item.content is None:
        raise bad("the message has no content", f"{param}.content")
    kind = "output_text" if item.role == "assistant" else "input_text"
    content = item.content
    parts = [{"type": kind, "text": content}] if isinstance(content, str) else content
    checked = _parts(parts, f"{param}.content")
    if item.role == "assistant":
        checked = [{"annotations": [], **part} for part in checked]
    return {"status": "completed", "role": item.role, "content": checked}


def _call(item: Item, param: str) -> Json:
    for name in ("call_id", "name", "arguments"):
        if getattr(item, name) is None:
            raise bad(f"a call has {name}", f"{param}.{name}")
    check_arguments(item.arguments or "", f"{param}.arguments")
    return {
        "status": "completed",
        "call_id": item.call_id,
        "name": item.name,
        "arguments": item.arguments,
    }


def _call_output(item: Item, param: str) -> Json:
    if item.call_id is None:
        raise bad("what came of a call names it", f"{param}.call_id")
    if item.output is None:
        raise bad("the output is missing", f"{param}.output")
    output = item.output
    if not isinstance(output, str):
        output = _parts(output, f"{param}.output")
    return {"status": "completed", "call_id": item.call_id, "output": output}


def _parts(parts: str | Sequence[Mapping[str, Any]], param: str) -> list[Json]:
    """The parts of a content, each known to be a text or a picture."""
    if isinstance(parts, str):
        return [{"type": "reasoning_text", "text": parts}]
    checked = []
    for at, part in enumerate(parts):
        place, kind = f"{param}.{at}", part.get("type")
        if kind in _TEXTS or kind == "refusal":
            name = "refusal" if kind == "refusal" else "text"
            if not isinstance(part.get(name), str):
                raise bad("the text is missing", f"{place}.{name}")
        elif kind == "input_image":
            if not isinstance(part.get("image_url"), str):
                raise bad("the picture is missing: send a data URL", f"{place}.image_url")
            take_picture(Pictures(), part["image_url"], f"{place}.image_url")
        else:
            raise bad(f"no model here reads a part of the type {kind!r}", f"{place}.type")
        checked.append(dict(part))
    return checked


# -- the path --------------------------------------------------------------------------------


@dataclass(slots=True)
class _Path:
    """Messages, as items make them: thoughts, text and calls of one answer are one message."""

    messages: list[Message] = field(default_factory=list)
    pictures: Pictures = field(default_factory=Pictures)
    thought: str = ""
    made: int = 0
    """Messages so far, with those that a compaction stands for."""

    def add(self, item: Json, param: str) -> None:
        match item["type"]:
            case "reasoning":
                parts = item.get("content") or item.get("summary") or []
                self.thought += "\n".join(str(part.get("text", "")) for part in parts)
            case "message":
                self._message(item, param)
            case "function_call":
                call = ToolCall(item["call_id"], item["name"], item["arguments"])
                self._call(call)
            case "compaction":
                summary = _unsealed(item["encrypted_content"], f"{param}.encrypted_content")
                self.messages = resumed(self.messages, summary, spoken(self.messages))
                self.thought = ""
            case _:
                text, seen = self._content(item["output"], param)
                call = ToolCall(item["call_id"], "", "{}")
                self.append(Role.TOOL, text, attachments=seen, tool_calls=(call,))

    def _message(self, item: Json, param: str) -> None:
        text, seen = self._content(item["content"], param)
        role = _ROLES[item["role"]]
        if role is Role.ASSISTANT:
            self.append(role, text, reasoning=self.thought, attachments=seen)
            self.thought = ""
        else:
            self.append(role, text, attachments=seen)

    def _call(self, call: ToolCall) -> None:
        last = self.messages[-1] if self.messages else None
        if last is not None and last.role is Role.ASSISTANT and not self.thought:
            self.messages[-1] = replace(last, tool_calls=(*last.tool_calls, call))
            return
        self.append(Role.ASSISTANT, "", reasoning=self.thought, tool_calls=(call,))
        self.thought = ""

    def append(self, role: Role, text: str, **more: Any) -> None:
        parent = f"m{self.made - 1}" if self.made else None
        self.messages.append(Message(f"m{self.made}", parent, role, text, 0.0, **more))
        self.made += 1

    def _content(
        self, content: str | Sequence[Json], param: str
    ) -> tuple[str, tuple[Attachment, ...]]:
        if isinstance(content, str):
            return content, ()
        texts, seen = [], []
        for part in content:
            if part["type"] == "input_image":
                seen.append(take_picture(self.pictures, part["image_url"], param))
            else:
                texts.append(part["refusal" if part["type"] == "refusal" else "text"])
        return "\n".join(texts), tuple(seen)


def path_of(
    instructions: str | None, items: Sequence[Json]
) -> tuple[tuple[Message, ...], Mapping[str, bytes]]:
    """The messages that items make, and their pictures."""
    path = _Path()
    if instructions:
        path.append(Role.SYSTEM, instructions)
    compacted = [at for at, item in enumerate(items) if item["type"] == COMPACTION]
    for at, item in enumerate(items):
        # The last one has in it what those before it had.
        if item["type"] != COMPACTION or at == compacted[-1]:
            path.add(item, f"input.{at}")
    return tuple(path.messages), path.pictures.bytes_of
