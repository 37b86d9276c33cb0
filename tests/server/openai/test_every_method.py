"""Every method that OpenAI's client has for these APIs, by both clients and in every manner.

The methods are found by looking at the client: one that is new fails here until it is called, or
until it is written down why it is not.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import openai
import pytest
from openai._resource import AsyncAPIResource, SyncAPIResource
from pydantic import BaseModel

from tests.server.serving import Served

TALK: Any = [{"role": "user", "content": "Tell me of the sea"}]


class Place(BaseModel):
    sea: bool


@dataclass(frozen=True)
class Made:
    """What a method can be asked about; made anew for every call."""

    completion: str
    response: str
    background: str
    conversation: str
    item: str
    model: str


Call = Callable[[Any, Made], Any]
CALLS: dict[str, Call] = {
    "chat.completions.create": lambda r, _: r.create(model="echo", messages=TALK),
    "chat.completions.parse": lambda r, _: r.parse(
        model="tiny", messages=TALK, response_format=Place, max_tokens=200
    ),
    "chat.completions.list": lambda r, _: r.list(limit=2),
    "chat.completions.retrieve": lambda r, m: r.retrieve(m.completion),
    "chat.completions.update": lambda r, m: r.update(m.completion, metadata={"a": "b"}),
    "chat.completions.delete": lambda r, m: r.delete(m.completion),
    "chat.completions.messages.list": lambda r, m: r.list(m.completion),
    "completions.create": lambda r, _: r.create(model="echo", prompt="one two"),
    "embeddings.create": lambda r, _: r.create(model="vectors", input="the sea"),
    "models.list": lambda r, _: r.list(),
    "models.retrieve": lambda r, _: r.retrieve("echo"),
    "models.delete": lambda r, m: r.delete(m.model),
    "responses.create": lambda r, _: r.create(model="echo", input="hello"),
    "responses.parse": lambda r, _: r.parse(
        model="tiny", input="hello", text_format=Place, max_output_tokens=200
    ),
    "responses.retrieve": lambda r, m: r.retrieve(m.response),
    "responses.compact": lambda r, _: r.compact(model="tiny", input=TALK),
    "responses.cancel": lambda r, m: r.cancel(m.background),
    "responses.delete": lambda r, m: r.delete(m.response),
    "responses.input_items.list": lambda r, m: r.list(m.response),
    "responses.input_tokens.count": lambda r, _: r.count(model="tiny", input="hello"),
    "conversations.create": lambda r, _: r.create(metadata={"a": "b"}),
    "conversations.retrieve": lambda r, m: r.retrieve(m.conversation),
    "conversations.update": lambda r, m: r.update(m.conversation, metadata={"a": "b"}),
    "conversations.delete": lambda r, m: r.delete(m.conversation),
    "conversations.items.create": lambda r, m: r.create(m.conversation, items=TALK),
    "conversations.items.list": lambda r, m: r.list(m.conversation),
    "conversations.items.retrieve": lambda r, m: r.retrieve(m.item, conversation_id=m.conversation),
    "conversations.items.delete": lambda r, m: r.delete(m.item, conversation_id=m.conversation),
}
ELSEWHERE = {
    "chat.completions.stream": "a helper over create, in test_the_helpers_follow_a_stream",
    "responses.stream": "a helper over create, in test_the_helpers_follow_a_stream",
    "responses.connect": "a websocket, refused in test_no_websocket_is_opened",
}
OTHER_APIS = {
    "admin": "of an organisation at OpenAI",
    "audio": "no model here hears or speaks",
    "batches": "no files are taken here",
    "beta": "assistants and threads, which OpenAI has shut down",
    "containers": "nothing is run here",
    "content_provenance_checks": "of pictures made at OpenAI",
    "decisions": "of OpenAI's own safety service",
    "evals": "no files are taken here",
    "files": "no files are taken here",
    "fine_tuning": "no model is trained here",
    "images": "no model here draws",
    "live": "no model here hears or speaks",
    "moderations": "no model here judges texts",
    "realtime": "no model here hears or speaks",
    "safety": "of OpenAI's own safety service",
    "skills": "no files are taken here",
    "uploads": "no files are taken here",
    "vector_stores": "no files are taken here",
    "videos": "no model here films",
    "webhooks": "OpenAI calls those; they are checked without a server",
}
SERVED = ("chat", "completions", "conversations", "embeddings", "models", "responses")
MANNERS = ("plain", "with_raw_response", "with_streaming_response")


def resources(client: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every resource of a client, by its path."""
    for name, member in inspect.getmembers_static(type(client)):
        if name.startswith(("_", "with_")) or not hasattr(member, "__get__"):
            continue
        if inspect.isfunction(member):
            continue
        try:
            found = getattr(client, name)
        except Exception:  # noqa: BLE001  (not a resource, whatever it wants)
            continue
        if isinstance(found, SyncAPIResource | AsyncAPIResource):
            yield prefix + name, found
            yield from resources(found, f"{prefix}{name}.")


def methods(client: Any) -> set[str]:
    """Every method of the resources that are served."""
    found = set()
    for path, resource in resources(client):
        if path.partition(".")[0] in SERVED:
            names = [name for name, _ in inspect.getmembers(type(resource), inspect.isfunction)]
            found |= {f"{path}.{name}" for name in names if not name.startswith("_")}
    return found


def resource_of(client: Any, name: str) -> Any:
    found = client
    for part in name.split(".")[:-1]:
        found = getattr(found, part)
    return found


@pytest.fixture
def made(served: Served, client: openai.OpenAI) -> Iterator[Made]:
    conversation = client.conversations.create(items=TALK)
    running = client.responses.create(model="slow", input="word " * 50, background=True)
    copied = {"source": "echo", "destination": "spare"}
    assert httpx.post(f"{served.url}/api/copy", json=copied).status_code == 200
    yield Made(
        completion=client.chat.completions.create(model="echo", messages=TALK, store=True).id,
        response=client.responses.create(model="echo", input="hello").id,
        background=running.id,
        conversation=conversation.id,
        item=client.conversations.items.list(conversation.id).data[0].id or "",
        model="spare",
    )
    client.responses.cancel(running.id)


def test_no_method_is_without_a_test_or_a_reason(
    client: openai.OpenAI, aclient: openai.AsyncOpenAI
) -> None:
    known = {*CALLS, *ELSEWHERE}
    assert methods(client) == methods(aclient) == known
    tops = {path for path, _ in resources(client) if "." not in path}
    assert tops == {*SERVED, *OTHER_APIS}


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("name", list(CALLS))
def test_a_method_works(client: openai.OpenAI, made: Made, name: str, manner: str) -> None:
    resource = resource_of(client, name)
    method = name.rpartition(".")[2]
    if manner == "plain":
        CALLS[name](resource, made)
        return
    wrapped = getattr(resource, manner)
    if not hasattr(wrapped, method):
        assert name == "responses.parse", "the client has no such manner of it"
        return
    if manner == "with_raw_response":
        raw = CALLS[name](wrapped, made)
        assert raw.status_code == 200
        raw.parse()
        return
    with CALLS[name](wrapped, made) as streamed:
        assert streamed.status_code == 200
        assert streamed.headers["content-type"].startswith("application/json")
        assert streamed.read()


@pytest.mark.parametrize("name", list(CALLS))
async def test_a_method_works_asynchronously(
    aclient: openai.AsyncOpenAI, made: Made, name: str
) -> None:
    await CALLS[name](resource_of(aclient, name), made)


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.files.list(),
        lambda client: client.images.generate(prompt="a sea"),
        lambda client: client.moderations.create(input="a sea"),
        lambda client: client.audio.speech.create(input="a", model="m", voice="v"),
        lambda client: client.vector_stores.list(),
        lambda client: client.batches.list(),
    ],
)
def test_other_apis_are_404_and_the_served_ones_are_named(
    client: openai.OpenAI, ask: Callable[[openai.OpenAI], Any]
) -> None:
    with pytest.raises(openai.NotFoundError, match="chat completions"):
        ask(client)


def test_the_helpers_follow_a_stream(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="echo", messages=TALK) as stream:
        assert stream.get_final_completion().choices[0].message.content
    with client.responses.stream(model="echo", input="hello") as events:
        assert events.get_final_response().output_text == "hello"


async def test_the_asynchronous_helpers_follow_a_stream(aclient: openai.AsyncOpenAI) -> None:
    async with aclient.chat.completions.stream(model="echo", messages=TALK) as stream:
        assert (await stream.get_final_completion()).choices[0].message.content
    async with aclient.responses.stream(model="echo", input="hello") as events:
        assert (await events.get_final_response()).output_text == "hello"


def test_no_websocket_is_opened(served: Served, client: openai.OpenAI) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    with pytest.raises(openai.APIStatusError, match="takes no such request") as refused:
        client.get(
            "/responses",
            cast_to=object,
            options={"headers": upgrade | {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}},
        )
    assert refused.value.status_code == 405
