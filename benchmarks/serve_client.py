"""A client of ``benchmarks serve``, in a process of its own: streams over plain sockets.

As thin as can be, since it shares the processor with what it measures. The order comes as JSON on
stdin, what was seen goes to stdout as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from benchmarks.model import prompt_of
from chatterm.engine.courtesy import let_the_engine_go_first


@dataclass
class Stream:
    """One answer as its reader saw it."""

    began: float
    first: float = 0.0
    last: float = 0.0
    tokens: int = 0
    error: str = ""


@dataclass
class Told:
    """What one process of clients is to do."""

    url: str
    dialect: str
    streams: int = 1
    tokens: int = 160
    prompt: int = 40
    seed: int = 0
    rounds: int = 1
    """Answers one after the other in each stream; 0 is until ``seconds`` are over."""
    seconds: float = 0.0
    vanish: int = 0
    """Hang up after so many pieces."""
    keys: list[str] = field(default_factory=list)


async def main(told: Told) -> list[Stream]:
    until = time.monotonic() + told.seconds
    seen: list[Stream] = []

    async def one(number: int) -> None:
        done = 0
        while (told.rounds and done < told.rounds) or (
            not told.rounds and time.monotonic() < until
        ):
            seed = told.seed + 1000 * number + done
            seen.append(await stream(told, prompt_of(told.prompt, seed=seed)))
            done += 1

    await asyncio.gather(*map(one, range(told.streams)))
    return seen


async def stream(told: Told, text: str) -> Stream:
    seen = Stream(time.monotonic())
    try:
        pieces = 0
        async for said in _said(told, text):
            now = time.monotonic()
            seen.first, seen.last = seen.first or now, now
            pieces += 1
            if "error" in said:
                seen.error = str(said["error"])[:200]
            seen.tokens = _tokens(said) or seen.tokens
            if told.vanish and pieces >= told.vanish:
                return seen
        if not seen.tokens and not seen.error:
            seen.error = "it ended without an end"
    except (OSError, ValueError, asyncio.IncompleteReadError) as error:
        seen.error = f"{type(error).__name__}: {error}"
    return seen


def _tokens(said: dict[str, Any]) -> int:
    usage = said.get("usage") or {}
    return int(said.get("eval_count") or usage.get("completion_tokens") or 0)


async def _said(told: Told, text: str) -> AsyncIterator[dict[str, Any]]:
    """The objects of a stream as they come."""
    path, body = _request(told, text)
    where = urlsplit(told.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        data = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + data)
        status = (await reader.readline()).split()[1]
        while (await reader.readline()).strip():
            pass
        if status != b"200":
            raise ValueError(f"status {status.decode()}: {(await reader.read(300))!r}")
        while size := int((await reader.readline()).strip() or b"0", 16):
            chunk = await reader.readexactly(size + 2)
            for line in chunk.splitlines():
                line = line.removeprefix(b"data: ")
                if line.startswith(b"{"):
                    yield json.loads(line)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _request(told: Told, text: str) -> tuple[str, dict[str, Any]]:
    messages = [{"role": "user", "content": text}]
    if told.dialect == "ollama":
        options = {"num_predict": told.tokens, "temperature": 0}
        return "/api/chat", {"model": "bench", "messages": messages, "options": options}
    return "/v1/chat/completions", {
        "model": "bench",
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": told.tokens,
        "temperature": 0,
    }


if __name__ == "__main__":
    let_the_engine_go_first()
    found = asyncio.run(main(Told(**json.load(sys.stdin))))
    json.dump([asdict(one) for one in found], sys.stdout)
