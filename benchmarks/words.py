"""A stand-in of a server that streams one text at a steady pace, as OpenAI and Ollama would.

`python -m benchmarks.words FILE WORDS_A_SECOND` prints its address and serves until it is ended.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from benchmarks.answers import fragments

_MODEL = "words"
_SMALL = {
    "/api/tags": {"models": [{"name": _MODEL, "model": _MODEL, "size": 1, "digest": "0"}]},
    "/api/ps": {"models": []},
    "/api/show": {"capabilities": ["completion"], "details": {}, "model_info": {}},
    "/v1/models": {"object": "list", "data": [{"id": _MODEL, "object": "model"}]},
}


class Words:
    def __init__(self, text: str, words_a_second: float) -> None:
        self._parts = fragments(text)
        self._pace = words_a_second

    async def serve(self) -> None:
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        async with server:
            await server.serve_forever()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()
                return
            length = [s for s in head.lower().split("\r\n") if s.startswith("content-length")]
            if length:
                await reader.readexactly(int(length[0].partition(":")[2]))
            path = head.split(" ")[1].rstrip("/")
            if path.endswith("/chat/completions"):
                await self._stream(writer)
                return
            data = json.dumps(_SMALL.get(path, {})).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                b"content-length: %d\r\n\r\n%s" % (len(data), data)
            )

    async def _stream(self, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
        )
        began = time.perf_counter()
        for number, part in enumerate(self._parts):
            writer.write(_event({"role": "assistant", "content": part}))
            await asyncio.sleep(max(0.0, began + number / self._pace - time.perf_counter()))
        writer.write(_event({}, "stop") + b"data: [DONE]\n\n")
        try:
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        except ConnectionError:
            return


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    about = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": _MODEL}
    return b"data: " + json.dumps({**about, "choices": [choice]}).encode() + b"\n\n"


if __name__ == "__main__":
    asyncio.run(Words(Path(sys.argv[1]).read_text(), float(sys.argv[2])).serve())
