"""Chats exported from ChatGPT: ``conversations.json``, alone or in its archive.

A chat is a ``mapping`` of nodes with parents. Many nodes hold nothing that was said: an empty root,
settings, what a search tool was told. They are left out and what follows them moves up; the
thoughts before an answer become its reasoning.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from chatterm.messages import Role, State, ToolCall
from chatterm.store.exchange.build import About, Source, Turn, build
from chatterm.store.exchange.fields import Item
from chatterm.store.exchange.values import PortableChat

_NO_ONES_WORDS = {"user_editable_context", "model_editable_context", "reasoning_recap"}
_UNFINISHED = {"in_progress", "finished_partial_completion"}


def recognises(data: Any) -> bool:
    first = data[0] if isinstance(data, list) and data else data
    return isinstance(first, dict) and isinstance(first.get("mapping"), dict)


def read(data: Any, source: Source) -> Iterator[PortableChat]:
    for chat in Item(data if isinstance(data, list) else [data], "conversations").each():
        yield _chat(chat, source)


def _chat(item: Item, source: Source) -> PortableChat:
    nodes = item.at("mapping")
    kept = _Kept(nodes, source.files)
    turns = [turn for key in nodes.names() if (turn := kept.turn(key)) is not None]
    tip = item.text("current_node", "")
    about = About(
        key=item.text("conversation_id", "") or item.text("id"),
        place=item.place,
        title=item.text("title", ""),
        model=item.text("default_model_slug", ""),
        created_at=item.moment("create_time"),
        updated_at=item.moment("update_time"),
        tip_key=kept.nearest(tip) if tip else None,
        tags=("archived",) if item.flag("is_archived") else (),
        pinned=item.flag("is_starred"),
    )
    return build(source, about, turns)


class _Kept:
    """The nodes of one chat that hold something said."""

    def __init__(self, nodes: Item, files: Mapping[str, bytes]) -> None:
        self._nodes = nodes
        self._files = files

    def turn(self, key: str) -> Turn | None:
        """What was said at a node; None where nothing was."""
        if not self._is_kept(key):
            return None
        message = self._nodes.at(key).at("message")
        author, content = message.at("author"), message.at("content")
        role = author.one_of("role", Role)
        text = _text(content)
        calls: tuple[ToolCall, ...] = ()
        recipient = message.text("recipient", "all")
        is_answer = role is Role.ASSISTANT
        if is_answer and recipient != "all":
            arguments = json.dumps({"input": text}, ensure_ascii=False)
            text, calls = "", (ToolCall(key, recipient, arguments),)
        about = message.at("metadata")
        return Turn(
            key=key,
            parent_key=self.nearest(self._parent(key)),
            role=role,
            text=text,
            created_at=message.moment("create_time"),
            model=about.text("model_slug", "") if is_answer and about.value is not None else "",
            reasoning=self._thoughts_before(key) if is_answer else "",
            state=State.STOPPED if message.text("status", "") in _UNFINISHED else State.COMPLETE,
            tool_calls=calls,
            files=tuple(self._attached(content)),
        )

    def nearest(self, key: str | None) -> str | None:
        """The node itself, or the closest one above it that is kept."""
        steps = 0
        while key is not None and not self._is_kept(key):
            key = self._parent(key)
            steps += 1
            if steps > len(self._nodes.value):
                self._nodes.fail("its messages follow each other in a circle")
        return key

    def _parent(self, key: str) -> str | None:
        return self._nodes.at(key).maybe("parent")

    def _is_kept(self, key: str) -> bool:
        node = self._nodes.at(key)
        if node.value is None:
            node.fail("the message that another one follows is missing")
        message = node.at("message")
        if message.value is None or message.at("content").value is None:
            return False
        kind = message.at("content").text("content_type", "text")
        about = message.at("metadata").value
        if isinstance(about, dict) and about.get("is_visually_hidden_from_conversation"):
            return False
        if kind in _NO_ONES_WORDS or kind == "thoughts":
            return False
        return bool(_text(message.at("content")).strip()) or kind == "multimodal_text"

    def _thoughts_before(self, key: str) -> str:
        thoughts: list[str] = []
        above = self._parent(key)
        while above is not None and not self._is_kept(above):
            content = self._nodes.at(above).at("message")
            if content.value is not None and content.at("content").value is not None:
                for thought in content.at("content").at("thoughts").each():
                    parts = [thought.text("summary", ""), thought.text("content", "")]
                    thoughts.insert(0, "\n".join(part for part in parts if part))
            above = self._parent(above)
        return "\n\n".join(thoughts)

    def _attached(self, content: Item) -> Iterator[tuple[str, str, bytes]]:
        for part in content.at("parts").each():
            if not isinstance(part.value, dict):
                continue
            wanted = part.text("asset_pointer", "").rpartition("//")[2]
            for name in self._files if wanted else ():
                file = PurePosixPath(name).name
                if file.startswith(wanted):
                    kind = mimetypes.guess_type(file)[0] or "application/octet-stream"
                    yield file, kind, self._files[name]


def _text(content: Item) -> str:
    """The words of any kind of content."""
    parts = []
    for part in content.at("parts").each():
        if isinstance(part.value, str):
            parts.append(part.value)
        elif isinstance(part.value, dict):
            parts.append(part.text("text", ""))
    for key in ("text", "result"):
        if isinstance(content.at(key).value, str):
            parts.append(content.text(key))
    return "\n\n".join(part for part in parts if part)
