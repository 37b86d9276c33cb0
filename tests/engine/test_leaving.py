"""Clients that go away while the engine is in the middle of telling them something."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chatterm import __version__
from chatterm.engine import wire
from chatterm.engine.host import Host
from chatterm.engine.settings import EngineSettings
from chatterm.messages import Message, Request, Role


class Telling:
    """A service whose step tells a client that has just left; it must not be called back."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self._send: Callable[[dict[str, Any]], None] = print
        self._stepping = False
        self.busy = False
        self.is_reading = True
        self.was_cancelled_inside: bool | None = None
        self.cancelled = threading.Event()

    def answer(self, request: Request, *, send: Any, end: Any, is_gone: Any) -> object:
        self._send = send
        self.busy = True
        return object()

    def step(self) -> None:
        self._stepping = True
        self._client.close()
        for done in range(3):
            self._send({"progress": ["prompt", done, 3]})
        self._stepping = False

    def cancel(self, job: object) -> None:
        self.was_cancelled_inside = self._stepping
        self.busy = False
        self.cancelled.set()

    def fail_all(self, error: object) -> None: ...

    def save(self) -> None: ...

    def close(self) -> None: ...


def test_an_answer_is_never_cancelled_from_within_its_own_step(tmp_path: Path) -> None:
    """The scheduler would go on with a sampler that was freed under it."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen()
    client = socket.socket(socket.AF_UNIX)
    service = Telling(client)
    host = Host(listener, "", EngineSettings("x.gguf"), lambda *_: service)  # type: ignore[arg-type]
    thread = threading.Thread(target=host.run)
    thread.start()
    try:
        client.connect(str(tmp_path / "s"))
        client.sendall(wire.frame({"op": "hello", "token": "", "version": __version__}))
        path = (Message("m", None, Role.USER, "hello", 0.0),)
        request = wire.request_to_json(Request("x", path, "a"))
        client.sendall(wire.frame({"op": "answer", "request": request}))
        assert service.cancelled.wait(10)
        assert service.was_cancelled_inside is False
    finally:
        host.stop()
        thread.join(10)
