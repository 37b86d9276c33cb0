"""The child process that holds one model: ``python -m chatterm.engine.host``.

One thread and one loop: look at the sockets, then let the scheduler do one step. A connection is
one request, and its end is the end of the request, so a client that vanishes has said stop. The
loop runs on while a model loads, so that progress and stop work there too.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from chatterm import __version__
from chatterm.engine import endpoint, wire
from chatterm.engine.batch import LoadCancelled
from chatterm.engine.settings import EngineSettings
from chatterm.errors import ChattermError, EngineError

if TYPE_CHECKING:
    from chatterm.engine.service import Service

DEFAULT_KEEP_ALIVE = 300.0
_SAVE_AFTER_SECONDS = 30.0
_ORDER_SECONDS = 5.0
_READ_SIZE = 1 << 16
_GATHER_SECONDS = 0.05
"""Nobody sees a delta so much later, and a client woken for each token slows the next one down.

All clients are told at the same time, so that a server of many is woken once for all of them.
"""


_WATCHING = ("answer", "warm")
"""Requests whose clients are told how far the model is."""
_JOINED = ({"t"}, {"r"})
"""Deltas of nothing but text; one with probabilities stays as it is."""


@dataclass(slots=True, eq=False)
class Connection:
    """One client and what it waits for."""

    socket: socket.socket
    frames: wire.FrameReader = field(default_factory=wire.FrameReader)
    unsent: bytearray = field(default_factory=bytearray)
    gathered: list[dict[str, Any]] = field(default_factory=list)
    """Deltas that wait a moment for company; what follows upon its like is joined to it."""
    has_heard: bool = False
    """The first delta of an answer does not wait."""
    trusted: bool = False
    waiting: list[dict[str, Any]] = field(default_factory=list)
    """Requests that came before the model was loaded."""
    job: Any = None
    closing: bool = False
    """Hang up once everything is sent."""

    def taken(self) -> bytes:
        """What was gathered, as frames; it is to be sent now."""
        frames = b"".join(map(wire.frame, self.gathered))
        self.gathered.clear()
        return frames


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
        self._listener = listener
        self._token = token
        self._settings = settings
        self._open_service = open_service
        self._withdraw = withdraw
        self._monotonic = monotonic
        self._selector = selectors.DefaultSelector()
        self._connections: set[Connection] = set()
        self._service: Service | None = None
        self._keep_alive = DEFAULT_KEEP_ALIVE
        self._idle_since = monotonic()
        self._saved = True
        self._stopping = False
        self._progress = -1
        self._sent_at = 0.0
        """When deltas were sent last."""
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        self._alarm, self._bell = socket.socketpair()
        self._selector.register(self._bell, selectors.EVENT_READ, self._woken)

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
        with suppress(OSError):
            self._alarm.send(b"!")

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
        for connection in list(self._connections):
            for said in connection.waiting:
                self._serve_request(connection, said)
            connection.waiting.clear()
        return True

    def _report_failure(self, error: ChattermError) -> None:
        """Tell whoever ordered this model; they may not have said yet what they want of it."""
        deadline = self._monotonic() + _ORDER_SECONDS
        told = 0
        while not told and self._monotonic() < deadline and not self._stopping:
            self._poll(0.05)
            for connection in list(self._connections):
                if connection.waiting:
                    connection.waiting.clear()
                    self._fail(connection, error)
                    told += 1
        self._flush_before_end()

    def _report_load(self, share: float) -> bool:
        """Tell those who wait how far the model is; False when nobody waits any more."""
        self._poll(0)
        progress = int(share * 1000)
        if progress != self._progress:
            self._progress = progress
            for connection in list(self._connections):
                if any(said.get("op") in _WATCHING for said in connection.waiting):
                    self._send(connection, {"progress": ["load", progress, 1000]})
        return not self._stopping

    def _serve(self) -> None:
        assert self._service is not None
        while not self._is_over():
            if self._service.busy:
                self._poll(0)
                # A step that reads a prompt takes long, and what is said must not wait for it.
                self._send_gathered(at_once=self._service.is_reading)
                self._service.step()
                self._send_gathered(at_once=self._service.is_reading)
                self._idle_since = self._monotonic()
                self._saved = False
            else:
                self._poll(self._patience())
                self._save_when_idle()

    def _is_over(self) -> bool:
        assert self._service is not None
        if self._stopping:
            return True
        if self._service.busy or any(c.unsent for c in self._connections):
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
        self._selector.unregister(self._listener)
        self._listener.close()
        if self._service is not None:
            self._service.fail_all(EngineError("the engine was stopped", hint="send it again"))
            self._flush_before_end()
            self._service.close()
        for connection in list(self._connections):
            self._drop(connection)
        self._selector.close()
        self._alarm.close()
        self._bell.close()

    # -- sockets -----------------------------------------------------------------------------

    def _poll(self, timeout: float | None) -> None:
        for key, events in self._selector.select(timeout):
            if not isinstance(key.data, Connection):
                key.data()
                continue
            connection = key.data
            if events & selectors.EVENT_WRITE:
                self._flush(connection)
            if events & selectors.EVENT_READ and connection in self._connections:
                self._read(connection)

    def _woken(self) -> None:
        self._bell.recv(64)

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        if not endpoint_is_ours(client):
            client.close()
            return
        client.setblocking(False)
        connection = Connection(client)
        self._connections.add(connection)
        self._selector.register(client, selectors.EVENT_READ, connection)

    def _read(self, connection: Connection) -> None:
        try:
            data = connection.socket.recv(_READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(connection)
            return
        try:
            for said in connection.frames.feed(data):
                self._take(connection, said)
        except wire.BadFrame:
            self._drop(connection)

    def _gather(self, connection: Connection, value: dict[str, Any]) -> None:
        """Send a delta soon, and anything else at once."""
        gathered = connection.gathered
        if value.keys() in _JOINED and gathered and gathered[-1].keys() == value.keys():
            (kind,) = value
            gathered[-1] = {kind: gathered[-1][kind] + value[kind]}
        elif "t" in value or "r" in value:
            gathered.append(value)
        else:
            self._send(connection, value)

    def _send_gathered(self, *, at_once: bool) -> None:
        now = self._monotonic()
        is_due = at_once or now - self._sent_at >= _GATHER_SECONDS
        for connection in list(self._connections):
            if connection.gathered and (is_due or not connection.has_heard):
                connection.has_heard = True
                self._send_bytes(connection, b"")
                if is_due:
                    self._sent_at = now

    def _send(self, connection: Connection, value: dict[str, Any]) -> None:
        self._send_bytes(connection, wire.frame(value))

    def _send_bytes(self, connection: Connection, data: bytes) -> None:
        """Send now what the socket takes, and keep the rest for when it takes more."""
        if connection not in self._connections:
            return
        data = connection.taken() + data
        if connection.unsent:
            connection.unsent += data
            return
        try:
            sent = connection.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            # The scheduler may be in the middle of this very answer. What it holds is freed when
            # the loop reads the end of the connection, before the next step.
            with suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)
            return
        if sent < len(data):
            connection.unsent += data[sent:]
            both = selectors.EVENT_READ | selectors.EVENT_WRITE
            self._selector.modify(connection.socket, both, connection)

    def _flush(self, connection: Connection) -> None:
        try:
            sent = connection.socket.send(connection.unsent)
        except BlockingIOError:
            return
        except OSError:
            self._drop(connection)
            return
        del connection.unsent[:sent]
        if not connection.unsent:
            if connection.closing:
                self._drop(connection)
                return
            self._selector.modify(connection.socket, selectors.EVENT_READ, connection)

    def _flush_before_end(self) -> None:
        """Give what was said last a moment to leave."""
        for connection in list(self._connections):
            with suppress(OSError):
                connection.socket.settimeout(0.5)
                connection.socket.sendall(connection.unsent + connection.taken())
            connection.unsent.clear()

    def _hang_up(self, connection: Connection) -> None:
        connection.job = None
        if connection.unsent:
            connection.closing = True
        else:
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        if connection not in self._connections:
            return
        self._connections.discard(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()
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
                self._send(connection, {"reply": self._status()})
            case "keep":
                self._send(connection, {"reply": {}})
            case "stop":
                self._send(connection, {"reply": {"pid": os.getpid()}})
                self.stop()
            case _ if self._service is None:
                connection.waiting.append(said)
            case _:
                self._serve_request(connection, said)

    def _greet(self, connection: Connection, said: dict[str, Any]) -> None:
        """The first frame says who is calling; another version is told so and goes elsewhere."""
        if said.get("op") != "hello" or said.get("token", "") != self._token:
            self._drop(connection)
            return
        connection.trusted = True
        self._send(connection, {"hello": {"version": __version__, "pid": os.getpid()}})

    def _serve_request(self, connection: Connection, said: dict[str, Any]) -> None:
        assert self._service is not None
        try:
            match said.get("op"):
                case "answer":
                    request = wire.request_from_json(said["request"])
                    connection.job = self._service.answer(
                        request,
                        send=lambda value: self._gather(connection, value),
                        end=lambda: self._hang_up(connection),
                        is_gone=lambda: self._stopping or has_hung_up(connection.socket),
                    )
                case "load" | "warm":
                    self._send(connection, {"reply": {}})
                case "count":
                    reply = self._service.count(wire.request_from_json(said["request"]))
                    self._send(connection, {"reply": reply})
                case "embed":
                    connection.job = self._service.embed(
                        said["texts"],
                        cut=said["cut"],
                        send=lambda value: self._send(connection, value),
                        end=lambda: self._hang_up(connection),
                    )
                case other:
                    raise EngineError(f"the engine knows no request {other!r}")
        except ChattermError as error:
            self._fail(connection, error)
        except Exception as error:  # noqa: BLE001  (one bad request must not end the host)
            traceback.print_exc()
            self._fail(connection, EngineError(f"a bug in the engine: {error!r}"))

    def _fail(self, connection: Connection, error: ChattermError) -> None:
        self._send(connection, wire.error_to_json(error))
        self._hang_up(connection)

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


def resident_bytes() -> int:
    """Memory of this process that is in use now, or at most so far where /proc is missing."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        with suppress(ImportError):
            import resource

            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return 0


def has_hung_up(client: socket.socket) -> bool:
    """Whether the other end is closed; what it may have sent stays to be read."""
    try:
        return not client.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True


def endpoint_is_ours(client: socket.socket) -> bool:
    with suppress(OSError):
        return endpoint.is_ours(client)
    return False


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
