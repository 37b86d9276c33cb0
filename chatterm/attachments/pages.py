"""Pages of the web as attachments, fetched only because the user typed their address."""

from __future__ import annotations

import re
from collections.abc import Mapping

import httpx

from chatterm import __version__
from chatterm.attachments.content import FILE_LIMIT, TEXT, Content, content_of
from chatterm.attachments.files import too_long
from chatterm.attachments.html import readable_text
from chatterm.errors import BadReply, ConfigError, RemoteError, Unreachable

_SECONDS = 20.0
_REDIRECTS = 5
_HTML = ("text/html", "application/xhtml+xml")


def read_url(url: str, env: Mapping[str, str]) -> Content:
    """What a page says: HTML as readable text, other text and pictures as they are."""
    name = _without_password(url)
    if env.get("CHATTERM_OFFLINE", "") not in ("", "0"):
        raise ConfigError(
            f"{name} is not fetched: CHATTERM_OFFLINE is set",
            hint="unset it, or save the page and attach the file",
        )
    try:
        data, media_type, encoding = _fetched(url, name)
    except httpx.InvalidURL as error:
        raise ConfigError(f"{name} is no address: {error}", hint="check the address") from error
    except httpx.TimeoutException as error:
        raise Unreachable(
            f"{name} did not answer within {_SECONDS:g} seconds", hint="try again later"
        ) from error
    except httpx.TransportError as error:
        raise Unreachable(
            f"{name} cannot be reached: {_reason(error)}",
            hint="check the address and the connection",
        ) from error
    except httpx.HTTPError as error:
        raise BadReply(f"{name} cannot be fetched: {error}", hint="check the address") from error
    if media_type in _HTML:
        return _text(name, readable_text(data.decode(encoding, errors="replace")))
    if encoding != "utf-8" and media_type.startswith("text/"):
        return _text(name, data.decode(encoding, errors="replace"))
    return content_of(name, data)


def _fetched(url: str, name: str) -> tuple[bytes, str, str]:
    """The bytes of a page, its media type and its encoding."""
    client = httpx.Client(
        timeout=_SECONDS,
        follow_redirects=True,
        max_redirects=_REDIRECTS,
        headers={"User-Agent": f"chatterm/{__version__}", "Accept": "text/*, */*;q=0.5"},
    )
    with client, client.stream("GET", url) as response:
        if response.is_error:
            raise RemoteError(
                f"{name} answered {response.status_code} {response.reason_phrase}".rstrip(),
                hint="check the address",
            )
        data = bytearray()
        for part in response.iter_bytes():
            data += part
            if len(data) > FILE_LIMIT:
                raise too_long(name)
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return bytes(data), media_type, _encoding(response)


def _reason(error: Exception) -> str:
    """What happened, without the number that the system has for it."""
    return str(error).rpartition("] ")[2] or type(error).__name__


def _encoding(response: httpx.Response) -> str:
    try:
        "".encode(response.charset_encoding or "")
    except LookupError:
        return "utf-8"
    return response.charset_encoding or "utf-8"


def _text(name: str, text: str) -> Content:
    if not text.strip():
        raise BadReply(
            f"{name} has no text in it",
            hint="a page that is made by scripts has to be saved from a browser",
        )
    return Content(name, TEXT, text.encode("utf-8", errors="replace"))


def _without_password(url: str) -> str:
    """The address as it may be stored and shown to a model."""
    return re.sub(r"//[^/@]*@", "//", url)
