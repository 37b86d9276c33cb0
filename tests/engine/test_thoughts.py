"""How many tokens of an answer were thought: those between the markers, and the markers."""

from __future__ import annotations

from typing import Any, cast

import pytest

from chatterm.engine import wire
from chatterm.engine.answers import AnswerStream
from chatterm.engine.prompts import AnswerMemory, Tokenizer
from chatterm.events import Done
from chatterm.messages import Stop, Timings, Usage
from chatterm.parsing import AnswerFormat, AnswerParser, Start, StopStrings, Tags

THINK = AnswerFormat(reasoning=(Tags("<think>", "</think>", stray=True),), strips=True)
CHANNELS = AnswerFormat(channels=True)


class NoTokenizer:
    """Answers with special tokens are not remembered, so nothing else is asked of it."""

    def is_special(self, token: int) -> bool:
        return True


def thoughts(pieces: list[bytes], answer_format: AnswerFormat, start: Start, *stops: str) -> int:
    """The reasoning tokens of an answer of these tokens."""
    sent: list[dict[str, Any]] = []
    stream = AnswerStream(
        AnswerParser(answer_format, start=start, new_id=lambda: "id"),
        StopStrings(stops),
        lambda token: pieces[token],
        AnswerMemory(cast(Tokenizer, NoTokenizer())),
        send=sent.append,
        end=lambda: None,
        is_gone=lambda: False,
    )
    for token in range(len(pieces)):
        if stream.token(token, None) is not None:
            break
    stream.finished(Stop.END, Usage(completion_tokens=len(pieces)), Timings())
    done = wire.event_from_json(sent[-1])
    assert isinstance(done, Done)
    assert done.usage.completion_tokens == len(pieces)
    return done.usage.reasoning_tokens


@pytest.mark.parametrize(
    ("pieces", "start", "count"),
    [
        ([b"Hello", b" you"], Start.ANSWER, 0),
        ([b"<think>", b"hm", b" so", b"</think>", b"\n\n", b"Yes", b"."], Start.ANSWER, 4),
        ([b"hm", b" so", b"</", b"think", b">", b"Yes"], Start.REASONING, 5),
        ([b"hm", b" so"], Start.REASONING, 2),
        ([b"hm", b" so", b"</think>", b"Yes"], Start.ANSWER, 3),
        ([b"hm \xe2", b"\x82", b"\xac", b"</think>", b"Yes \xe2", b"\x82\xac"], Start.REASONING, 4),
    ],
    ids=["none", "tags", "open already", "never closed", "never opened", "parts of letters"],
)
def test_tokens_between_tags_are_thoughts(pieces: list[bytes], start: Start, count: int) -> None:
    assert thoughts(pieces, THINK, start) == count


def test_tokens_of_the_analysis_channel_are_thoughts() -> None:
    analysis = [b"<|channel|>", b"analysis", b"<|message|>", b"hm", b" so", b"<|end|>"]
    final = [b"<|start|>", b"assistant", b"<|channel|>", b"final", b"<|message|>", b"Yes"]
    assert thoughts([*analysis, *final], CHANNELS, Start.ANSWER) == 4
