"""What such a server says about chats and messages, read generously.

Fields came and went over the generations; only ids are insisted on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from chatterm.errors import BadReply
from chatterm.remote.text import whole

Ending: TypeAlias = Literal["complete", "open", "failed"]

_FAILED = {
    "cancelled": "the server cancelled the answer, as it does when another prompt is sent",
    "timeout": "no worker took the answer in time",
    "aborted_by_worker": "the worker gave the answer up",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A message of the server's: links hold both ids, since one chat here may be two there."""

    chat_id: str
    message_id: str

    def __str__(self) -> str:
        return f"{self.chat_id}/{self.message_id}"

    @classmethod
    def parse(cls, link: str | None) -> Place | None:
        chat_id, _, message_id = (link or "").partition("/")
        return cls(chat_id, message_id) if chat_id and message_id else None


@dataclass(frozen=True, slots=True)
class RemoteMessage:
    """A message as the server keeps it."""

    id: str
    parent_id: str | None
    is_prompt: bool
    text: str
    state: str
    created_at: float
    model: str = ""
    worker_config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What a worker must offer to write this answer."""
    score: int = 0
    error: str = ""
    """Why it failed, where the server keeps that; released ones do not."""
    safety: str = ""
    """What the server's safety model made of the prompt."""

    @property
    def ending(self) -> Ending:
        """Whether more may come; a state that is not known may change."""
        if self.state in ("complete", "manual"):
            return "complete"
        return "failed" if self.state in _FAILED else "open"

    @property
    def failure(self) -> str:
        return (self.error or _FAILED[self.state]) if self.ending == "failed" else ""


@dataclass(frozen=True, slots=True)
class RemoteChat:
    """A chat as the server lists it; its messages are known when it was asked for alone."""

    id: str
    title: str
    created_at: float
    modified_at: float
    hidden: bool = False
    tip_id: str | None = None
    """The message its user looked at last."""
    messages: tuple[RemoteMessage, ...] = ()
    """Parents before children."""


def message_of(value: Any) -> RemoteMessage:
    table = _table(value, "a message")
    work = table.get("work_parameters")
    config = work.get("model_config") if isinstance(work, Mapping) else None
    config = config if isinstance(config, Mapping) else {}
    score = table.get("score")
    return RemoteMessage(
        id=_id(table, "a message"),
        parent_id=_text(table, "parent_id") or None,
        is_prompt=table.get("role") == "prompter",
        text=_text(table, "content"),
        state=_text(table, "state"),
        created_at=_time(table, "created_at"),
        model=_text(config, "model_id"),
        worker_config=dict(config),
        score=score if isinstance(score, int) else 0,
        error=_text(table, "error"),
        safety=_text(table, "safe_content"),
    )


def chat_of(value: Any) -> RemoteChat:
    table = _table(value, "a chat")
    messages = table.get("messages")
    created = _time(table, "created_at")
    return RemoteChat(
        id=_id(table, "a chat"),
        title=_text(table, "title"),
        created_at=created,
        modified_at=_time(table, "modified_at") or created,
        hidden=table.get("hidden") is True,
        tip_id=_text(table, "active_thread_tail_message_id") or None,
        messages=ordered([message_of(m) for m in messages]) if isinstance(messages, list) else (),
    )


def ordered(messages: list[RemoteMessage]) -> tuple[RemoteMessage, ...]:
    """Parents before children, siblings by their time; what hangs on nothing is left out."""
    children: dict[str | None, list[RemoteMessage]] = {}
    for message in sorted(messages, key=lambda m: m.created_at):
        children.setdefault(message.parent_id, []).append(message)
    result: list[RemoteMessage] = []
    waiting = children.get(None, [])
    while waiting:
        result += waiting
        waiting = [child for parent in waiting for child in children.pop(parent.id, [])]
    return tuple(result)


def _table(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadReply(f"the server sent {what} that cannot be read")
    return value


def _id(table: Mapping[str, Any], what: str) -> str:
    found = _text(table, "id")
    if not found:
        raise BadReply(f"the server sent {what} without an id")
    return found


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key)
    return whole(value) if isinstance(value, str) else ""


def _time(table: Mapping[str, Any], key: str) -> float:
    """Seconds since the epoch; the server's times are UTC and do not say so."""
    try:
        time = datetime.fromisoformat(_text(table, key))
    except ValueError:
        return 0.0
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
