"""The one place of the engine that talks HTTP: makes the client, follows redirects, maps errors.

A token goes to the hub's own host and nowhere else: redirects are followed here, one by one, and
once one has led away from the hub the token is left out for the rest of the way. What is worth
another try is an ``Unreachable`` or a ``Busy``; everything else is final.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import TracebackType
from urllib.parse import urlsplit

import httpx

from chatterm import __version__
from chatterm.errors import (
    BadReply,
    Busy,
    ConfigError,
    ModelError,
    Refused,
    RemoteError,
    Unreachable,
)

HUB = "https://huggingface.co"
_MOST_REDIRECTS = 10
_CONNECT_SECONDS = 15.0
_READ_SECONDS = 30.0
_LINKED = ("x-linked-size", "x-linked-etag", "x-repo-commit")
"""What the hub says of a file in the redirect to where its bytes are."""
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+)")
_RATE_LIMIT = re.compile(r";\s*t=(\d+)")


class NoSuchRange(Exception):
    """The file on the server is shorter than the range that was wanted."""


class Expired(Exception):
    """An address that a redirect gave is no longer good."""


class NoConnection(Unreachable):
    """There is no way to the server at all."""


class TooMany(Busy):
    """The server asks to wait."""

    def __init__(self, message: str, *, hint: str, seconds: float | None) -> None:
        super().__init__(message, hint=hint)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply whose body has not been read."""

    response: httpx.Response
    linked: Mapping[str, str]

    @property
    def url(self) -> str:
        """Where it came from after all redirects."""
        return str(self.response.url)

    @property
    def is_part(self) -> bool:
        return self.response.status_code == HTTPStatus.PARTIAL_CONTENT

    @property
    def range(self) -> tuple[int, int, int] | None:
        """From where to where of how many bytes this is."""
        found = _CONTENT_RANGE.fullmatch(self.response.headers.get("content-range", "").strip())
        if found is None or found[1] is None:
            return None
        return int(found[1]), int(found[2]) + 1, int(found[3])

    @property
    def tag(self) -> str:
        """What changes when the file does, if the server says so."""
        headers = self.response.headers
        return str(headers.get("etag", "") or headers.get("last-modified", ""))

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes; a body that is cut short is Unreachable."""
        with _translated(self.url):
            async for chunk in self.response.aiter_raw():
                yield chunk


class Web:
    """Connections to the hub and other servers; closed by ``aclose`` or as a context."""

    def __init__(
        self,
        env: Mapping[str, str],
        *,
        offline: bool = False,
        ca_file: str = "",
        read_seconds: float = _READ_SECONDS,
    ) -> None:
        """``read_seconds`` is how long a server may send nothing."""
        self.hub = hub_address(env)
        self._read_seconds = read_seconds
        self._token = env.get("HF_TOKEN", "").strip()
        self._offline = offline
        self._ca_file = ca_file
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Web:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._client is not None:
            await self._client.aclose()

    @asynccontextmanager
    async def get(
        self, url: str, *, start: int | None = None, stop: int | None = None, again: bool = False
    ) -> AsyncGenerator[Reply, None]:
        """Ask for a file or a part of it. ``again`` marks an address an earlier redirect gave."""
        headers = {"Accept-Encoding": "identity"}
        if start is not None:
            headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        async with AsyncExitStack() as stack:
            with _translated(url):
                response, linked = await self._follow(stack, url, headers)
            self._check(response, again=again)
            yield Reply(response, linked)

    async def json(self, url: str, limit: int = 32 << 20) -> object:
        """A whole document."""
        async with self.get(url) as reply:
            body = bytearray()
            async for chunk in reply.chunks():
                body += chunk
                if len(body) > limit:
                    break
            try:
                return httpx.Response(200, content=bytes(body)).json()
            except ValueError as error:
                raise BadReply(
                    f"{_host(url)} answers something that is not JSON",
                    hint="is HF_ENDPOINT the address of a hub?",
                ) from error

    async def _follow(
        self, stack: AsyncExitStack, url: str, headers: dict[str, str]
    ) -> tuple[httpx.Response, dict[str, str]]:
        linked: dict[str, str] = {}
        at_hub = True
        for _ in range(_MOST_REDIRECTS):
            at_hub = at_hub and origin(url) == origin(self.hub)
            if at_hub and self._token:
                headers["Authorization"] = f"Bearer {self._token}"
            else:
                headers.pop("Authorization", None)
            client = self._open_client(url)
            response = await stack.enter_async_context(client.stream("GET", url, headers=headers))
            if at_hub:
                found = {
                    name: response.headers[name] for name in _LINKED if name in response.headers
                }
                linked = {**found, **linked}
            if not response.has_redirect_location:
                return response, linked
            await response.aclose()
            url = str(response.url.join(response.headers["location"]))
            _check_address(url)
        raise BadReply(f"{_host(url)} redirects without end", hint="check the address")

    def _open_client(self, url: str) -> httpx.AsyncClient:
        if self._offline:
            raise RemoteError(
                f"{_host(url)} is not asked: the network is switched off",
                hint="unset CHATTERM_OFFLINE, or chatterm config set offline false",
            )
        if self._client is None:
            try:
                self._client = httpx.AsyncClient(
                    verify=self._trusted(),
                    timeout=httpx.Timeout(self._read_seconds, connect=_CONNECT_SECONDS, pool=None),
                    headers={"User-Agent": f"chatterm/{__version__}"},
                )
            except (ValueError, ImportError, OSError) as error:
                raise ConfigError(
                    f"the settings of the network cannot be used: {error}",
                    hint="check HTTPS_PROXY, SSL_CERT_FILE and the setting network.ca_file",
                ) from error
        return self._client

    def _trusted(self) -> ssl.SSLContext:
        """The usual certificates, and those the user trusts as well."""
        context = httpx.create_ssl_context()
        if self._ca_file:
            context.load_verify_locations(cafile=self._ca_file)
        return context

    def _check(self, response: httpx.Response, *, again: bool) -> None:
        """Everything but success becomes an error."""
        status = response.status_code
        host = response.url.host
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise NoSuchRange
        if again and status in (401, 403, 404, 410):
            raise Expired
        if status in (401, 403):
            raise self._refusal(response)
        if status in (404, 410):
            raise ModelError(f"{host} has no {_path(response)}", hint="check the name")
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500:
            raise _overload(response)
        if status not in (200, 206):
            raise BadReply(f"{host} answers {_status(response)}", hint="check the address")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise BadReply(f"{host} sends the file packed", hint="check the proxy")

    def _refusal(self, response: httpx.Response) -> Refused | ModelError:
        host = response.url.host
        code = response.headers.get("x-error-code", "")
        at_hub = origin(str(response.url)) == origin(self.hub)
        if code == "GatedRepo":
            return Refused(
                f"{host} gives {_path(response)} only to those who accepted its terms",
                hint=f"accept them on its page at {self.hub}, "
                + ("for the account of HF_TOKEN" if self._token else "and set HF_TOKEN"),
            )
        if at_hub and response.status_code == HTTPStatus.UNAUTHORIZED and not self._token:
            # The hub does not say whether a repository is missing or merely private.
            return ModelError(
                f"{host} has no {_path(response)}, or it is private",
                hint="check the name; for a private one set HF_TOKEN",
            )
        if code == "RepoNotFound":
            return ModelError(f"{host} has no {_path(response)}", hint="check the name")
        if at_hub and self._token:
            hint = "check HF_TOKEN: it must be valid and allowed to read this"
        else:
            hint = "check the address; only the hub is given HF_TOKEN"
        return Refused(f"{host} refuses {_path(response)} ({_status(response)})", hint=hint)


def hub_address(env: Mapping[str, str]) -> str:
    """The hub that is asked: ``HF_ENDPOINT``, or the public one."""
    address = env.get("HF_ENDPOINT", "").strip().rstrip("/") or HUB
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"HF_ENDPOINT is not an address: {address!r}", hint=f"write one such as {HUB}"
        )
    return address


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: what must be equal for a server to be the same one."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    return (
        parts.scheme,
        (parts.hostname or "").casefold(),
        port or {"http": 80, "https": 443}.get(parts.scheme),
    )


def _check_address(url: str) -> None:
    if urlsplit(url).scheme not in ("http", "https"):
        raise BadReply("the server redirects to something that is no web address", hint=url)


def _overload(response: httpx.Response) -> TooMany:
    host = response.url.host
    seconds = _wait_of(response)
    when = f"in {seconds:.0f} s" if seconds else "in a while"
    return TooMany(
        f"{host} answers {_status(response)}",
        hint=f"try again {when}; what is here already is kept",
        seconds=seconds,
    )


def _wait_of(response: httpx.Response) -> float | None:
    """How long the server asks to wait: Retry-After, or the hub's RateLimit."""
    said = response.headers.get("retry-after", "").strip()
    if said.isdigit():
        return float(said)
    if said:
        try:
            date, now = parsedate_to_datetime(said), response.headers.get("date")
            return max(0.0, (date - parsedate_to_datetime(now or said)).total_seconds())
        except (TypeError, ValueError):
            return None
    found = _RATE_LIMIT.search(response.headers.get("ratelimit", ""))
    return float(found[1]) if found else None


@contextmanager
def _translated(url: str) -> Iterator[None]:
    """httpx's errors become ours."""
    host = _host(url)
    again = "run it again to go on where it stopped"
    try:
        yield
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise ConfigError(f"{url} is not a web address", hint="it begins with https://") from error
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        if _is_certificate(error):
            raise BadReply(
                f"{host} has a certificate that cannot be verified: {error}",
                hint="a certificate of your own is trusted after"
                " chatterm config set network.ca_file FILE",
            ) from error
        raise NoConnection(
            f"{host} cannot be reached: {str(error) or 'no answer'}",
            hint=f"check the network and HTTPS_PROXY; {again}",
        ) from error
    except httpx.TimeoutException as error:
        raise Unreachable(f"{host} sends nothing any more", hint=again) from error
    except (httpx.HTTPError, httpx.StreamError) as error:
        raise Unreachable(
            f"the connection to {host} broke: {str(error) or type(error).__name__}", hint=again
        ) from error


def _is_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url


def _path(response: httpx.Response) -> str:
    """The path alone: what follows it may be a signature."""
    path = response.url.path.removeprefix("/api/models/").lstrip("/")
    return path.split("/revision/")[0]


def _status(response: httpx.Response) -> str:
    return f"{response.status_code} {response.reason_phrase}".strip()
