"""Chats exported from Claude: ``conversations.json``, alone or in its archive.

Messages say which one they follow only since 2024; before that they follow each other. One message
may think, call tools and speak in turn: its blocks become reasoning, calls with results, and text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from chatterm.messages import Role, ToolCall
from chatterm.store.exchange.build import About, Source, Turn, build, chain
from chatterm.store.exchange.fields import Item
from chatterm.store.exchange.values import PortableChat

_ROOT = "00000000-0000-4000-8000-000000000000"
_ROLES = {"human": Role.USER, "user": Role.USER, "assistant": Role.ASSISTANT}


def recognises(data: Any) -> bool:
    first = data[0] if isinstance(data, list) and data else data
    return isinstance(first, dict) and isinstance(first.get("chat_messages"), list)


def read(data: Any, source: Source) -> Iterator[PortableChat]:
    for chat in Item(data if isinstance(data, list) else [data], "conversations").each():
        yield _chat(chat, source)


def _chat(item: Item, source: Source) -> PortableChat:
    model = item.text("model", "")
    turns = [_turn(message, model) for message in item.at("chat_messages").each()]
    if not any(turn.parent_key for turn in turns):
        turns = chain(turns)
    about = About(
        key=item.text("uuid"),
        place=item.place,
        title=item.text("name", ""),
        model=model,
        created_at=item.moment("created_at"),
        updated_at=item.moment("updated_at"),
        tip_key=item.text("current_leaf_message_uuid", "") or None,
        pinned=item.flag("is_starred"),
    )
    return build(source, about, turns)


def _turn(item: Item, model: str) -> Turn:
    sender = item.text("sender")
    if sender not in _ROLES:
        item.at("sender").fail("this must be human or assistant")
    role = _ROLES[sender]
    text, thoughts = [], []
    for block in item.at("content").each():
        match block.text("type", ""):
            case "text":
                text.append(block.text("text", ""))
            case "thinking":
                thoughts.append(block.text("thinking", ""))
    parent = item.maybe("parent_message_uuid")
    return Turn(
        key=item.text("uuid"),
        parent_key=None if parent in (None, _ROOT) else parent,
        role=role,
        text="\n\n".join(part for part in text if part) or item.text("text", ""),
        created_at=item.moment("created_at"),
        model=model if role is Role.ASSISTANT else "",
        reasoning="\n\n".join(part for part in thoughts if part),
        tool_calls=tuple(_calls(item)),
        files=tuple(_files(item)),
    )


def _calls(item: Item) -> Iterator[ToolCall]:
    results = {
        block.text("tool_use_id", ""): _result(block.at("content"))
        for block in item.at("content").each()
        if block.text("type", "") == "tool_result"
    }
    for block in item.at("content").each():
        if block.text("type", "") == "tool_use":
            call_id = block.text("id", "")
            arguments = json.dumps(block.at("input").value, ensure_ascii=False)
            yield ToolCall(call_id, block.text("name", ""), arguments, results.get(call_id))


def _result(content: Item) -> str:
    if isinstance(content.value, str):
        return content.value
    return "\n\n".join(
        part.text("text", "") for part in content.each() if isinstance(part.value, dict)
    )


def _files(item: Item) -> Iterator[tuple[str, str, bytes]]:
    for file in item.at("attachments").each():
        content = file.text("extracted_content", "")
        if content:
            yield file.text("file_name", "") or "attachment.txt", "text/plain", content.encode()
