"""What a token costs while a server writes: CPU of our clients beside that of the official one.

A server in a process of its own sends each token in a packet of its own, at the pace of a server
with many GPUs (1,000 tokens a second), at that of a desk (50), and as fast as it can. The cost of a
token is the CPU of a long answer less that of a short one, so that starting and connecting do not
count. What httpx needs to receive the same bytes is part of every figure; what a client adds to it
stands in brackets. A process that is woken 50 times a second finds its caches cold each time.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx

from chatterm.events import Event
from chatterm.messages import Message, Request, Role

ROUNDS = 3
PACES = {"1,000/s": (1, 2000), "50/s": (20, 200), "at once": (0, 20_000)}
"""Milliseconds between tokens, and the tokens of a long answer; a short one has a tenth."""
BAR = "added <= 100, less than openai"
ROOT = Path(__file__).parents[1]
VENV = ROOT / ".cache" / "openai-venv"

PLAIN_OPENAI = """
import asyncio, sys, time
from openai import AsyncOpenAI

async def answer(client, count):
    stream = await client.chat.completions.create(
        model=count, messages=[{"role": "user", "content": "x"}], stream=True)
    async for chunk in stream:
        if chunk.choices:
            chunk.choices[0].delta.content

async def main(url, counts):
    client = AsyncOpenAI(base_url=url + "/v1", api_key="none")
    await answer(client, "10@0")
    for count in counts:
        before = time.process_time()
        await answer(client, count)
        print(time.process_time() - before)

asyncio.run(main(sys.argv[1], sys.argv[2:]))
"""


def main() -> None:
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.remote", "serve"], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert server.stdout is not None
    try:
        url = server.stdout.readline().decode().strip()
        print(f"{'µs of CPU a token, at':26}" + "".join(f"{pace:>13}" for pace in PACES) + "  bar")
        ours = [sys.executable, "-m", "benchmarks.remote"]
        clients = {
            "httpx, bytes thrown away": [*ours, "httpx"],
            "openai (official)": [str(_python_with_openai()), "-c", PLAIN_OPENAI],
            **{
                f"chatterm, {kind}": [*ours, kind] for kind in ("openai", "ollama", "openassistant")
            },
        }
        floor = [0.0] * len(PACES)
        for name, command in clients.items():
            costs = [_cost([*command, url], *pace) for pace in PACES.values()]
            floor = floor if any(floor) else costs
            added = [cost - least for cost, least in zip(costs, floor, strict=True)]
            figures = "".join(
                f"{cost:6.0f} ({more:+4.0f})" for cost, more in zip(costs, added, strict=True)
            )
            bar = f"  {BAR}" if name.startswith("chatterm") else ""
            print(f"{name:26}{figures}{bar}", flush=True)
    finally:
        server.terminate()
        server.wait()


def _cost(command: list[str], pause: int, count: int) -> float:
    """Microseconds of CPU that one more token costs."""
    long, short = count, count // 10
    counts = [f"{tokens}@{pause}" for _ in range(ROUNDS) for tokens in (short, long)]
    ran = subprocess.run([*command, *counts], capture_output=True, text=True, check=True, cwd=ROOT)
    seconds = [float(line) for line in ran.stdout.split()]
    pairs = zip(seconds[::2], seconds[1::2], strict=True)
    return statistics.median((more - few) / (long - short) for few, more in pairs) * 1e6


def _python_with_openai() -> Path:
    """An environment that has the official client and nothing of ours."""
    python = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(VENV, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "openai"], check=True)
    return python


# Our clients


async def _measure(kind: str, url: str, counts: list[str]) -> None:
    if kind == "httpx":
        await _measure_httpx(url, counts)
        return
    with tempfile.TemporaryDirectory() as folder:
        backend = _backend(kind, url, Path(folder))
        await _drain(backend.stream(_request("10@0")))
        for count in counts:
            before = time.process_time()
            await _drain(backend.stream(_request(count)))
            print(time.process_time() - before)
        await backend.aclose()


async def _measure_httpx(url: str, counts: list[str]) -> None:
    """What receiving the same bytes costs whoever uses httpx."""
    async with httpx.AsyncClient() as client:
        for count in ["10@0", *counts]:
            before = time.process_time()
            path = f"{url}/v1/chat/completions"
            async with client.stream("POST", path, json={"model": count}) as reply:
                async for _ in reply.aiter_bytes():
                    pass
            if count != "10@0":
                print(time.process_time() - before)


async def _drain(events: AsyncGenerator[Event, None]) -> None:
    async for _ in events:
        pass


def _request(count: str) -> Request:
    prompt = Message("m0", None, Role.USER, "x", 0.0)
    return Request(f"bench/{count}", (prompt,), "a0")


def _backend(kind: str, url: str, folder: Path) -> Any:
    from chatterm.remote._http import Http
    from chatterm.remote.address import parse_address
    from chatterm.remote.auth import Credentials, CredentialStore
    from chatterm.remote.ollama import OllamaBackend
    from chatterm.remote.openai import OpenAIBackend
    from chatterm.remote.openassistant.access import Access
    from chatterm.remote.openassistant.api import Api
    from chatterm.remote.openassistant.backend import OpenAssistantBackend

    http = Http("bench", parse_address(url + ("/v1" if kind == "openai" else "")))
    if kind == "openai":
        return OpenAIBackend(http)
    if kind == "ollama":
        return OllamaBackend(http)
    store = CredentialStore(folder / "credentials.json")
    store.put("bench", Credentials(http.address.origin, "token"))
    return OpenAssistantBackend(Api(Access(http, store)))


# The server


async def _serve() -> None:
    server = await asyncio.start_server(_connection, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await server.serve_forever()


async def _connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer by the path; the model's name says how many tokens are wanted."""
    wanted = "0@0"
    while True:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        length = next((s for s in head.lower().split("\r\n") if s.startswith("content-length")), "")
        body = await reader.readexactly(int(length.partition(":")[2] or 0))
        path = head.split(" ")[1]
        said = json.loads(body) if body else {}
        if "model" in said or "model_config_name" in said:
            wanted = said.get("model") or said["model_config_name"]
        if path.endswith(("/completions", "/api/chat", "/events")):
            await _stream(writer, path, wanted)
        else:
            await _small(writer, path)


async def _small(writer: asyncio.StreamWriter, path: str) -> None:
    message = {"id": "m", "role": "assistant", "state": "pending", "content": None}
    known: dict[str, Any] = {
        "/openapi.json": {
            "paths": {
                "/chats": {},
                "/configs/model_configs": {},
                "/chats/{chat_id}/prompter_message": {},
                "/chats/{chat_id}/messages/{message_id}/events": {},
            }
        },
        "/configs/model_configs": [],
        "/api/ps": {"models": []},
        "/chats": {"id": "c"},
    }
    data = json.dumps(known.get(path, message)).encode()
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(data), data))
    await writer.drain()


async def _stream(writer: asyncio.StreamWriter, path: str, wanted: str) -> None:
    kind = b"application/x-ndjson" if path.endswith("/api/chat") else b"text/event-stream"
    head = b"HTTP/1.1 200 OK\r\ncontent-type: " + kind + b"\r\ntransfer-encoding: chunked\r\n\r\n"
    writer.write(head)
    token, last = _bodies(path)
    count, pause = (int(part) for part in wanted.split("@"))
    for number in range(count + 1):
        data = token if number < count else last
        writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        await writer.drain()
        if pause:
            await asyncio.sleep(pause / 1000)
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def _bodies(path: str) -> tuple[bytes, bytes]:
    """A token, and what ends the answer."""
    if path.endswith("/completions"):
        about = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        choice = {"index": 0, "delta": {"content": " word"}, "finish_reason": None}
        token = b"data: " + json.dumps({**about, "choices": [choice]}).encode() + b"\n\n"
        choice = {"index": 0, "delta": {}, "finish_reason": "stop"}
        end = b"data: " + json.dumps({**about, "choices": [choice]}).encode() + b"\n\n"
        return token, end + b"data: [DONE]\n\n"
    if path.endswith("/api/chat"):
        line = {"model": "m", "message": {"role": "assistant", "content": " word"}, "done": False}
        return json.dumps(line).encode() + b"\n", json.dumps(
            {**line, "done": True}
        ).encode() + b"\n"
    message = {"id": "m", "role": "assistant", "state": "complete", "content": ""}
    token = b'data: {"event_type": "token", "text": " word"}\r\n\r\n'
    end = json.dumps({"event_type": "message", "message": message}).encode()
    return token, b"data: " + end + b"\r\n\r\n"


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(_serve())
    elif sys.argv[1:]:
        asyncio.run(_measure(sys.argv[1], sys.argv[2], sys.argv[3:]))
    else:
        main()
