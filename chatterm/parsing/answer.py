"""The parser of a whole answer: it picks the reader that the model's format needs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from chatterm.events import ToolCalled
from chatterm.ids import NewId
from chatterm.messages import Tool, ToolCall
from chatterm.parsing.calls import Call
from chatterm.parsing.channels import ChannelReader
from chatterm.parsing.formats import AnswerFormat, Parsed, Start
from chatterm.parsing.tags import TagReader


class _Reader(Protocol):
    def feed(self, text: str) -> list[Parsed]: ...

    def finish(self) -> list[Parsed]: ...

    @property
    def is_reasoning(self) -> bool: ...


class AnswerParser:
    """Turns the text of one answer into events; any cut of the text gives the same joined parts.

    The text is what the model wrote, special tokens by their texts, without the token that ended
    it. ``tools`` are those that were offered: where there are none, nothing is a call.
    """

    def __init__(
        self,
        answer_format: AnswerFormat,
        *,
        start: Start = Start.ANSWER,
        tools: Iterable[Tool] = (),
        new_id: NewId,
    ) -> None:
        offered = {tool.name: tool for tool in tools}

        def called(call: Call) -> ToolCalled:
            return ToolCalled(ToolCall(new_id(), call.name, call.arguments))

        self._reader: _Reader = (
            ChannelReader(start, offered, called)
            if answer_format.channels
            else TagReader(answer_format, start, offered, called)
        )

    @property
    def is_reasoning(self) -> bool:
        """Whether the model thinks just now, as far as can be told."""
        return self._reader.is_reasoning

    def feed(self, text: str) -> list[Parsed]:
        """What is certain after more of the answer has come."""
        return self._reader.feed(text)

    def finish(self) -> list[Parsed]:
        """What was held back. A call that was cut off comes as text."""
        return self._reader.finish()
