"""Manners on the network: limits, redirects, certificates, and what never leaves."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from chatterm.errors import BadReply, ConfigError, Refused, RemoteError, Unreachable
from chatterm.remote._http import Cut, Http
from chatterm.remote.address import parse_address
from chatterm.remote.failures import failure, retry_after, said
from tests.remote.connections import QUICK, http_to
from tests.servers.wire import Connection, Request, WireServer

KEY = "sk-very-secret-0123456789"


async def say_ok(_: Request, connection: Connection) -> None:
    await connection.reply(200, b'{"ok":1}', [("content-length", "8")])


@pytest.fixture
async def server() -> AsyncIterator[WireServer]:
    async with WireServer(say_ok) as running:
        yield running


def answers(server: WireServer, status: int, *headers: tuple[str, str], body: bytes = b"") -> None:
    async def handle(_: Request, connection: Connection) -> None:
        await connection.reply(status, body, [("content-length", str(len(body))), *headers])

    server.handle = handle


async def error_of(http: Http, path: str = "/x") -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        await http.request("GET", path)
    await http.aclose()
    return caught.value


async def test_headers_that_drip_are_given_up(server: WireServer) -> None:
    async def drip(_: Request, connection: Connection) -> None:
        await connection.raw(b"HTTP/1.1 200 OK\r\n")
        while True:
            await connection.raw(b"x: y\r\n")
            await asyncio.sleep(0.01)

    server.handle = drip
    error = await error_of(http_to(server, limits=replace(QUICK, reply=0.2)))
    assert isinstance(error, Unreachable)
    assert "within 0.2 seconds" in error.message


async def test_a_stream_that_falls_silent_is_cut(server: WireServer) -> None:
    async def begin(_: Request, connection: Connection) -> None:
        await connection.reply(200, b"", [("transfer-encoding", "chunked")])
        await connection.chunk(b"hello")
        await asyncio.Event().wait()

    server.handle = begin
    http = http_to(server, limits=replace(QUICK, idle=0.1))
    got = []
    with pytest.raises(Cut):
        async with http.stream("GET", "/") as reply:
            async for chunk in reply.chunks():
                got.append(chunk)
    assert got == [b"hello"]
    await http.aclose()


async def test_a_stream_without_end_is_ended(server: WireServer) -> None:
    async def flood(_: Request, connection: Connection) -> None:
        await connection.reply(200, b"", [("transfer-encoding", "chunked")])
        while True:
            await connection.chunk(b"x")
            await asyncio.sleep(0.005)

    server.handle = flood
    http = http_to(server, limits=replace(QUICK, answer=0.1))
    with pytest.raises(Unreachable, match="come to an end"):
        async with http.stream("GET", "/") as reply:
            async for _ in reply.chunks():
                pass
    await http.aclose()


async def test_leaving_a_stream_closes_its_connection(server: WireServer) -> None:
    async def begin(_: Request, connection: Connection) -> None:
        await connection.reply(200, b"", [("transfer-encoding", "chunked")])
        await connection.chunk(b"hello")
        await asyncio.Event().wait()

    server.handle = begin
    http = http_to(server)
    async with http.stream("GET", "/") as reply:
        async for _ in reply.chunks():
            break
    async with asyncio.timeout(5):
        await server.idle.wait()
    assert server.closed_by_client == 1
    await http.aclose()


async def test_nobody_listening_is_unreachable(server: WireServer) -> None:
    await server.stop()
    assert isinstance(await error_of(http_to(server)), Unreachable)


async def test_a_connection_cut_before_the_reply_is_told(server: WireServer) -> None:
    async def hang_up(_: Request, connection: Connection) -> None:
        connection.cut()

    server.handle = hang_up
    assert isinstance(await error_of(http_to(server)), Cut)


async def test_what_is_no_http_is_told(server: WireServer) -> None:
    async def ssh(_: Request, connection: Connection) -> None:
        await connection.raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")

    server.handle = ssh
    assert isinstance(await error_of(http_to(server)), Unreachable)


async def test_a_redirect_within_the_server_keeps_method_body_and_key(server: WireServer) -> None:
    async def slash(request: Request, connection: Connection) -> None:
        if not request.path.endswith("/"):
            there = ("location", f"{server.url}{request.path}/")
            await connection.reply(307, b"", [("content-length", "0"), there])
        else:
            await say_ok(request, connection)

    server.handle = slash
    http = http_to(server, key=KEY)
    assert (await http.request("POST", "/chats", body={"a": 1})).json() == {"ok": 1}
    last = server.requests[-1]
    assert (last.method, last.path, last.json) == ("POST", "/chats/", {"a": 1})
    assert last.headers["authorization"] == f"Bearer {KEY}"
    await http.aclose()


async def test_a_redirect_to_another_host_is_refused_and_gets_nothing(server: WireServer) -> None:
    async with WireServer(say_ok) as other:
        for status in (302, 307):
            answers(server, status, ("location", f"{other.url}/login"))
            error = await error_of(http_to(server, key=KEY))
            assert isinstance(error, Refused)
            assert "redirects to another host" in error.message
        assert other.requests == []


async def test_redirects_in_a_circle_end(server: WireServer) -> None:
    answers(server, 307, ("location", f"{server.url}/x"))
    assert isinstance(await error_of(http_to(server)), BadReply)


async def test_a_certificate_nobody_vouches_for_is_refused_and_a_known_one_is_not(
    tmp_path: Path,
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with WireServer(say_ok, tls=context) as server:
        error = await error_of(http_to(server, key=KEY))
        assert "certificate" in error.message
        assert "network.ca_file" in error.hint
        assert server.requests == []

        known = tmp_path / "ca.pem"
        authority.cert_pem.write_to_path(str(known))
        http = http_to(server, key=KEY, ca_file=str(known))
        assert (await http.request("GET", "/")).ok
        await http.aclose()


async def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example").configure_cert(context)
    known = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(known))
    async with WireServer(say_ok, tls=context) as server:
        error = await error_of(http_to(server, key=KEY, ca_file=str(known)))
        assert "certificate" in error.message
        assert server.requests == []


def test_certificates_that_cannot_be_read_name_the_setting(tmp_path: Path) -> None:
    http = Http("lab", parse_address("https://127.0.0.1:1"), ca_file=str(tmp_path / "none.pem"))
    with pytest.raises(ConfigError, match="cannot be read"):
        asyncio.run(http.request("GET", "/"))


def test_without_encryption_only_this_machine_is_asked() -> None:
    with pytest.raises(ConfigError, match="without encryption"):
        Http("lab", parse_address("http://chat.example.org"))
    Http("lab", parse_address("http://chat.example.org"), insecure=True)
    for here in ("http://localhost:1", "http://127.9.9.9", "http://[::1]:8080"):
        Http("lab", parse_address(here))


async def test_offline_nothing_is_sent(server: WireServer) -> None:
    error = await error_of(http_to(server, offline=True))
    assert "switched off" in error.message
    assert server.requests == []


async def test_what_goes_to_this_machine_goes_through_no_proxy(
    server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    http = http_to(server)
    assert (await http.request("GET", "/")).ok
    await http.aclose()


async def test_what_goes_elsewhere_goes_through_the_proxy(
    server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    address = parse_address("http://chat.example.org")
    http = Http("lab", address, limits=QUICK, insecure=True)
    assert (await http.request("GET", "/models")).ok
    assert server.requests[0].target == "http://chat.example.org/models"
    await http.aclose()


async def test_a_key_that_a_server_repeats_is_not_shown(server: WireServer) -> None:
    answers(server, 401, body=b'{"error":{"message":"bad key %s"}}' % KEY.encode())
    http = http_to(server, key=KEY)
    assert (await http.request("GET", "/")).words == "bad key ..."
    await http.aclose()


ADDRESSES = {
    "chat.example.org": "https://chat.example.org",
    "https://Chat.Example.org/": "https://chat.example.org",
    "localhost:8080": "http://localhost:8080",
    "127.0.0.1": "http://127.0.0.1",
    "https://x.org:443/api/": "https://x.org/api",
    "http://[::1]:1234/v1": "http://[::1]:1234/v1",
}


@pytest.mark.parametrize(("typed", "meant"), ADDRESSES.items())
def test_addresses_are_read_as_they_are_meant(typed: str, meant: str) -> None:
    assert parse_address(typed).url == meant


@pytest.mark.parametrize(
    "typed", ["", "ftp://x.org", "https://", "https://x.org:99999", "a b", "https://x.org/?q=1"]
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(ConfigError, match="is not the address"):
        parse_address(typed)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_address("https://me:hunter2@x.org")
    assert "hunter2" not in caught.value.message + caught.value.hint


BODIES = {
    b'{"error":{"message":"no"}}': "no",
    b'{"error":"model \'x\' not found"}': "model 'x' not found",
    b'{"object":"error","message":"too long","code":40303}': "too long",
    b'{"detail":"Not Found"}': "Not Found",
    b'{"detail":[{"loc":["body","content"],"msg":"field required"}]}': "content: field required",
    b"Internal Server Error": "Internal Server Error",
    b"": "",
    b"<html><h1>502</h1></html>": "",
    b"null": "",
    b'{"detail":{}}': "",
    b"\xff\xfe": "\ufffd\ufffd",
    b"x" * 1000: "x" * 299 + "…",
    b"[" * 100_000: "[" * 299 + "…",
}


@pytest.mark.parametrize(("body", "words"), BODIES.items(), ids=range(len(BODIES)))
def test_the_words_of_an_error_are_found_whatever_its_form(body: bytes, words: str) -> None:
    assert said(body) == words


def test_retry_after_is_understood_in_both_forms() -> None:
    assert retry_after("7", 0) == 7
    assert retry_after("Fri, 15 Jan 2027 08:00:10 GMT", 1_800_000_000) == 10
    assert retry_after("Fri, 15 Jan 2027 07:00:00 GMT", 1_800_000_000) == 0
    assert [retry_after(odd, 0) for odd in (None, "", "soon", "Fri, 99 Foo 2027")] == [None] * 4


def test_every_refusal_says_what_to_do_next() -> None:
    assert "chatterm login lab" in failure("lab", 401, "").hint
    assert failure("lab", 429, "", 7.0).hint == "try again in 7 s"
    assert failure("lab", 500, "").message == "lab failed (500)"
