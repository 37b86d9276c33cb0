"""Stand-ins for servers that speak OpenAI's dialect or Ollama's; they repeat the last message.

A reply that a test wants otherwise is queued as raw bytes, or as a function of the connection.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from tests.servers.wire import Connection, Request, WireServer

Scripted = Callable[[Request, Connection], Awaitable[None]]

JSON = ("content-type", "application/json")
SSE = ("content-type", "text/event-stream")
NDJSON = ("content-type", "application/x-ndjson")
CHUNKED = ("transfer-encoding", "chunked")


async def send_json(
    connection: Connection, value: Any, status: int = 200, *headers: tuple[str, str]
) -> None:
    body = json.dumps(value, separators=(",", ":")).encode()
    length = ("content-length", str(len(body)))
    await connection.reply(status, body, [length, JSON, *headers])


def words_of(request: Request) -> list[str]:
    """What the stand-ins say: the words of the last message."""
    content = request.json["messages"][-1]["content"]
    text = content if isinstance(content, str) else content[0]["text"]
    return re.findall(r"\s*\S+|\s+", text)


def scripted(*chunks: bytes, end: bool = True, status: int = 200, kind: str = SSE[1]) -> Scripted:
    """A reply of exactly these chunks; without an end the connection breaks after them."""

    async def handle(_: Request, connection: Connection) -> None:
        await connection.reply(status, b"", [("content-type", kind), CHUNKED])
        for chunk in chunks:
            await connection.chunk(chunk)
        if end:
            await connection.end_chunks()
        else:
            await asyncio.sleep(0.01)
            connection.cut()

    return handle


def refusal(status: int, body: bytes, *headers: tuple[str, str]) -> Scripted:
    """A reply that is no success."""

    async def handle(_: Request, connection: Connection) -> None:
        await connection.reply(status, body, [("content-length", str(len(body))), *headers])

    return handle


class OpenAIServer(WireServer):
    """One model, ``parrot``; with a key where one is set."""

    def __init__(self, key: str = "", pause: float = 0.0) -> None:
        super().__init__(self._route)
        self.key = key
        self.pause = pause
        self.next: list[Scripted] = []

    @property
    def asked(self) -> list[Any]:
        """The bodies of the chat requests so far."""
        return [r.json for r in self.requests if r.path.endswith("/chat/completions")]

    async def _route(self, request: Request, connection: Connection) -> None:
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            error = {"message": "Incorrect API key provided", "type": "invalid_request_error"}
            await send_json(connection, {"error": error}, 401)
        elif request.path == "/v1/models":
            entry = {"id": "parrot", "object": "model", "created": 1, "owned_by": "tests"}
            await send_json(connection, {"object": "list", "data": [entry]})
        elif request.path != "/v1/chat/completions":
            await send_json(connection, {"error": {"message": "no such route"}}, 404)
        elif self.next:
            await self.next.pop(0)(request, connection)
        else:
            await self._speak(request, connection)

    async def _speak(self, request: Request, connection: Connection) -> None:
        body = request.json
        if body["model"] != "parrot":
            error = {"message": f"The model '{body['model']}' does not exist"}
            await send_json(connection, {"error": error}, 404)
            return
        words = words_of(request)
        limit = body.get("max_tokens")
        finish = "length" if limit is not None and limit < len(words) else "stop"
        await connection.reply(200, b"", [SSE, CHUNKED])
        await connection.chunk(chunk({"role": "assistant", "content": ""}))
        said = words[:limit]
        for word in said:
            await asyncio.sleep(self.pause)
            await connection.chunk(chunk({"content": word}))
        await connection.chunk(chunk({}, finish))
        usage = {"prompt_tokens": len(words), "completion_tokens": len(said)}
        await connection.chunk(event({"id": "c", "choices": [], "usage": usage}))
        await connection.chunk(b"data: [DONE]\n\n")
        await connection.end_chunks()


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    """One event of a stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return event({"id": "c", "object": "chat.completion.chunk", "choices": [choice]})


def event(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


class OllamaServer(WireServer):
    """One model, ``parrot:latest``, in memory or not."""

    def __init__(self, pause: float = 0.0) -> None:
        super().__init__(self._route)
        self.pause = pause
        self.loaded = False
        self.next: list[Scripted] = []

    @property
    def asked(self) -> list[Any]:
        return [r.json for r in self.requests if r.path == "/api/chat"]

    async def _route(self, request: Request, connection: Connection) -> None:
        entry = {
            "name": "parrot:latest",
            "model": "parrot:latest",
            "size": 123,
            "details": {"parameter_size": "1B", "quantization_level": "Q4_0"},
            "capabilities": ["completion", "tools", "thinking"],
        }
        match request.path:
            case "/":
                await connection.reply(200, b"Ollama is running", [("content-length", "17")])
            case "/api/version":
                await send_json(connection, {"version": "0.40.0"})
            case "/api/tags":
                await send_json(connection, {"models": [entry]})
            case "/api/ps":
                await send_json(connection, {"models": [entry] if self.loaded else []})
            case "/api/chat" if self.next:
                await self.next.pop(0)(request, connection)
            case "/api/chat":
                await self._speak(request, connection)
            case _:
                await send_json(connection, {"error": "not found"}, 404)

    async def _speak(self, request: Request, connection: Connection) -> None:
        body = request.json
        if body["model"].removesuffix(":latest") != "parrot":
            error = f"model '{body['model']}' not found"
            await send_json(connection, {"error": error}, 404)
            return
        self.loaded = True
        words = words_of(request)
        limit = body.get("options", {}).get("num_predict")
        said = words[:limit]
        await connection.reply(200, b"", [NDJSON, CHUNKED])
        for word in said:
            await asyncio.sleep(self.pause)
            await connection.chunk(line(content=word))
        await connection.chunk(
            line(
                content="",
                done=True,
                done_reason="length" if len(said) < len(words) else "stop",
                load_duration=2_000_000,
                prompt_eval_count=len(words),
                eval_count=len(said),
            )
        )
        await connection.end_chunks()


def line(*, done: bool = False, **said: Any) -> bytes:
    """One line of Ollama's stream; what belongs to the message goes there."""
    message = {"role": "assistant"}
    for name in ("content", "thinking", "tool_calls"):
        if name in said:
            message[name] = said.pop(name)
    value = {"model": "parrot", "created_at": "", "message": message, "done": done, **said}
    return json.dumps(value).encode() + b"\n"
