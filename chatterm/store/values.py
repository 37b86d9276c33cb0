"""What the store returns beside messages: chats, hits, changes, where an answer came from.

Times are seconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from chatterm.messages import Role, State, Stop, Timings, Usage
from chatterm.params import Params


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat as a list shows it; its messages are asked for apart."""

    id: str
    title: str
    title_by_user: bool
    """Given by the user, so no automatic title may replace it."""
    tip_id: str | None
    """The message the chat stands at; None before the first one."""
    model: str
    """The model that was asked last."""
    created_at: float
    updated_at: float
    """When a message was last begun or finished."""
    pinned: bool = False
    tags: tuple[str, ...] = ()
    deleted_at: float | None = None
    """When it went to the trash."""
    message_count: int = 0
    """Messages on all branches, without the deleted ones."""
    forked_from: str | None = None
    """The chat it was copied from, which may be gone."""


@dataclass(frozen=True, slots=True)
class Node:
    """A place in the tree, without the words: enough to draw branches."""

    id: str
    parent_id: str | None
    role: Role
    state: State


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an answer came from and what it cost."""

    message_id: str
    model: str
    backend: str
    params: Params
    started_at: float
    finished_at: float | None = None
    stop: Stop | None = None
    usage: Usage = field(default_factory=Usage)
    timings: Timings = field(default_factory=Timings)


class ChangeKind(StrEnum):
    """What ``undo`` can take back. The values are stored."""

    ADD = "add"
    """A message was added."""
    ANSWER = "answer"
    """One more answer to an older prompt was begun."""
    SELECT = "select"
    """Another branch was chosen."""
    SUMMARY = "summary"
    """A summary was put in the place of older messages."""
    DELETE_MESSAGE = "delete_message"
    RENAME = "rename"
    DELETE_CHAT = "delete_chat"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was done to a chat."""

    kind: ChangeKind
    chat_id: str
    message_id: str | None
    """The message that was added, chosen or deleted."""
    made_at: float


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that a search found."""

    message_id: str
    chat_id: str
    chat_title: str
    role: Role
    model: str
    created_at: float
    snippet: str
    """The words around the match, in one line. Untrusted text, as messages are."""
    marks: tuple[tuple[int, int], ...]
    """Where the match is, as slices of ``snippet``; in order, not overlapping."""
