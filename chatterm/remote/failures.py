"""What a server's refusal means, in the words and with the exit code a user gets.

Servers word their errors in many forms, some with no words at all; nothing here may fail on one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from chatterm.errors import BadReply, Busy, Refused, RemoteError

_LONGEST = 300
_BUSY = frozenset({408, 425, 429, 503, 529})
_UNKNOWN_KEY = frozenset({401, 403})


def said(body: bytes) -> str:
    """The words of an error's body, whatever its form; empty if it has none."""
    text = body.decode("utf-8", errors="replace").strip()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return "" if text.startswith("<") else shortened(text)
    return shortened(words_in(value))


def words_in(value: Any) -> str:
    """The words in an error object: OpenAI, vLLM, FastAPI, Ollama and others differ."""
    match value:
        case str():
            return value
        case Mapping():
            for key in ("message", "error", "detail", "msg", "title"):
                if key in value and (found := words_in(value[key])):
                    return _placed(value, found)
            return ""
        case list():
            return "; ".join(found for item in value[:3] if (found := words_in(item)))
        case _:
            return ""


def _placed(value: Mapping[str, Any], words: str) -> str:
    """FastAPI names the field apart from what is wrong with it."""
    place = value.get("loc")
    if isinstance(place, list) and len(place) > 1:
        return f"{'.'.join(str(part) for part in place[1:])}: {words}"
    return words


def shortened(text: str) -> str:
    """One line of a length that can be read."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def failure(name: str, status: int, words: str, wait: float | None = None) -> RemoteError:
    """The error for a status that is not a success."""
    told = f": {words}" if words else ""
    if status in _UNKNOWN_KEY:
        return Refused(
            f"{name} does not let you in{told or f' ({status})'}", hint=f"chatterm login {name}"
        )
    if status in _BUSY:
        soon = "try again later" if wait is None else f"try again in {wait:.0f} s"
        return Busy(f"{name} is busy{told or f' ({status})'}", hint=soon)
    if 300 <= status < 400:
        return BadReply(f"{name} redirects without end ({status})", hint="check its address")
    if status < 500:
        return Refused(f"{name} refuses the request ({status}){told}")
    return RemoteError(f"{name} failed ({status}){told}", hint="try again later")


def retry_in_words(words: str) -> float | None:
    """Seconds until a server wants to be asked again, where it says so in words alone."""
    found = re.search(r"[Rr]etry [Aa]fter (\d{1,6})", words)
    return float(found[1]) if found else None


def retry_after(header: str | None, now: float) -> float | None:
    """Seconds until a server wants to be asked again, as it says in either form."""
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None
