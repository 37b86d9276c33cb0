"""The answer that is being written, as far as it has come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

from chatterm.events import Progress, Queued, ReasoningDelta, Replaced, TextDelta, ToolCalled
from chatterm.messages import Message, ToolCall

Growth: TypeAlias = TextDelta | ReasoningDelta | ToolCalled | Replaced


@dataclass
class Writing:
    """What has come, and how quickly."""

    began: float
    model: str = ""
    stage: Queued | Progress | None = None
    doing: str = ""
    """What a plugin does before the first word, or what is waited for."""
    first_token: float | None = None
    tokens: int = 0
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    tool_calls: list[ToolCall] = field(default_factory=list)
    message_id: str | None = None
    prefill: str = ""
    is_cut: bool = False
    """Whether the model was given less than the whole chat."""

    def begin(self, row: Message) -> None:
        """The answer has its row in the store, and perhaps the words that it goes on from."""
        self.message_id = row.id
        self.prefill = row.text
        self.text.insert(0, row.text)

    def grew(self, event: Growth, monotonic: Callable[[], float]) -> None:
        match event:
            case TextDelta(text=text):
                self.text.append(text)
            case Replaced(text=text):
                self.text = [self.prefill, text]
            case ReasoningDelta(text=text):
                self.reasoning.append(text)
            case ToolCalled(call=call):
                self.tool_calls.append(call)
            case _:
                assert_never(event)
        self.tokens += 1
        if self.first_token is None:
            self.first_token = monotonic()
            self.stage = None
            self.doing = ""

    def so_far(self, row: Message) -> Message:
        """The message with the words that are not stored yet."""
        return replace(
            row,
            text="".join(self.text),
            reasoning="".join(self.reasoning),
            tool_calls=tuple(self.tool_calls),
        )

    def speed(self, now: float) -> float | None:
        """Tokens a second, once that means something."""
        if self.first_token is None or now - self.first_token < 0.2:
            return None
        return self.tokens / (now - self.first_token)
