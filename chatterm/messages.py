"""The values a conversation is made of: messages, what is asked of a model, and what it cost.

Everything here is frozen and knows nothing of storage, wires or screens. A message in a final
state never changes; a correction is a sibling.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chatterm.params import Params


class Role(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class State(StrEnum):
    """How far a message has come; only ``WRITING`` may still change."""

    WRITING = "writing"
    COMPLETE = "complete"
    STOPPED = "stopped"
    FAILED = "failed"


class Stop(StrEnum):
    """Why an answer ended."""

    END = "end"
    """The model said it was done."""
    LENGTH = "length"
    """``max_tokens`` or the context was reached."""
    STOP = "stop"
    """A stop string was met."""
    TOOL = "tool"
    """The model wants a tool to be called."""
    CANCELLED = "cancelled"
    """The user, or the end of the program, stopped it."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that belongs to a message; its bytes lie in the store under ``digest``."""

    digest: str
    """SHA-256 of the bytes, in hexadecimal."""
    name: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function the model asked for. ``result`` is None until it has run."""

    id: str
    name: str
    arguments: str
    """A JSON object, as the model wrote it."""
    result: str | None = None

    def arguments_object(self) -> dict[str, Any]:
        """The arguments where only an object will do; what a model wrote may be none."""
        try:
            value = json.loads(self.arguments or "{}")
        except (ValueError, RecursionError):
            value = None
        return value if isinstance(value, dict) else {"input": self.arguments}


@dataclass(frozen=True, slots=True)
class Message:
    """One node of a chat's tree."""

    id: str
    parent_id: str | None
    role: Role
    text: str
    created_at: float
    state: State = State.COMPLETE
    reasoning: str = ""
    error: str = ""
    model: str = ""
    attachments: tuple[Attachment, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    summarises: int = 0
    """Of how many messages from the beginning this is a summary; 0 is none.

    System messages and other summaries do not count. What follows is answered with the summary in
    their place.
    """

    @property
    def label(self) -> str:
        """What a list calls it."""
        return "summary" if self.summarises else self.role.value


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the model may call."""

    name: str
    description: str
    parameters: str
    """A JSON Schema object."""


@dataclass(frozen=True, slots=True)
class Request:
    """Everything a backend needs to write one answer."""

    model: str
    path: tuple[Message, ...]
    """From the root to the message to answer."""
    answer_id: str
    params: Params = field(default_factory=Params)
    tools: tuple[Tool, ...] = ()
    must_call: tuple[str, ...] = ()
    """The answer is a call of one of these tools; empty leaves that to the model."""
    prefill: str = ""
    """How the answer begins; only what follows it is streamed."""
    raw: bool = False
    """The text of the last message is to be continued as it is: no chat, and no chat template."""
    suffix: str = ""
    """Of a raw request: what comes behind the text that is to be written."""
    chat_id: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    """Local id, the chat's or a message's, to the id a remote gave the same thing."""
    images: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """The bytes of the attached pictures on the path, by digest."""


@dataclass(frozen=True, slots=True)
class CountedPrompt:
    """A request as a model reads it."""

    text: str
    tokens: int | None
    """None where nobody here can count them."""
    context: int | None = None
    """How many the model can read."""
    left_out: int = 0
    """Messages from the beginning that do not fit."""
    whole: int | None = None
    """Tokens with these messages, where that is more."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """Texts as vectors, each of length one, in the order of the texts."""

    vectors: tuple[tuple[float, ...], ...]
    tokens: int
    """Of all texts together."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, counted: ``prompt = cached + evaluated``."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    evaluated_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    """How many of the completion were thought and not said."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds; None where a backend cannot know."""

    queue_ms: float | None = None
    load_ms: float | None = None
    prompt_ms: float | None = None
    first_token_ms: float | None = None
    """From the request to the first token."""
    generation_ms: float | None = None
    """From the first token to the last."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as a list shows it. Zero and empty mean unknown."""

    name: str
    backend: str
    summary: str = ""
    size_bytes: int = 0
    context: int = 0
    capabilities: frozenset[str] = frozenset()
    """Any of ``tools``, ``reasoning``, ``vision``, ``embeddings``."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that is in memory."""

    name: str
    size_bytes: int
    """What it takes: weights, cache and computing, or the memory of its process while it loads."""
    context: int
    """0 while it is being loaded."""
    seconds_left: float | None
    """Until it goes if nobody asks it anything; None is never."""
    gpu_bytes: int = 0
    """What of its size lies in the memory of GPUs."""
