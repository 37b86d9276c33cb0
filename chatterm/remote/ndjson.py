"""JSON values, one a line, out of bytes, however the network cut them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from chatterm.errors import BadReply

LINE_LIMIT = 10_000_000
"""Bytes of one line; a server that sends more is not sending an answer."""


async def json_lines(
    chunks: AsyncIterator[bytes], *, limit: int = LINE_LIMIT
) -> AsyncGenerator[dict[str, Any], None]:
    """The objects in a stream of bytes. A last line that was cut off is dropped."""
    rest: list[bytes] = []
    size = 0
    async for chunk in chunks:
        *whole, last = chunk.split(b"\n")
        if whole:
            whole[0] = b"".join([*rest, whole[0]])
            rest, size = [], 0
        rest.append(last)
        size += len(last)
        if size > limit or any(len(line) > limit for line in whole):
            raise BadReply(
                f"the server sent a line of more than {limit // 1_000_000} MB",
                hint="this is a fault of the server",
            )
        for line in whole:
            if line.strip():
                yield _object(line)
    last = b"".join(rest)
    if last.strip() and (value := _maybe(last)) is not None:
        yield value


def _object(line: bytes) -> dict[str, Any]:
    value = _maybe(line)
    if value is None:
        raise BadReply("the server sent a line that is not a JSON object")
    return value


def _maybe(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line.decode("utf-8-sig", errors="replace"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
