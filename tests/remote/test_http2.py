"""Servers that offer HTTP/2: HTTP/1.1 is chosen, and stopping is heard."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
import trustme

from chatterm.events import TextDelta
from chatterm.messages import Message, Request, Role
from chatterm.remote._http import Http
from chatterm.remote.address import parse_address
from chatterm.remote.openai import OpenAIBackend
from tests.remote.connections import QUICK
from tests.scripted import drained
from tests.servers.openai import OpenAIServer


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[OpenAIServer]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    offering = OpenAIServer(pause=0.02)
    offering.tls = context
    async with offering:
        yield offering


@pytest.fixture
async def backend(server: OpenAIServer, tmp_path: Path) -> AsyncIterator[OpenAIBackend]:
    address = parse_address(f"{server.url}/v1")
    http = Http("lab", address, limits=QUICK, ca_file=str(tmp_path / "ca.pem"))
    opened = OpenAIBackend(http)
    yield opened
    await opened.aclose()


def request(text: str) -> Request:
    return Request("lab/parrot", (Message("m", None, Role.USER, text, 0.0),), "a")


async def test_an_answer_comes_whole(backend: OpenAIBackend) -> None:
    events = await drained(backend.stream(request("one two")))
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "one two"


async def test_stopping_reaches_the_server(backend: OpenAIBackend, server: OpenAIServer) -> None:
    async with aclosing(backend.stream(request("word " * 500))) as events:
        assert isinstance(await anext(events), TextDelta)
    async with asyncio.timeout(5):
        await server.idle.wait()
    assert server.closed_by_client == 1
