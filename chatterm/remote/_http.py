"""The one place that makes an HTTP client and maps its errors.

A connection belongs to one origin and sends nothing anywhere else: redirects to another host end
in an error, so a key given for a server cannot leave it. Every wait has an end.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from chatterm import __version__
from chatterm.errors import BadReply, ConfigError, Refused, RemoteError, Unreachable
from chatterm.remote.address import Address
from chatterm.remote.failures import retry_after, retry_in_words, said
from chatterm.remote.gathering import gathered

_REPLY_LIMIT = 50_000_000
"""Bytes of a reply that is read as a whole."""
_DRAINING = 0.2
"""Seconds for a stream to close by itself, so that its connection can be used again."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 3


class Cut(Unreachable):
    """A connection that broke in the middle of a reply."""


def cut_short(name: str) -> Cut:
    """A stream that ended before its answer did."""
    return Cut(
        f"{name} stopped in the middle of its answer",
        hint="what came so far is kept; regenerate the answer",
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds that each kind of wait may take."""

    connect: float = 10.0
    reply: float = 30.0
    """A whole short reply, its headers included."""
    first: float = 600.0
    """The headers of a stream; a slow machine reads a long prompt before it says a word."""
    idle: float = 120.0
    """Silence inside a stream."""
    answer: float = 3600.0
    """A whole stream."""
    pauses: tuple[float, ...] = (1.0, 4.0)
    """Before a busy server is asked again."""
    patience: float = 60.0
    """The longest pause that a server may ask for."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply, of whatever status."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def words(self) -> str:
        """What an error says."""
        return said(self.body)

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise BadReply(
                "the server answered with something that is not JSON",
                hint="is this the address of a chat server? chatterm remotes list shows it",
            ) from error

    def wait(self, now: float) -> float | None:
        """Seconds until the server wants to be asked again, where it says so."""
        told = retry_after(self.headers.get("retry-after"), now)
        return retry_in_words(self.words) if told is None else told


class Stream:
    """A reply that is being received."""

    def __init__(self, response: httpx.Response, http: Http) -> None:
        self._response = response
        self._http = http
        self.status = response.status_code
        self.ok = response.is_success
        self.media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The bytes as they come; ``Cut`` where the connection breaks."""
        seconds = self._http.limits.answer
        ends_at = time.monotonic() + seconds
        pieces = gathered(self._response.aiter_bytes())
        with _translated(self._http.name):
            async with aclosing(pieces):
                async for chunk in pieces:
                    yield chunk
                    if time.monotonic() > ends_at:
                        raise Unreachable(
                            f"{self._http.name} did not come to an end within {seconds:g} seconds",
                            hint="what came is kept; answer_seconds in [network] allows more",
                        )

    async def reply(self) -> Reply:
        """All of it, for an error or a reply that was not streamed after all."""
        http = self._http
        async with _within(http.limits.reply, http.name):
            with _translated(http.name):
                return http.redacted(await _read(self._response))


async def drain(chunks: AsyncIterator[bytes]) -> None:
    """Take what is left of a stream whose answer is over, if it ends at once."""
    with suppress(TimeoutError, RemoteError):
        async with asyncio.timeout(_DRAINING):
            async for _ in chunks:
                pass


class Http:
    """A connection to one server."""

    def __init__(
        self,
        name: str,
        address: Address,
        *,
        limits: Limits | None = None,
        ca_file: str = "",
        offline: bool = False,
        insecure: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``name`` is what errors call the server."""
        if address.scheme == "http" and not address.is_loopback and not insecure:
            raise ConfigError(
                f"{name} is reached without encryption, so others could read chats and keys",
                hint="use its https address, or allow it: chatterm login --insecure",
            )
        self.name = name
        self.address = address
        self.limits = limits or Limits()
        self.clock = clock
        self._offline = offline
        self._ca_file = ca_file
        self._auth: dict[str, str] = {}
        self._made: httpx.AsyncClient | None = None
        self._is_closed = False

    def authorise(self, headers: Mapping[str, str]) -> None:
        """Send these with every request from now on; their values never stand in an error."""
        self._auth = dict(headers)

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        anonymous: bool = False,
    ) -> Reply:
        """A whole reply. Its status is the caller's to judge."""
        async with _within(self.limits.reply, self.name):
            with _translated(self.name):
                response = await self._send(method, path, body, headers, anonymous)
                try:
                    return self.redacted(await _read(response))
                finally:
                    await response.aclose()

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        first: float | None = None,
    ) -> AsyncIterator[Stream]:
        """A reply as it comes; leaving the block closes the connection.

        ``first`` is how long it may take to begin, where that is not the usual time.
        """
        async with _within(self.limits.first if first is None else first, self.name):
            with _translated(self.name):
                # Compressing would have a proxy gather tokens.
                sent = {"Accept-Encoding": "identity", **(headers or {})}
                response = await self._send(method, path, body, sent, False)
        try:
            yield Stream(response, self)
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        """Close the connection for good: what is asked after that fails."""
        self._is_closed = True
        if self._made is not None:
            await self._made.aclose()
            self._made = None

    def redacted(self, reply: Reply) -> Reply:
        """An error's words without the key, should the server repeat it."""
        body = reply.body
        for value in () if reply.ok else self._auth.values():
            secret = value.removeprefix("Bearer ").encode()
            if len(secret) > 3:
                body = body.replace(secret, b"...")
        return Reply(reply.status, reply.headers, body)

    async def _send(
        self,
        method: str,
        path: str,
        body: Any,
        headers: Mapping[str, str] | None,
        anonymous: bool,
    ) -> httpx.Response:
        if self._offline:
            raise Unreachable(
                f"{self.name} is not asked: the network is switched off",
                hint="unset CHATTERM_OFFLINE, or chatterm config set offline false",
            )
        if self._is_closed:
            raise Unreachable(f"{self.name} was not asked: its connection is closed already")
        sent = {**({} if anonymous else self._auth), **(headers or {})}
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        if content is not None:
            sent["Content-Type"] = "application/json"
        url = self.address.url + path
        client = self._client()
        for _ in range(_MOST_REDIRECTS):
            request = client.build_request(method, url, content=content, headers=sent)
            response = await client.send(request, stream=True)
            if response.status_code not in _REDIRECTS or "location" not in response.headers:
                return response
            await response.aclose()
            if response.status_code not in (307, 308) and method != "GET":
                raise BadReply(
                    f"{self.name} redirects a request that cannot be repeated",
                    hint="check its address: chatterm remotes list",
                )
            url = self._within_origin(url, response.headers["location"])
        raise BadReply(f"{self.name} redirects without end", hint="check its address")

    def _within_origin(self, url: str, location: str) -> str:
        """Where a redirect leads, if that is the same server."""
        target = urlsplit(str(httpx.URL(url).join(location)))
        ours = self.address
        port = target.port or {"http": 80, "https": 443}.get(target.scheme)
        # Behind a proxy a server does not know that its clients use https.
        stepped_down = (target.scheme, port) == ("http", 80) and ours.origin.endswith(ours.host)
        same = (target.scheme, port) == (ours.scheme, ours.port) or stepped_down
        if target.hostname != ours.host or not same:
            raise Refused(
                f"{self.name} redirects to another host, {target.hostname}; nothing was sent there",
                hint="if that is right, log in there: chatterm login URL",
            )
        path = target.path
        if ours.path and not path.startswith(ours.path + "/"):
            path = ours.path + path
        return ours.origin + path + (f"?{target.query}" if target.query else "")

    def _client(self) -> httpx.AsyncClient:
        if self._made is None:
            limits = self.limits
            self._made = httpx.AsyncClient(
                verify=self._trusted(),
                # What goes to this machine must not go through somebody's proxy.
                trust_env=not self.address.is_loopback,
                # Over HTTP/2 httpcore does not tell a server that a stream was stopped, which would
                # write on for nobody; one answer at a time gains nothing by it.
                http2=False,
                follow_redirects=False,
                headers={"User-Agent": f"chatterm/{__version__}"},
                timeout=httpx.Timeout(limits.idle, connect=limits.connect, pool=limits.connect),
            )
        return self._made

    def _trusted(self) -> ssl.SSLContext | bool:
        if self.address.scheme == "http":
            # Nothing is verified without TLS, and reading the certificates takes a while.
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context = httpx.create_ssl_context()
        if self._ca_file:
            try:
                context.load_verify_locations(cafile=self._ca_file)
            except OSError as error:
                raise ConfigError(
                    f"the certificates in {self._ca_file} cannot be read",
                    hint="correct it: chatterm config set network.ca_file FILE",
                ) from error
        return context


async def _read(response: httpx.Response) -> Reply:
    parts = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > _REPLY_LIMIT:
            raise BadReply(f"the server's reply is larger than {_REPLY_LIMIT // 1_000_000} MB")
        parts.append(chunk)
    return Reply(response.status_code, response.headers, b"".join(parts))


@asynccontextmanager
async def _within(seconds: float, name: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        # It may have done what it was asked to, so this is no plain failure to connect.
        raise Cut(
            f"{name} did not answer within {seconds:g} seconds",
            hint="try again; the limits are in [network]: chatterm config show",
        ) from error


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """Errors of httpx as those a user understands."""
    try:
        yield
    except httpx.ConnectTimeout as error:
        raise Unreachable(
            f"{name} cannot be reached: no answer", hint="check its address and the network"
        ) from error
    except httpx.ConnectError as error:
        raise _unconnected(name, error) from error
    except httpx.TimeoutException as error:
        raise Cut(f"{name} fell silent", hint="what came so far is kept; try again") from error
    except (
        httpx.ReadError,
        httpx.RemoteProtocolError,
        httpx.WriteError,
        httpx.CloseError,
    ) as error:
        raise Cut(
            f"the connection to {name} broke", hint="what came so far is kept; try again"
        ) from error
    except httpx.ProxyError as error:
        raise Unreachable(
            f"the proxy does not let a connection to {name} through",
            hint="check HTTPS_PROXY and NO_PROXY",
        ) from error
    except httpx.HTTPError as error:
        raise RemoteError(f"{name} failed: {type(error).__name__}") from error
    except (httpx.InvalidURL, httpx.StreamError) as error:
        raise BadReply(f"{name} answered with something that cannot be followed") from error


def _unconnected(name: str, error: httpx.ConnectError) -> RemoteError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Unreachable(
                f"the certificate of {name} cannot be trusted: {cause.verify_message}",
                hint="a certificate of your own is trusted after"
                " chatterm config set network.ca_file FILE",
            )
        if isinstance(cause, ssl.SSLError):
            return Unreachable(f"{name} does not speak https", hint="check its address")
        cause = cause.__cause__ or cause.__context__
    return Unreachable(f"{name} cannot be reached", hint="is it running, and is its address right?")
