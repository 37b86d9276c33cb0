"""What happens to streams when clients leave, engines die, queues are full, nothing comes."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import closing
from typing import Any

import httpx
import openai
import pytest
from starlette.responses import PlainTextResponse

from chatterm.engine.hosts import EngineHome, running
from chatterm.paths import Paths
from chatterm.server.openai_common.sse import EventStream, block, comment
from tests.server.serving import Served, add_user
from tests.server.world import world

LONG: dict[str, Any] = {"messages": [{"role": "user", "content": "Tell me of the sea"}]}
ENDLESS = "word " * 2000


def soon(is_so: Callable[[], bool]) -> None:
    """Wait until something is so; it has to be within seconds."""
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def idle(served: Served) -> Callable[[], bool]:
    return lambda: served.server.jobs.running + served.server.jobs.waiting == 0


def hosts(served: Served) -> list[dict[str, Any]]:
    paths = served.server.paths
    return asyncio.run(running(EngineHome(paths.sockets, paths.log_dir, isolated=True)))


# -- clients that leave ----------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 3])
def test_a_client_that_leaves_a_stream_frees_the_engine(
    served: Served, client: openai.OpenAI, n: int
) -> None:
    stream = client.chat.completions.create(
        model="tiny", stream=True, n=n, max_tokens=100_000, **LONG
    )
    next(iter(stream))
    assert served.server.jobs.running == n
    stream.close()
    soon(idle(served))
    (host,) = [one for one in hosts(served) if one["model"].endswith("tiny.gguf")]
    assert host["running"] == host["waiting"] == 0


def test_a_client_that_leaves_before_its_answer_is_whole_frees_the_engine(
    served: Served, client: openai.OpenAI
) -> None:
    body = {"model": "slow", "messages": [{"role": "user", "content": ENDLESS}]}
    for path, more in (
        ("chat/completions", body),
        ("responses", {"model": "slow", "input": ENDLESS}),
    ):
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{served.url}/v1/{path}", json=more, timeout=0.5)
        soon(idle(served))


def test_a_client_that_leaves_a_response_stops_it(served: Served, client: openai.OpenAI) -> None:
    stream = client.responses.create(model="slow", input=ENDLESS, stream=True)
    first = next(iter(stream))
    assert first.type == "response.created"
    stream.close()
    soon(idle(served))
    soon(lambda: client.responses.retrieve(first.response.id).status == "cancelled")


# -- engines that die ------------------------------------------------------------------------


def kill_engine(served: Served, name: str) -> None:
    (host,) = [one for one in hosts(served) if one["model"].endswith(f"{name}.gguf")]
    os.kill(host["pid"], signal.SIGKILL)


def test_a_failure_in_the_middle_of_a_chat_is_an_event(
    served: Served, client: openai.OpenAI
) -> None:
    stream = client.chat.completions.create(model="calls", stream=True, max_tokens=100_000, **LONG)
    next(iter(stream))
    kill_engine(served, "calls")
    with pytest.raises(openai.APIError) as caught:
        for _ in stream:
            pass
    assert caught.value.type == "server_error"
    again = client.chat.completions.create(model="calls", max_tokens=3, **LONG)
    assert again.choices[0].message.content


def test_a_failure_in_the_middle_of_a_response_is_an_event(
    served: Served, client: openai.OpenAI
) -> None:
    stream = client.responses.create(
        model="calls", input="Tell me", stream=True, max_output_tokens=100_000
    )
    events = iter(stream)
    seen = [next(events) for _ in range(5)]
    kill_engine(served, "calls")
    seen += list(events)
    last = seen[-1]
    assert last.type == "response.failed"
    assert last.response.error is not None
    kept = client.responses.retrieve(last.response.id)
    assert kept.status == "failed"
    assert kept.output_text


def test_what_fails_before_it_begins_fails_with_a_status(client: openai.OpenAI) -> None:
    broken = {"grammar": "root ::= ("}
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError, match="grammar"):
            client.chat.completions.create(model="tiny", stream=stream, extra_body=broken, **LONG)
        with pytest.raises(openai.BadRequestError, match="grammar"):
            client.responses.create(model="tiny", input="a", stream=stream, extra_body=broken)


# -- full queues -----------------------------------------------------------------------------


def test_a_full_queue_says_when_to_come_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("q")
    with world(home, queue_size=1, open_jobs=3, engine__sequences=1) as served:
        client = openai.OpenAI(base_url=f"{served.url}/v1", api_key="any", max_retries=0)
        ask: dict[str, Any] = {"messages": [{"role": "user", "content": ENDLESS}]}
        streams = [client.chat.completions.create(model="slow", stream=True, **ask)]
        next(iter(streams[0]))
        waits = client.responses.create(model="slow", input="later", background=True)
        for stream in (False, True):
            with pytest.raises(openai.InternalServerError) as full:
                client.chat.completions.create(model="slow", stream=stream, **ask)
            assert full.value.status_code == 503
            assert int(full.value.response.headers["retry-after"]) >= 1
        client.chat.completions.create(model="echo", messages=[{"role": "user", "content": "hi"}])
        other = client.chat.completions.create(model="tiny", stream=True, max_tokens=10**6, **LONG)
        next(iter(other))
        with pytest.raises(openai.RateLimitError) as many:
            client.chat.completions.create(model="echo", **ask)
        assert many.value.type == "rate_limit_error"
        assert client.responses.retrieve(waits.id).status == "queued"
        streams[0].close()
        other.close()
        soon(lambda: client.responses.retrieve(waits.id).output_text == "later")
        client.close()


# -- who asks --------------------------------------------------------------------------------


def test_nobody_gets_at_what_belongs_to_another(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path_factory.mktemp("u")
    monkeypatch.setenv("CHATTERM_HOME", str(home))
    keys = [add_user("ada"), add_user("bob")]
    with world(home) as served:
        ada, bob, nobody = (
            openai.OpenAI(base_url=f"{served.url}/v1", api_key=key, max_retries=0)
            for key in [*keys, "wrong"]
        )
        with pytest.raises(openai.AuthenticationError) as caught:
            nobody.models.list()
        assert caught.value.code == "invalid_api_key"
        response = ada.responses.create(model="echo", input="secret")
        talk = ada.conversations.create(items=[{"role": "user", "content": "secret"}])
        completion = ada.chat.completions.create(
            model="echo", messages=[{"role": "user", "content": "secret"}], store=True
        )
        (item,) = ada.conversations.items.list(talk.id).data
        assert item.id
        running = ada.responses.create(model="slow", input=ENDLESS, background=True)
        for ask in (
            lambda: bob.responses.retrieve(response.id),
            lambda: bob.responses.delete(response.id),
            lambda: bob.responses.input_items.list(response.id),
            lambda: bob.responses.retrieve(running.id),
            lambda: bob.responses.cancel(running.id),
            lambda: bob.responses.create(model="echo", input="a", conversation=talk.id),
            lambda: bob.conversations.retrieve(talk.id),
            lambda: bob.conversations.update(talk.id, metadata={}),
            lambda: bob.conversations.items.list(talk.id),
            lambda: bob.conversations.items.retrieve(item.id or "", conversation_id=talk.id),
            lambda: bob.conversations.items.create(
                talk.id, items=[{"role": "user", "content": "a"}]
            ),
            lambda: bob.conversations.items.delete(item.id or "", conversation_id=talk.id),
            lambda: bob.conversations.delete(talk.id),
            lambda: bob.chat.completions.retrieve(completion.id),
            lambda: bob.chat.completions.update(completion.id, metadata={}),
            lambda: bob.chat.completions.messages.list(completion.id),
            lambda: bob.chat.completions.delete(completion.id),
        ):
            with pytest.raises(openai.NotFoundError):
                ask()
        with pytest.raises(openai.BadRequestError):
            bob.responses.create(model="echo", input="a", previous_response_id=response.id)
        assert not bob.chat.completions.list().data
        assert ada.responses.retrieve(response.id).output_text == "secret"
        assert ada.responses.cancel(running.id).status == "cancelled"
        for one in (ada, bob, nobody):
            one.close()


def test_an_account_that_is_deleted_takes_everything_along(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path_factory.mktemp("d")
    monkeypatch.setenv("CHATTERM_HOME", str(home))
    key = add_user("ada")
    with world(home) as served:
        client = openai.OpenAI(base_url=f"{served.url}/v1", api_key=key, max_retries=0)
        talk = client.conversations.create(items=[{"role": "user", "content": "secret"}])
        client.responses.create(model="echo", input="secret", conversation=talk.id)
        client.responses.create(model="slow", input=ENDLESS, background=True)
        ask: Any = [{"role": "user", "content": "secret"}]
        client.chat.completions.create(model="echo", messages=ask, store=True)
        gone = httpx.delete(f"{served.url}/account", headers={"Authorization": f"Bearer {key}"})
        assert gone.status_code == 200
        soon(idle(served))
        client.close()
    tables = ("completions", "responses", "conversations", "items")
    with closing(sqlite3.connect(Paths.from_environment(os.environ).server_database)) as db:
        for table in tables:
            assert db.execute(f"SELECT count(*) FROM server_{table}").fetchone() == (0,)


# -- the event stream itself -----------------------------------------------------------------


class Line:
    """The server's end of a connection, for a response to be sent through."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.gone = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    @property
    def text(self) -> str:
        return b"".join(m.get("body", b"") for m in self.sent).decode()

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])


def told(source: AsyncGenerator[str, None], **times: float) -> EventStream:
    return EventStream(
        source,
        failed=lambda error: block({"error": str(error)}),
        refused=lambda error: PlainTextResponse(str(error), 418),
        **times,
    )


async def test_a_comment_keeps_the_line_open() -> None:
    go = asyncio.Event()

    async def source() -> AsyncGenerator[str, None]:
        yield block(1)
        await go.wait()
        yield block(2)

    line = Line()
    sending = asyncio.create_task(told(source(), keep_alive=0.01)({}, line.receive, line.send))
    while line.text.count(": keep-alive") < 3:
        await asyncio.sleep(0)
    go.set()
    await sending
    assert line.text.startswith("data: 1\n\n: keep-alive\n\n")
    assert line.text.endswith("data: 2\n\n")
    assert line.sent[-1]["more_body"] is False


async def test_a_slow_beginning_is_answered_with_what_it_waits_for() -> None:
    go = asyncio.Event()

    async def source() -> AsyncGenerator[str, None]:
        yield comment("waiting: 3 before this")
        yield comment("waiting: 2 before this")
        await go.wait()
        raise ValueError("too late")

    line = Line()
    sending = asyncio.create_task(told(source(), start=0.01)({}, line.receive, line.send))
    while not line.text:
        await asyncio.sleep(0)
    go.set()
    await sending
    assert line.status == 200
    assert line.text == ': waiting: 2 before this\n\ndata: {"error":"too late"}\n\n'


async def test_what_fails_at_once_has_a_status_even_behind_a_comment() -> None:
    async def source() -> AsyncGenerator[str, None]:
        yield comment("prompt: 1 of 2")
        raise ValueError("no")

    line = Line()
    await told(source())({"type": "http"}, line.receive, line.send)
    assert line.status == 418
    assert line.text == "no"


async def test_a_source_is_closed_when_its_reader_goes() -> None:
    closed = asyncio.Event()

    async def source() -> AsyncGenerator[str, None]:
        try:
            yield block(1)
            await asyncio.Event().wait()
        finally:
            closed.set()

    line = Line()
    sending = asyncio.create_task(told(source())({}, line.receive, line.send))
    while not line.text:
        await asyncio.sleep(0)
    line.gone.set()
    await sending
    assert closed.is_set()
