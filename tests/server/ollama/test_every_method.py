"""Every method that Ollama's client has, by both clients.

The methods are found by looking at the client: one that is new fails here until it is called, or
until it is written down why it is not.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ollama
import pytest

TALK = [{"role": "user", "content": "hello"}]
Call = Callable[[Any], Any]
CALLS: dict[str, Call] = {
    "chat": lambda c: c.chat("echo", TALK),
    "generate": lambda c: c.generate("echo", "hello"),
    "embed": lambda c: c.embed("vectors", ["one", "two"]),
    "embeddings": lambda c: c.embeddings("vectors", "one"),
    "list": lambda c: c.list(),
    "ps": lambda c: c.ps(),
    "show": lambda c: c.show("tiny"),
}
STREAMS: dict[str, Call] = {
    "chat": lambda c: c.chat("echo", TALK, stream=True),
    "generate": lambda c: c.generate("echo", "hello", stream=True),
}
REFUSED: dict[str, tuple[Call, str]] = {
    "create": (lambda c: c.create("mine", from_="echo", system="be brief"), "models add"),
    "push": (lambda c: c.push("echo"), "sends no model away"),
    "create_blob": (lambda c: c.create_blob(Path(__file__)), "models add"),
    "systemone": (
        lambda c: c.systemone("echo", state={"text": "x"}, questions={}),
        "no such path here",
    ),
}
ELSEWHERE = {
    "pull": "brings a file from a hub of the test's own, in test_changing.py",
    "copy": "changes what there is, in test_models_come_and_go",
    "delete": "changes what there is, in test_models_come_and_go",
    "close": "says nothing to a server; every fixture calls it",
    "web_search": "asks ollama.com and no other address, whatever the client's host",
    "web_fetch": "asks ollama.com and no other address, whatever the client's host",
}


def methods(client: type) -> set[str]:
    return {
        name
        for name, _ in inspect.getmembers(client, inspect.isfunction)
        if not name.startswith("_")
    }


def test_no_method_is_without_a_test_or_a_reason() -> None:
    known = {*CALLS, *REFUSED, *ELSEWHERE}
    assert methods(ollama.Client) == methods(ollama.AsyncClient) == known


@pytest.mark.parametrize("name", list(CALLS))
def test_a_method_works(client: ollama.Client, name: str) -> None:
    assert CALLS[name](client)


@pytest.mark.parametrize("name", list(CALLS))
async def test_a_method_works_asynchronously(aclient: ollama.AsyncClient, name: str) -> None:
    assert await CALLS[name](aclient)


@pytest.mark.parametrize("name", list(STREAMS))
def test_a_stream_ends_with_its_reason(client: ollama.Client, name: str) -> None:
    assert list(STREAMS[name](client))[-1].done_reason == "stop"


@pytest.mark.parametrize("name", list(STREAMS))
async def test_an_asynchronous_stream_ends_with_its_reason(
    aclient: ollama.AsyncClient, name: str
) -> None:
    assert [part async for part in await STREAMS[name](aclient)][-1].done_reason == "stop"


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_is_not_served_says_what_to_do(client: ollama.Client, name: str) -> None:
    call, words = REFUSED[name]
    with pytest.raises(ollama.ResponseError, match=words) as refused:
        call(client)
    assert 400 <= refused.value.status_code < 500


@pytest.mark.parametrize("name", list(REFUSED))
async def test_what_is_not_served_says_so_asynchronously(
    aclient: ollama.AsyncClient, name: str
) -> None:
    call, words = REFUSED[name]
    with pytest.raises(ollama.ResponseError, match=words):
        await call(aclient)


async def test_models_come_and_go(client: ollama.Client, aclient: ollama.AsyncClient) -> None:
    assert client.copy("tiny", "tiny-copy").status == "success"
    assert "tiny-copy:latest" in {one.model for one in client.list().models}
    assert (await aclient.delete("tiny-copy")).status == "success"
    assert (await aclient.copy("tiny", "tiny-again")).status == "success"
    assert client.delete("tiny-again").status == "success"
    assert not {one.model for one in client.list().models} & {
        "tiny-copy:latest",
        "tiny-again:latest",
    }
