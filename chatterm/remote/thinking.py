"""Keeps apart what a model thinks and what it says, where its server does not.

Good servers send reasoning in a field of its own; then text is text. Others leave the tags in it,
some even without the first one, because the prompt has already written that.
"""

from __future__ import annotations

from chatterm.events import ReasoningDelta, TextDelta
from chatterm.parsing import AnswerFormat, AnswerParser, Parsed, Start, Tags
from chatterm.remote.text import Pieces

_TAGS = AnswerFormat(
    reasoning=(
        Tags("<think>", "</think>", stray=True),
        Tags("<thinking>", "</thinking>"),
        Tags("[THINK]", "[/THINK]"),
    )
)


class Thinking:
    """Of one answer. What may be the beginning of a tag is held back, until ``end``."""

    def __init__(self, *, goes_on: bool = False) -> None:
        """``goes_on`` is for an answer whose beginning was sent along."""
        self._text = Pieces()
        self._reasoning = Pieces()
        start = Start.TEXT if goes_on else Start.ANSWER
        self._parser: AnswerParser | None = AnswerParser(_TAGS, start=start, new_id=str)

    def say(self, piece: str) -> list[Parsed]:
        """More of the text."""
        text = self._text.join(piece)
        if self._parser is None or not text:
            return [TextDelta(text)] if text else []
        return self._parser.feed(text)

    def think(self, piece: str) -> list[Parsed]:
        """More of what the server itself calls reasoning."""
        thought = self._reasoning.join(piece)
        if not thought:
            return []
        return [*self.end(), ReasoningDelta(thought)]

    def end(self) -> list[Parsed]:
        """What was held back. From now on text is text."""
        parser, self._parser = self._parser, None
        return parser.finish() if parser is not None else []
