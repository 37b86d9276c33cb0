"""Builds chats out of what foreign files say: ids that stay the same, times, the order of a tree.

A foreign file names its messages in its own way, or not at all. An id is derived from the source's
own key, so that importing the same thing twice gives the same ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from chatterm.ids import encode_ulid
from chatterm.messages import Attachment, Message, Role, State, ToolCall
from chatterm.store.exchange.fields import Damaged, clean
from chatterm.store.exchange.values import PortableChat, PortableMessage
from chatterm.store.values import Chat
from chatterm.titles import first_words

_ULID_END = 1 << 48


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a foreign chat."""

    key: str
    """What the source calls it, different from all others of that source."""
    parent_key: str | None
    role: Role
    text: str
    created_at: float | None = None
    model: str = ""
    reasoning: str = ""
    state: State = State.COMPLETE
    tool_calls: tuple[ToolCall, ...] = ()
    files: tuple[tuple[str, str, bytes], ...] = ()
    """Name, media type and bytes of what was attached."""
    vote: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """Where chats come from: a word for the ids, a name for errors, and the time of the import."""

    format: str
    name: str
    now: float
    files: Mapping[str, bytes] = field(default_factory=dict)
    """What else lies in the archive."""


@dataclass(frozen=True, slots=True)
class About:
    """What a foreign file says of a chat as a whole."""

    key: str
    place: str
    """For errors, as ``chats[3]``."""
    title: str = ""
    title_by_user: bool = False
    model: str = ""
    created_at: float | None = None
    updated_at: float | None = None
    tags: tuple[str, ...] = ()
    tip_key: str | None = None
    pinned: bool = False


def derived_id(source: str, key: str, seconds: float | None = None) -> str:
    """A ULID for a thing of another program: the same each time it is asked for."""
    digest = hashlib.sha256(f"{source}\0{key}".encode("utf-8", "replace")).digest()
    milliseconds = int((seconds or 0) * 1000) % _ULID_END
    return encode_ulid(milliseconds, int.from_bytes(digest[:10], "big"))


def chain(turns: Sequence[Turn]) -> list[Turn]:
    """Turns that follow each other, each the child of the one before."""
    keys = [None, *(turn.key for turn in turns)]
    return [replace(turn, parent_key=key) for turn, key in zip(turns, keys, strict=False)]


def build(source: Source, about: About, turns: Sequence[Turn]) -> PortableChat:
    """The chat; ``turns`` may come in any order."""
    ordered = _ordered(about, turns, about.created_at or source.now)
    ids = {turn.key: derived_id(source.format, turn.key, turn.created_at) for turn, _ in ordered}
    messages: list[PortableMessage] = []
    files: dict[str, bytes] = {}
    for turn, created_at in ordered:
        attached = []
        for name, media_type, content in turn.files:
            digest = hashlib.sha256(content).hexdigest()
            files[digest] = content
            attached.append(Attachment(digest, clean(name), media_type, len(content)))
        message = Message(
            id=ids[turn.key],
            parent_id=ids[turn.parent_key] if turn.parent_key is not None else None,
            role=turn.role,
            text=clean(turn.text),
            created_at=created_at,
            state=turn.state,
            reasoning=clean(turn.reasoning),
            model=turn.model,
            attachments=tuple(attached),
            tool_calls=turn.tool_calls,
        )
        messages.append(PortableMessage(message, vote=turn.vote, visited_at=created_at))
    chat = _chat(source, about, messages, ids)
    return PortableChat(chat, tuple(messages), files)


def _chat(
    source: Source, about: About, messages: list[PortableMessage], ids: Mapping[str, str]
) -> Chat:
    times = [one.message.created_at for one in messages]
    created_at = about.created_at or min(times, default=source.now)
    tip_id = ids.get(about.tip_key or "") or (messages[-1].message.id if messages else None)
    prompts = [one.message.text for one in messages if one.message.role is Role.USER]
    models = [one.message.model for one in messages if one.message.model]
    title = " ".join(clean(about.title).split())
    return Chat(
        id=derived_id(source.format, f"chat {about.key}", about.created_at),
        title=title or first_words(prompts[0] if prompts else ""),
        title_by_user=about.title_by_user and bool(title),
        tip_id=tip_id,
        model=about.model or (models[-1] if models else ""),
        created_at=created_at,
        updated_at=max([about.updated_at or created_at, *times]),
        pinned=about.pinned,
        tags=about.tags,
        message_count=len(messages),
    )


def _ordered(about: About, turns: Sequence[Turn], start: float) -> list[tuple[Turn, float]]:
    """Parents before children, and otherwise by time; each with the time it counts as."""
    below: dict[str | None, list[Turn]] = {}
    keys = {turn.key for turn in turns}
    if len(keys) != len(turns):
        raise Damaged(about.place, "two messages have the same id")
    for turn in turns:
        if turn.parent_key is not None and turn.parent_key not in keys:
            raise Damaged(f"{about.place}, message {turn.key}", "the message it follows is missing")
        below.setdefault(turn.parent_key, []).append(turn)
    placed: list[tuple[float, int, Turn, float]] = []
    waiting = [(turn, start, 0.0) for turn in reversed(below.get(None, []))]
    while waiting:
        turn, default, floor = waiting.pop()
        time = default if turn.created_at is None else turn.created_at
        # Some clocks go backwards; the order of a tree never does.
        order = max(time, floor)
        placed.append((order, len(placed), turn, time))
        waiting += [(child, time, order) for child in reversed(below.get(turn.key, []))]
    if len(placed) != len(turns):
        raise Damaged(about.place, "its messages follow each other in a circle")
    placed.sort(key=lambda item: item[:2])
    return [(turn, time) for _, _, turn, time in placed]
