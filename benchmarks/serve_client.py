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
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
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
    text: str = ""
    """What is asked; empty is a text of ``prompt`` tokens."""
    seed: int = 0
    rounds: int = 1
    """Answers one after the other in each stream; 0 is until ``seconds`` are over."""
    seconds: float = 0.0
    model: str = "bench"


async def main(told: Told) -> list[Stream]:
    until = time.monotonic() + told.seconds
    seen: list[Stream] = []

    async def one(number: int) -> None:
        done = 0
        while (told.rounds and done < told.rounds) or (
            not told.rounds and time.monotonic() < until
        ):
            seed = told.seed + 1000 * number + done
            text = told.text or prompt_of(told.prompt, seed=seed)
            seen.append(await stream(told, text))
            done += 1

    await asyncio.gather(*map(one, range(told.streams)))
    return seen


async def stream(told: Told, text: str) -> Stream:
    seen = Stream(time.monotonic())
    try:
        async for said in _said(told, text):
            now = time.monotonic()
            seen.first, seen.last = seen.first or now, now
            if said.get("error") or said.get("type") == "response.failed":
                seen.error = str(said)[:200]
            seen.tokens = _tokens(said) or seen.tokens
        if not seen.tokens and not seen.error:
            seen.error = "it ended without an end"
    except (OSError, ValueError, asyncio.IncompleteReadError) as error:
        seen.error = f"{type(error).__name__}: {error}"
    return seen


def _tokens(said: dict[str, Any]) -> int:
    usage = said.get("usage") or said.get("response", {}).get("usage") or {}
    known = said.get("eval_count") or usage.get("completion_tokens") or usage.get("output_tokens")
    return int(known or 0)


async def _said(told: Told, text: str) -> AsyncIterator[dict[str, Any]]:
    """The objects of a stream as they come."""
    if told.dialect == "openassistant":
        path, body = await _asked(told, text), None
    else:
        path, body = _request(told, text)
    pieces = 0
    async with _replied(told, path, body) as reader:
        while size := int((await reader.readline()).strip() or b"0", 16):
            chunk = await reader.readexactly(size + 2)
            for line in chunk.splitlines():
                line = line.removeprefix(b"data: ")
                if not line.startswith(b"{"):
                    continue
                said = json.loads(line)
                match said.get("event_type"):
                    case "pending":
                        continue
                    case "token":
                        pieces += 1
                    case "message":
                        # This wire counts nothing; a piece is a token of an engine in no hurry.
                        said["eval_count"] = pieces
                yield said


@asynccontextmanager
async def _replied(
    told: Told, path: str, body: dict[str, Any] | None
) -> AsyncIterator[asyncio.StreamReader]:
    """What comes behind the head of a reply; without a body it is asked for with GET."""
    where = urlsplit(told.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nHost: {where.netloc}\r\n"
        head += "Content-Type: application/json\r\nConnection: close\r\n"
        head += f"Content-Length: {len(data)}\r\n\r\n"
        writer.write(head.encode() + data)
        status = (await reader.readline()).split()[1]
        while (await reader.readline()).strip():
            pass
        if status != b"200":
            raise ValueError(f"status {status.decode()}: {(await reader.read(300))!r}")
        yield reader
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _asked(told: Told, text: str) -> str:
    """Where the answer to a prompt in a new chat is told, for the dialect that has chats."""
    chat = await _posted(told, "/chats", {})
    sampling = {"temperature": 0, "max_new_tokens": told.tokens}
    body = {"content": text, "model_config_name": told.model, "sampling_parameters": sampling}
    said = await _posted(told, f"/chats/{chat['id']}/messages", body)
    return f"/chats/{chat['id']}/messages/{said['assistant_message']['id']}/events"


async def _posted(told: Told, path: str, body: dict[str, Any]) -> dict[str, Any]:
    async with _replied(told, path, body) as reader:
        said: dict[str, Any] = json.loads(await reader.read())
        return said


def _request(told: Told, text: str) -> tuple[str, dict[str, Any]]:
    messages = [{"role": "user", "content": text}]
    common = {"model": told.model, "stream": True, "temperature": 0}
    match told.dialect:
        case "ollama":
            options = {"num_predict": told.tokens, "temperature": 0}
            return "/api/chat", {"model": told.model, "messages": messages, "options": options}
        case "responses":
            more = {"input": text, "max_output_tokens": told.tokens, "store": False}
            return "/v1/responses", common | more
        case "completions":
            usage = {"stream_options": {"include_usage": True}}
            return "/v1/completions", common | usage | {"prompt": text, "max_tokens": told.tokens}
        case "openai":
            usage = {"stream_options": {"include_usage": True}}
            more = {"messages": messages, "max_tokens": told.tokens}
            return "/v1/chat/completions", common | usage | more
    raise ValueError(f"no dialect {told.dialect}")


if __name__ == "__main__":
    let_the_engine_go_first()
    found = asyncio.run(main(Told(**json.load(sys.stdin))))
    json.dump([asdict(one) for one in found], sys.stdout)
