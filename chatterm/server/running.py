"""Runs the application under uvicorn, as the one server that has this file."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from chatterm.engine.courtesy import let_the_engine_go_first
from chatterm.engine.locks import try_lock
from chatterm.errors import ConfigError, StoreError
from chatterm.paths import Paths, private_dir
from chatterm.server.app import create_app
from chatterm.server.certificate import Certificate
from chatterm.server.connections import Connection
from chatterm.server.core import Server
from chatterm.server.settings import ServeSettings
from chatterm.server.supervisor import tell_supervisor

_log = logging.getLogger("chatterm.server")
_BACKLOG = 512
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LAST_WORDS_SECONDS = 5.0
"""For the ends of streams to reach their clients, once all jobs are over."""


@contextmanager
def alone(paths: Paths) -> Iterator[None]:
    """Be the only server of this data folder, for as long as this lasts."""
    file = paths.server_database.with_suffix(".lock")
    try:
        private_dir(file.parent)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(
            f"the data folder {file.parent} cannot be used: {error.strerror or error}",
            hint="let the user of the server write there, or set CHATTERM_HOME to another folder",
        ) from error
    try:
        if not try_lock(descriptor):
            raise ConfigError(
                "a server is running already with these chats",
                hint="use that one, stop it, or set CHATTERM_HOME to another folder",
            )
        yield
    finally:
        os.close(descriptor)


def listen(settings: ServeSettings) -> socket.socket:
    """The socket, so that an address that is taken is told before anything is opened."""
    options = settings.options
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            options.host or None, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, proto)
        try:
            if os.name != "nt":
                found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
            found.listen(_BACKLOG)
        except OSError:
            found.close()
            raise
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError(
            f"cannot listen on {options.host}, port {options.port}: {why}",
            hint=_what_to_do(error),
        ) from error
    return found


def _what_to_do(error: Exception) -> str:
    match getattr(error, "errno", None):
        case errno.EADDRINUSE:
            return "another program has the port; choose one with --port, 0 takes a free one"
        case errno.EACCES:
            return "choose a port above 1023 with --port, or let a proxy have this one"
        case errno.EADDRNOTAVAIL:
            return "this machine does not have the address; 0.0.0.0 stands for all that it has"
        case _:
            return "--host takes an address of this machine; 0.0.0.0 stands for all that it has"


def run(
    server: Server,
    listening: socket.socket,
    ready: Callable[[], None],
    shown: Certificate | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; answers that are being written may end within the grace."""
    let_the_engine_go_first()
    uvicorn_server(server, ready, shown).run(sockets=[listening])


def uvicorn_server(
    server: Server,
    ready: Callable[[], None] | None = None,
    shown: Certificate | None = None,
) -> _Uvicorn:
    options = server.settings.options
    config = uvicorn.Config(
        create_app(server),
        http=Connection,
        log_config=None,
        access_log=False,
        lifespan="on",
        ws="none",
        server_header=False,
        proxy_headers=bool(options.proxies),
        forwarded_allow_ips=list(options.proxies),
        timeout_keep_alive=75,
        timeout_graceful_shutdown=round(options.grace_seconds + _LAST_WORDS_SECONDS),
    )
    config.load()
    config.ssl = shown.context if shown is not None else None
    return _Uvicorn(config, ready, lambda: server.jobs.aclose(options.grace_seconds), shown)


class _Uvicorn(uvicorn.Server):
    """Tells when it listens, and ends the jobs before their streams are cut."""

    def __init__(
        self,
        config: uvicorn.Config,
        ready: Callable[[], None] | None,
        drain: Callable[[], Coroutine[Any, Any, None]],
        shown: Certificate | None,
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._drain = drain
        self._shown = shown

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.started:
            return
        self._listen_for_hangups()
        if self._ready is not None:
            self._ready()
        tell_supervisor("READY=1")

    def _listen_for_hangups(self) -> None:
        """SIGHUP is the end of the terminal; without one it is a wish to read files again."""
        in_main = threading.current_thread() is threading.main_thread()
        if os.name == "nt" or not in_main or signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
            return
        heard = self._stop if _has_terminal() else self._read_again
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, heard)

    def _stop(self) -> None:
        self.should_exit = True

    def _read_again(self) -> None:
        if self._shown is None:
            return
        try:
            self._shown.read()
        except ConfigError as error:
            _log.error("the certificate stays the old one: %s", error.message)
        else:
            _log.info("the certificate was read again")

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Whoever asks it to stop is obeyed: uvicorn would raise the signal again, as a failure."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Streams end on their own, with their answer or an error: no socket is just closed."""
        tell_supervisor("STOPPING=1")
        _log.info("stopping")
        draining = asyncio.create_task(self._drain())
        await super().shutdown(sockets)
        await draining


def _has_terminal() -> bool:
    """Whether a terminal is there whose end would be ours."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
