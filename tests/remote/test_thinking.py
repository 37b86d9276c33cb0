"""Tags around reasoning that a server leaves in the text."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatterm.errors import RemoteError
from chatterm.events import Event, ReasoningDelta, Replaced, TextDelta
from chatterm.messages import Message, Request, Role
from chatterm.remote.ollama import OllamaBackend
from chatterm.remote.openai import OpenAIBackend
from chatterm.remote.thinking import Thinking
from tests.remote.connections import http_to
from tests.scripted import drained
from tests.servers.openai import NDJSON, OllamaServer, OpenAIServer, chunk, line, scripted

THOUGHTS = {
    "both tags": ("<think>\nhm, so\n</think>\n\nyes <b>", "hm, so", "yes <b>"),
    "white space first": ("\n<think>hm</think>yes", "hm", "yes"),
    "no first tag": ("hm, so\n</think>\n\nyes", "hm, so", "yes"),
    "never closed": ("<think>hm, so", "hm, so", ""),
    "nothing thought": ("<think>\n\n</think>\n\nyes", "", "yes"),
    "capitals of Mistral": ("[THINK]hm[/THINK]yes", "hm", "yes"),
    "spoken of": ("Put `<think>` and `</think>` around it", "", None),
    "later in the text": ("First.\n<think> is a tag", "", None),
    "no tag at all": ("a < b and b > c", "", None),
    "the beginning of one at the end": ("yes <thi", "", None),
    "an emoji": ("<think>🎉</think>🎉", "🎉", "🎉"),
}
CASES = pytest.mark.parametrize(("said", "thought", "text"), THOUGHTS.values(), ids=THOUGHTS)


def joined(events: Sequence[Event]) -> tuple[str, str]:
    thought, text = "", ""
    for event in events:
        match event:
            case ReasoningDelta(text=more):
                thought += more
            case TextDelta(text=more):
                text += more
            case Replaced(text=whole):
                text = whole
    return thought, text


@CASES
@given(places=st.lists(st.integers(0, 40), max_size=12))
def test_however_it_is_cut(said: str, thought: str, text: str | None, places: list[int]) -> None:
    ends = sorted({min(place, len(said)) for place in places} | {len(said)})
    thinking = Thinking()
    events: list[Event] = []
    for start, end in zip([0, *ends], ends, strict=False):
        events += thinking.say(said[start:end])
    events += thinking.end()
    assert joined(events) == (thought, said if text is None else text)


def test_where_the_server_keeps_it_apart_text_is_text() -> None:
    thinking = Thinking()
    events = [*thinking.think("hm"), *thinking.say("<think>no</think>"), *thinking.end()]
    assert joined(events) == ("hm", "<think>no</think>")


def test_an_answer_that_goes_on_does_not_begin_with_thoughts() -> None:
    thinking = Thinking(goes_on=True)
    events = [*thinking.say("<think> is a tag, and </think> too"), *thinking.end()]
    assert joined(events) == ("", "<think> is a tag, and </think> too")


def request() -> Request:
    return Request("lab/parrot", (Message("m", None, Role.USER, "x", 0.0),), "a")


@CASES
async def test_of_a_server_of_openais_kind(said: str, thought: str, text: str | None) -> None:
    pieces = [said[at : at + 3] for at in range(0, len(said), 3)]
    async with OpenAIServer() as server:
        backend = OpenAIBackend(http_to(server, "/v1"))
        server.next.append(scripted(*(chunk({"content": p}) for p in pieces), b"data: [DONE]\n\n"))
        events = await drained(backend.stream(request()))
        await backend.aclose()
    assert joined(events) == (thought, said if text is None else text)


async def test_of_an_old_ollama() -> None:
    async with OllamaServer() as server:
        backend = OllamaBackend(http_to(server))
        lines = [line(content=p) for p in ("<th", "ink>hm", "</think>", "\n\nyes")]
        server.next.append(scripted(*lines, line(content="", done=True), kind=NDJSON[1]))
        events = await drained(backend.stream(request()))
        await backend.aclose()
    assert joined(events) == ("hm", "yes")


async def test_what_was_held_back_is_kept_when_the_connection_breaks() -> None:
    async with OpenAIServer() as server:
        backend = OpenAIBackend(http_to(server, "/v1"))
        server.next.append(scripted(chunk({"content": "yes <thi"}), end=False))
        events: list[Event] = []
        with pytest.raises(RemoteError):
            async for event in backend.stream(request()):
                events.append(event)
        await backend.aclose()
    assert joined(events) == ("", "yes <thi")
