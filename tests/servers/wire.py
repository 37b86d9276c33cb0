"""An HTTP/1.1 server of a few lines that sends exactly the bytes it is told to."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

REASONS = {
    200: "OK",
    204: "No Content",
    302: "Found",
    307: "Temporary Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Request Entity Too Large",
    418: "I'm a teapot",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        found = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[-1] for name, values in found.items()}

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Gone(Exception):
    """The client, or the test, closed the connection."""


class Connection:
    """One connection of a client; what is sent leaves at once."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._early = b""

    async def request(self) -> Request | None:
        """The next request; None where the client has closed."""
        try:
            head = self._early + await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            return None
        self._early = b""
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if colon:
                headers[name.lower()] = value.strip()
        body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return Request(method, target, headers, body)

    async def raw(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except (ConnectionError, ssl.SSLError) as error:
            raise Gone from error
        if self._writer.is_closing():
            raise Gone

    async def reply(
        self, status: int, body: bytes = b"", headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        lines = [f"HTTP/1.1 {status} {REASONS[status]}"]
        lines += [f"{name}: {value}" for name, value in headers]
        await self.raw(("\r\n".join(lines) + "\r\n\r\n").encode() + body)

    async def chunk(self, data: bytes) -> None:
        await self.raw(b"%x\r\n%s\r\n" % (len(data), data))

    async def end_chunks(self) -> None:
        await self.raw(b"0\r\n\r\n")

    def cut(self) -> None:
        """Break the connection as a crash does."""
        transport = self._writer.transport
        if transport is not None:
            transport.abort()
        raise Gone

    async def left(self) -> None:
        """Return when the client has closed its side."""
        with suppress(ConnectionError, ssl.SSLError):
            self._early = await self._reader.read(1)
            if self._early:
                await asyncio.Event().wait()

    async def close(self) -> None:
        self._writer.close()
        with suppress(ConnectionError, ssl.SSLError, TimeoutError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()


Handler = Callable[[Request, Connection], Awaitable[None]]


@dataclass
class WireServer:
    """Hands each request to ``handle``. ``requests`` has all that came."""

    handle: Handler
    tls: ssl.SSLContext | None = None
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    closed_by_client: int = 0
    """Connections that a client left while they were being answered."""
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while no request is being answered."""

    def __post_init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy = 0
        self.port = 0
        self.idle.set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; the second time at the same port, as a server that was restarted does."""
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self.tls, limit=2**24
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Break every connection and stop listening."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._server = None

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        connection = Connection(reader, writer)
        try:
            while (request := await connection.request()) is not None:
                self.requests.append(request)
                await self._answer(request, connection)
        except (Gone, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            await connection.close()

    async def _answer(self, request: Request, connection: Connection) -> None:
        self._busy += 1
        self.idle.clear()
        answering = asyncio.ensure_future(self.handle(request, connection))
        left = asyncio.ensure_future(connection.left())
        try:
            await asyncio.wait([answering, left], return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                self.closed_by_client += 1
                raise Gone
            await answering
        finally:
            for task in (answering, left):
                task.cancel()
            await asyncio.gather(answering, left, return_exceptions=True)
            self._busy -= 1
            if not self._busy:
                self.idle.set()
