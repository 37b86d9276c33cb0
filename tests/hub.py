"""A stand-in for the hub: real sockets on loopback, and every way to misbehave that was seen.

Two servers in threads of their own: the hub, which knows repositories, asks for tokens and
redirects, and the other host that holds the bytes. What is asked of them is written down.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_BLOCK = 64 << 10
_RANDOM = 64 << 20


@dataclass
class Asked:
    """One request and what was sent for it."""

    server: str
    path: str
    start: int | None
    stop: int | None
    token: str | None
    status: int = 0
    sent: int = 0


@dataclass
class Habits:
    """How the servers behave; may be changed while they run."""

    ranges: bool = True
    digests: bool = True
    redirects: bool = True
    token: str = ""
    """Without it files are refused, as gated ones are."""
    cut_every: int = 0
    """The connection breaks after so many bytes of a body."""
    bytes_per_second: float = 0
    """Of all connections together."""
    wrong: dict[int, int] = field(default_factory=dict)
    """At which place a wrong byte is sent, and how many times more."""
    tag: str = '"v1"'
    statuses: deque[tuple[str, int, dict[str, str]]] = field(default_factory=deque)
    """Replies to come first: of which server, status, headers."""
    expired: set[str] = field(default_factory=set)
    """Signatures of addresses that are no longer good."""
    stall_after: int = -1
    """A body stops after so many bytes, and the connection stays open."""


class Hub:
    """Both servers, their files and their memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.habits = Habits()
        self.asked: list[Asked] = []
        self.signature = "first"
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self._budget_from = time.monotonic()
        self.hub = _Server(self, "hub")
        self.cdn = _Server(self, "cdn")

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.hub.server_port}"

    @property
    def cdn_address(self) -> str:
        return f"http://localhost:{self.cdn.server_port}"

    def add(self, path: str, data: bytes) -> bytes:
        """Put a file at OWNER/REPO/NAME."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return data

    def sent(self, server: str = "") -> int:
        """Bytes of bodies of files so far."""
        with self.lock:
            return sum(asked.sent for asked in self.asked if server in ("", asked.server))

    def tokens(self, server: str) -> set[str | None]:
        with self.lock:
            return {asked.token for asked in self.asked if asked.server == server}

    def spend(self, count: int) -> None:
        """Wait until so many bytes may be sent."""
        if self.habits.bytes_per_second:
            with self.lock:
                now = time.monotonic()
                self._budget_from = max(self._budget_from, now - 0.05)
                self._budget_from += count / self.habits.bytes_per_second
                wait = self._budget_from - now
            time.sleep(max(0.0, wait))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, hub: Hub, name: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub = hub
        self.name = name

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    digests: ClassVar[dict[tuple[Path, int, int], str]] = {}

    def log_message(self, *args: object) -> None:
        return

    def setup(self) -> None:
        # What is sent and not yet read would count as sent.
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BLOCK)
        super().setup()

    def do_GET(self) -> None:
        hub, habits = self.server.hub, self.server.hub.habits
        parts = urlsplit(self.path)
        start, stop = self._range()
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
        asked = Asked(self.server.name, unquote(parts.path), start, stop, token)
        with hub.lock:
            hub.asked.append(asked)
            special = None
            if habits.statuses and habits.statuses[0][0] == self.server.name:
                special = habits.statuses.popleft()
        if special is not None:
            self._reply(asked, special[1], special[2])
        elif parts.path.startswith("/api/models/"):
            self._list(asked)
        elif self.server.name == "hub" and habits.redirects:
            self._redirect(asked)
        elif parts.query in {f"signature={signature}" for signature in habits.expired}:
            self._reply(asked, 403, {})
        else:
            self._send_file(asked, hub.folder / asked.path.lstrip("/"))

    def _range(self) -> tuple[int | None, int | None]:
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if found is None:
            return None, None
        return int(found[1]), int(found[2]) + 1 if found[2] else None

    def _reply(self, asked: Asked, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        asked.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _list(self, asked: Asked) -> None:
        repository = asked.path.removeprefix("/api/models/").split("/revision/")[0]
        folder = self.server.hub.folder / repository
        if not folder.is_dir():
            code = 404 if asked.token else 401
            self._reply(asked, code, {"X-Error-Code": "RepoNotFound"}, b'{"error":"no"}')
            return
        siblings = [
            {
                "rfilename": str(file.relative_to(folder)),
                "size": file.stat().st_size,
                "lfs": {"sha256": self._digest(file), "size": file.stat().st_size},
            }
            for file in sorted(folder.rglob("*"))
            if file.is_file()
        ]
        body = json.dumps({"sha": COMMIT, "siblings": siblings}).encode()
        self._reply(asked, 200, {"Content-Type": "application/json"}, body)

    def _redirect(self, asked: Asked) -> None:
        hub = self.server.hub
        found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", asked.path)
        file = hub.folder / found[1] / found[3] if found else hub.folder / "none"
        if hub.habits.token and asked.token != hub.habits.token:
            code = "GatedRepo" if file.is_file() else "RepoNotFound"
            self._reply(asked, 403 if asked.token else 401, {"X-Error-Code": code})
        elif found is None or not file.is_file():
            self._reply(asked, 404, {"X-Error-Code": "EntryNotFound"})
        else:
            headers = {
                "Location": f"{hub.cdn_address}/{found[1]}/{found[3]}?signature={hub.signature}",
                "X-Repo-Commit": COMMIT,
            }
            if hub.habits.digests:
                headers["X-Linked-Size"] = str(file.stat().st_size)
                headers["X-Linked-ETag"] = f'"{self._digest(file)}"'
            self._reply(asked, 302, headers)

    def _digest(self, file: Path) -> str:
        status = file.stat()
        key = file, status.st_size, status.st_mtime_ns
        if key not in self.digests:
            with file.open("rb") as opened:
                self.digests[key] = hashlib.file_digest(opened, "sha256").hexdigest()
        return self.digests[key]

    def _send_file(self, asked: Asked, file: Path) -> None:
        habits = self.server.hub.habits
        if not file.is_file():
            self._reply(asked, 404, {})
            return
        size = file.stat().st_size
        start, stop = 0, size
        ranged = habits.ranges and asked.start is not None
        if ranged:
            start, stop = asked.start or 0, min(size, asked.stop or size)
            if start >= size:
                self._reply(asked, 416, {"Content-Range": f"bytes */{size}"})
                return
        asked.status = 206 if ranged else 200
        self.send_response(asked.status)
        if ranged:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{size}")
        if habits.tag:
            self.send_header("ETag", habits.tag)
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        with suppress(ConnectionError), file.open("rb") as opened:
            opened.seek(start)
            self._send_body(asked, opened, start, stop)
        if asked.sent < stop - start:
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    def _send_body(self, asked: Asked, opened: Any, at: int, stop: int) -> None:
        hub, habits = self.server.hub, self.server.hub.habits
        while at < stop:
            count = min(_BLOCK, stop - at)
            if habits.cut_every:
                count = min(count, habits.cut_every - asked.sent)
            if habits.stall_after >= 0:
                count = min(count, habits.stall_after - asked.sent)
                if count <= 0:
                    hub.closing.wait()
                    return
            if count <= 0:
                return
            data = bytearray(opened.read(count))
            with hub.lock:
                for place, times in habits.wrong.items():
                    if at <= place < at + count and times:
                        data[place - at] ^= 0xFF
                        habits.wrong[place] = times - 1
            hub.spend(count)
            self.wfile.write(data)
            at += count
            asked.sent += count


@contextmanager
def running_hub(folder: Path) -> Iterator[Hub]:
    """Both servers, for as long as they are needed."""
    folder.mkdir(parents=True, exist_ok=True)
    hub = Hub(folder)
    servers = [hub.hub, hub.cdn]
    threads = [threading.Thread(target=s.serve_forever, args=(0.02,)) for s in servers]
    for thread in threads:
        thread.start()
    try:
        yield hub
    finally:
        hub.closing.set()
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()


def gguf_bytes(size: int, seed: int = 0) -> bytes:
    """Bytes that begin like a model and look like nothing else."""
    import random

    chance = random.Random(seed)
    blocks = [chance.randbytes(min(_RANDOM, size - at)) for at in range(0, size, _RANDOM)]
    return b"GGUF" + b"".join(blocks)[4:]
