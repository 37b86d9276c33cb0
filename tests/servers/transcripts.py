"""Recordings of real Open-Assistant servers, as exchanges that can be played again.

``recordings/`` has readable exchanges and, in the ``.sse`` files, the exact bytes of event streams.
They were taken on loopback; the tokens in them belonged to servers that were thrown away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

RECORDINGS = Path(__file__).parent / "recordings"
_EXCHANGE = re.compile(
    r"^--- ?(?P<note>[^\n]*)\n>>> REQUEST\n(?P<request>.*?)\n<<< RESPONSE\n(?P<reply>.*?)\n<<< END",
    re.M | re.S,
)


@dataclass(frozen=True)
class Exchange:
    """One request and its reply, as they were on the wire."""

    note: str
    method: str
    target: str
    headers: dict[str, str]
    body: str
    status: int
    reply_headers: list[tuple[str, str]]
    reply: str


def exchanges(name: str) -> list[Exchange]:
    """The exchanges of one recording, in their order."""
    text = (RECORDINGS / f"{name}.txt").read_text()
    return [_exchange(found) for found in _EXCHANGE.finditer(text)]


def _exchange(found: re.Match[str]) -> Exchange:
    head, _, body = found["request"].partition("\n\n")
    first, *lines = head.split("\n")
    method, target, _ = first.split(" ")
    reply_head, _, reply = found["reply"].partition("\n\n")
    status, *reply_lines = reply_head.split("\n")
    return Exchange(
        found["note"],
        method,
        target,
        dict(_headers(lines)),
        body.strip("\n"),
        int(status.split(" ")[1]),
        _headers(reply_lines),
        reply.strip("\n"),
    )


def _headers(lines: list[str]) -> list[tuple[str, str]]:
    pairs = (line.partition(":") for line in lines if line)
    return [(name.lower(), value.strip()) for name, _, value in pairs]
