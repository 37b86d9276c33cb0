"""What a backend says while it answers: a closed union, matched with ``assert_never``.

The order is part of the contract: ``Queued`` and ``Progress`` only before the first delta, then
deltas, then exactly one ``Done``, last. A failure is a raised ``ChattermError``, never an event.

``Replaced`` is for servers whose final text is not what they streamed. The text of an answer is
that of its last ``Replaced``, or nothing, and the deltas after it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from chatterm.messages import Stop, Timings, ToolCall, Usage

Stage: TypeAlias = Literal["load", "prompt"]
NoticeKind: TypeAlias = Literal["context", "doubt", "memory", "plugin", "remote", "waiting"]


@dataclass(frozen=True, slots=True)
class Queued:
    """Waiting for its turn; ``position`` 0 is next."""

    position: int
    size: int


@dataclass(frozen=True, slots=True)
class Progress:
    """Work before the first token, in units of the stage: per mille of a load, prompt tokens."""

    stage: Stage
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """How likely a token was, and what else was likely in its place."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More of the answer; never empty, never half a character."""

    text: str
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class Replaced:
    """The text so far, in place of all that was streamed; it may be empty."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More of what the model thinks before it answers."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """The model asked for a function; its arguments are complete."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user must know and that is no failure.

    ``plugin`` and ``waiting`` say what goes on before the first word, and hold no longer than that.
    """

    kind: NoticeKind
    text: str


@dataclass(frozen=True, slots=True)
class Linked:
    """A remote gave the local thing an id of its own."""

    local_id: str
    remote_id: str


@dataclass(frozen=True, slots=True)
class Done:
    """The end of a whole answer; always the last event."""

    stop: Stop
    usage: Usage = field(default_factory=Usage)
    timings: Timings = field(default_factory=Timings)


Event: TypeAlias = (
    Queued | Progress | TextDelta | Replaced | ReasoningDelta | ToolCalled | Notice | Linked | Done
)
