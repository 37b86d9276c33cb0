"""The sockets of a host: who is connected, what they said, what is still to be sent to them.

A connection is one request, and its end is the end of the request. What the requests mean is
``host``'s.
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from chatterm.engine import endpoint, wire

_READ_SIZE = 1 << 16
_GATHER_SECONDS = 0.05
"""Nobody sees a delta so much later, and a client woken for each token slows the next one down.

All clients are told at the same time, so that a server of many is woken once for all of them.
"""
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


class Clients:
    """All connections to one host, on one selector."""

    def __init__(
        self,
        listener: socket.socket,
        said: Callable[[Connection, dict[str, Any]], None],
        gone: Callable[[Connection], None],
        monotonic: Callable[[], float],
    ) -> None:
        """``said`` gets every frame that comes, ``gone`` every connection that has ended."""
        self._listener = listener
        self._said = said
        self._gone = gone
        self._monotonic = monotonic
        self._selector = selectors.DefaultSelector()
        self._connections: set[Connection] = set()
        self._sent_at = 0.0
        """When deltas were sent last."""
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        self._alarm, self._bell = socket.socketpair()
        self._selector.register(self._bell, selectors.EVENT_READ, self._woken)

    def __iter__(self) -> Iterator[Connection]:
        """Those of now; they may go meanwhile."""
        return iter(list(self._connections))

    @property
    def has_unsent(self) -> bool:
        return any(connection.unsent for connection in self._connections)

    def wake(self) -> None:
        """End a poll; may be called from a signal handler or another thread."""
        with suppress(OSError):
            self._alarm.send(b"!")

    def stop_listening(self) -> None:
        self._selector.unregister(self._listener)
        self._listener.close()

    def close(self) -> None:
        for connection in self:
            self.drop(connection)
        self._selector.close()
        self._alarm.close()
        self._bell.close()

    def poll(self, timeout: float | None) -> None:
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
        if not _is_ours(client):
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
            self.drop(connection)
            return
        try:
            for said in connection.frames.feed(data):
                self._said(connection, said)
        except wire.BadFrame:
            self.drop(connection)

    def gather(self, connection: Connection, value: dict[str, Any]) -> None:
        """Send a delta soon, and anything else at once."""
        gathered = connection.gathered
        if value.keys() in _JOINED and gathered and gathered[-1].keys() == value.keys():
            (kind,) = value
            gathered[-1] = {kind: gathered[-1][kind] + value[kind]}
        elif "t" in value or "r" in value:
            gathered.append(value)
        else:
            self.send(connection, value)

    def send_gathered(self, *, at_once: bool) -> None:
        now = self._monotonic()
        is_due = at_once or now - self._sent_at >= _GATHER_SECONDS
        for connection in self:
            if connection.gathered and (is_due or not connection.has_heard):
                connection.has_heard = True
                self._send_bytes(connection, b"")
                if is_due:
                    self._sent_at = now

    def send(self, connection: Connection, value: dict[str, Any]) -> None:
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
            self.drop(connection)
            return
        del connection.unsent[:sent]
        if not connection.unsent:
            if connection.closing:
                self.drop(connection)
                return
            self._selector.modify(connection.socket, selectors.EVENT_READ, connection)

    def flush_before_end(self) -> None:
        """Give what was said last a moment to leave."""
        for connection in self:
            with suppress(OSError):
                connection.socket.settimeout(0.5)
                connection.socket.sendall(connection.unsent + connection.taken())
            connection.unsent.clear()

    def hang_up(self, connection: Connection) -> None:
        connection.job = None
        if connection.unsent:
            connection.closing = True
        else:
            self.drop(connection)

    def drop(self, connection: Connection) -> None:
        if connection not in self._connections:
            return
        self._connections.discard(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()
        self._gone(connection)


def has_hung_up(client: socket.socket) -> bool:
    """Whether the other end is closed; what it may have sent stays to be read."""
    try:
        return not client.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _is_ours(client: socket.socket) -> bool:
    with suppress(OSError):
        return endpoint.is_ours(client)
    return False
