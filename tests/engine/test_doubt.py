"""An answer whose first tokens were unlikely is followed by a notice."""

from __future__ import annotations

import math
import threading
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from chatterm.engine.doubt import FIRST_TOKENS, NO_DOUBT, Doubt
from chatterm.events import Done, Event, Notice, TextDelta, TokenLogprob
from chatterm.messages import Request, Stop
from chatterm.params import Params
from tests.contract.suite import request

ASKED = request("guide", "first", "answered", "second")


def answer(*chances: float) -> list[Event]:
    words = [TextDelta("w", (TokenLogprob("w", math.log(chance)),)) for chance in chances]
    return [*words, Done(Stop.END)]


async def seen(doubt: Doubt, events: list[Event], asked: Request = ASKED) -> list[Event]:
    async def played() -> AsyncGenerator[Event, None]:
        for event in events:
            yield event

    return [event async for event in doubt.noticed(asked, played())]


def notices(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Notice)]


async def test_one_unlikely_token_is_enough_and_the_notice_comes_before_the_end() -> None:
    events = await seen(Doubt(0.75), answer(0.99, 0.7, 0.99))
    assert [type(event) for event in events[-2:]] == [Notice, Done]
    assert notices(events) == ["guide is not sure of this answer"]


@pytest.mark.parametrize(
    "chances", [(0.99, 0.76, 0.8), (*[0.9] * FIRST_TOKENS, 0.1), ()], ids=["sure", "late", "empty"]
)
async def test_likely_first_tokens_leave_no_doubt(chances: tuple[float, ...]) -> None:
    assert not notices(await seen(Doubt(0.75), answer(*chances)))


async def test_what_is_near_the_last_prompt_is_named() -> None:
    asked: list[tuple[str, bool]] = []

    def suggest(prompt: str) -> list[str]:
        asked.append((prompt, threading.current_thread() is threading.main_thread()))
        return ["chatterm search", "chatterm paths"]

    said = notices(await seen(Doubt(0.75, suggest), answer(0.1)))
    assert said[0].endswith("the nearest commands: chatterm search, chatterm paths")
    assert asked == [("second", False)], "looking up holds up no screen"


async def test_probabilities_are_asked_for_and_shown_only_to_who_wants_them() -> None:
    doubt = Doubt(0.75)
    assert doubt.asking(ASKED).params.logprobs == 0
    assert all(not e.logprobs for e in await seen(doubt, answer(0.9)) if isinstance(e, TextDelta))
    wanting = replace(ASKED, params=Params(logprobs=2))
    assert doubt.asking(wanting) == wanting
    assert await seen(doubt, answer(0.9), wanting) == answer(0.9)


async def test_other_models_are_left_alone() -> None:
    assert NO_DOUBT.asking(ASKED) is ASKED
    assert await seen(NO_DOUBT, answer(0.1)) == answer(0.1)
