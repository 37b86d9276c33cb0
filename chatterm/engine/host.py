"""The child process that holds one model: ``python -m chatterm.engine.host``.

One thread and one loop: look at the sockets, then let the scheduler do one step. A connection is
one request, and its end is the end of the request, so a client that vanishes has said stop. The
loop runs on while a model loads, so that progress and stop work there too.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from chatterm import __version__
from chatterm.engine import endpoint, wire
from chatterm.engine.batch import LoadCancelled
from chatterm.engine.clients import Clients, Connection, has_hung_up
from chatterm.engine.machine import resident_bytes
from chatterm.engine.settings import EngineSettings
from chatterm.errors import ChattermError, EngineError

if TYPE_CHECKING:
    from chatterm.engine.service import Service

DEFAULT_KEEP_ALIVE = 300.0
_SAVE_AFTER_SECONDS = 30.0
_ORDER_SECONDS = 5.0
_WATCHING = ("answer", "warm")
"""Requests whose clients are told how far the model is."""


class Host:
    """Serves one model until nobody has needed it for a while."""

    def __init__(
        self,
        listener: socket.socket,
        token: str,
        settings: EngineSettings,
        open_service: Callable[[EngineSettings, Callable[[float], bool]], Service],
        withdraw: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``withdraw`` takes the address away, before another host may want it."""
        self._token = token
        self._settings = settings
        self._open_service = open_service
        self._withdraw = withdraw
        self._monotonic = monotonic
        self._clients = Clients(listener, self._take, self._gone, monotonic)
        self._service: Service | None = None
        self._keep_alive = DEFAULT_KEEP_ALIVE
        self._idle_since = monotonic()
        self._saved = True
        self._stopping = False
        self._progress = -1

    def run(self) -> None:
        """Load, serve, and put everything away."""
        try:
            if self._load():
                self._serve()
        finally:
            self._close()

    def stop(self) -> None:
        """End after the current step; answers that are being written fail with a reason.

        May be called from a signal handler or another thread, so it also wakes the loop.
        """
        self._stopping = True
        self._clients.wake()

    # -- the loop ----------------------------------------------------------------------------

    def _load(self) -> bool:
        try:
            self._service = self._open_service(self._settings, self._report_load)
        except ChattermError as error:
            self._report_failure(error)
            return False
        except LoadCancelled:
            return False
        self._idle_since = self._monotonic()
        for connection in self._clients:
            for said in connection.waiting:
                self._serve_request(connection, said)
            connection.waiting.clear()
        return True

    def _report_failure(self, error: ChattermError) -> None:
        """Tell whoever ordered this model; they may not have said yet what they want of it."""
        deadline = self._monotonic() + _ORDER_SECONDS
        told = 0
        while not told and self._monotonic() < deadline and not self._stopping:
            self._clients.poll(0.05)
            for connection in self._clients:
                if connection.waiting:
                    connection.waiting.clear()
                    self._fail(connection, error)
                    told += 1
        self._clients.flush_before_end()

    def _report_load(self, share: float) -> bool:
        """Tell those who wait how far the model is; False when nobody waits any more."""
        self._clients.poll(0)
        progress = int(share * 1000)
        if progress != self._progress:
            self._progress = progress
            for connection in self._clients:
                if any(said.get("op") in _WATCHING for said in connection.waiting):
                    self._clients.send(connection, {"progress": ["load", progress, 1000]})
        return not self._stopping

    def _serve(self) -> None:
        assert self._service is not None
        while not self._is_over():
            if self._service.busy:
                self._clients.poll(0)
                # A step that reads a prompt takes long, and what is said must not wait for it.
                self._clients.send_gathered(at_once=self._service.is_reading)
                self._service.step()
                self._clients.send_gathered(at_once=self._service.is_reading)
                self._idle_since = self._monotonic()
                self._saved = False
            else:
                self._clients.poll(self._patience())
                self._save_when_idle()

    def _is_over(self) -> bool:
        assert self._service is not None
        if self._stopping:
            return True
        if self._service.busy or self._clients.has_unsent:
            return False
        return self._keep_alive >= 0 and self._idle_seconds() >= self._keep_alive

    def _idle_seconds(self) -> float:
        return self._monotonic() - self._idle_since

    def _patience(self) -> float | None:
        """How long to sleep when there is nothing to do."""
        waits = []
        if not self._saved:
            waits.append(_SAVE_AFTER_SECONDS - self._idle_seconds())
        if self._keep_alive >= 0:
            waits.append(self._keep_alive - self._idle_seconds())
        return max(0.0, min(waits)) if waits else None

    def _save_when_idle(self) -> None:
        if not self._saved and self._idle_seconds() >= _SAVE_AFTER_SECONDS:
            assert self._service is not None
            self._service.save()
            self._saved = True

    def _close(self) -> None:
        self._withdraw()
        self._clients.stop_listening()
        if self._service is not None:
            self._service.fail_all(EngineError("the engine was stopped", hint="send it again"))
            self._clients.flush_before_end()
            self._service.close()
        self._clients.close()

    def _gone(self, connection: Connection) -> None:
        if connection.job is not None and self._service is not None:
            self._service.cancel(connection.job)
            self._idle_since = self._monotonic()

    # -- requests ----------------------------------------------------------------------------

    def _take(self, connection: Connection, said: dict[str, Any]) -> None:
        if not connection.trusted:
            self._greet(connection, said)
            return
        if "keep_alive" in said:
            self._keep_alive = float(said["keep_alive"])
        if said.get("op") != "status":
            # Whoever only looks does not keep it in memory.
            self._idle_since = self._monotonic()
        match said.get("op"):
            case "status":
                self._clients.send(connection, {"reply": self._status()})
            case "keep":
                self._clients.send(connection, {"reply": {}})
            case "stop":
                self._clients.send(connection, {"reply": {"pid": os.getpid()}})
                self.stop()
            case _ if self._service is None:
                connection.waiting.append(said)
            case _:
                self._serve_request(connection, said)

    def _greet(self, connection: Connection, said: dict[str, Any]) -> None:
        """The first frame says who is calling; another version is told so and goes elsewhere."""
        if said.get("op") != "hello" or said.get("token", "") != self._token:
            self._clients.drop(connection)
            return
        connection.trusted = True
        self._clients.send(connection, {"hello": {"version": __version__, "pid": os.getpid()}})

    def _serve_request(self, connection: Connection, said: dict[str, Any]) -> None:
        assert self._service is not None
        try:
            match said.get("op"):
                case "answer":
                    request = wire.request_from_json(said["request"])
                    connection.job = self._service.answer(
                        request,
                        send=lambda value: self._clients.gather(connection, value),
                        end=lambda: self._clients.hang_up(connection),
                        is_gone=lambda: self._stopping or has_hung_up(connection.socket),
                    )
                case "load" | "warm":
                    self._clients.send(connection, {"reply": {}})
                case "count":
                    reply = self._service.count(wire.request_from_json(said["request"]))
                    self._clients.send(connection, {"reply": reply})
                case "embed":
                    connection.job = self._service.embed(
                        said["texts"],
                        cut=said["cut"],
                        send=lambda value: self._clients.send(connection, value),
                        end=lambda: self._clients.hang_up(connection),
                    )
                case other:
                    raise EngineError(f"the engine knows no request {other!r}")
        except ChattermError as error:
            self._fail(connection, error)
        except Exception as error:  # noqa: BLE001  (one bad request must not end the host)
            traceback.print_exc()
            self._fail(connection, EngineError(f"a bug in the engine: {error!r}"))

    def _fail(self, connection: Connection, error: ChattermError) -> None:
        self._clients.send(connection, wire.error_to_json(error))
        self._clients.hang_up(connection)

    def _status(self) -> dict[str, Any]:
        about = {
            "pid": os.getpid(),
            "version": __version__,
            "model": self._settings.model_path,
            "keep_alive": self._keep_alive,
            "idle_seconds": self._idle_seconds(),
            "memory_mb": resident_bytes() / 1e6,
        }
        return about if self._service is None else {**about, **self._service.status()}


def prepare(settings: EngineSettings, path: Path) -> Host:
    """Listen at ``path`` and say so on disk; ``run`` then loads and serves."""
    listener, token = endpoint.listen(path)
    about = path.with_suffix(".json")
    about.write_text(json.dumps({"pid": os.getpid(), "model": settings.model_path}))

    from chatterm.engine.service import open_service

    def withdraw() -> None:
        about.unlink(missing_ok=True)
        path.unlink(missing_ok=True)

    return Host(listener, token, settings, open_service, withdraw)


def main(stdin: TextIO) -> None:
    """Serve what the first line of stdin orders."""
    order = json.loads(stdin.readline())
    host = prepare(EngineSettings(**order["settings"]), Path(order["socket"]))
    signal.signal(signal.SIGTERM, lambda *_: host.stop())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    host.run()


if __name__ == "__main__":
    main(sys.stdin)
