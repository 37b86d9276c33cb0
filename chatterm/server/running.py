"""Runs the application under uvicorn, as the one server that has this file."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from chatterm.engine.courtesy import let_the_engine_go_first
from chatterm.engine.locks import try_lock
from chatterm.errors import ConfigError
from chatterm.paths import Paths, private_dir
from chatterm.server.app import create_app
from chatterm.server.core import Server, database_file
from chatterm.server.settings import ServeSettings

_BACKLOG = 512
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LAST_WORDS_SECONDS = 5.0
"""For the ends of streams to reach their clients, once all jobs are over."""


@contextmanager
def alone(paths: Paths) -> Iterator[None]:
    """Be the only server of this data folder, for as long as this lasts."""
    file = database_file(paths).with_suffix(".lock")
    private_dir(file.parent)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
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
        raise ConfigError(
            f"cannot listen on {options.host}, port {options.port}: {error}",
            hint="another program may have the port; choose one with --port, 0 takes a free one",
        ) from error
    return found


def run(server: Server, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; answers that are being written may end within the grace."""
    let_the_engine_go_first()
    uvicorn_server(server, ready).run(sockets=[listening])


def uvicorn_server(server: Server, ready: Callable[[], None] | None = None) -> _Uvicorn:
    options = server.settings.options
    config = uvicorn.Config(
        create_app(server),
        log_config=None,
        access_log=False,
        lifespan="on",
        ws="none",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=round(options.grace_seconds + _LAST_WORDS_SECONDS),
        ssl_certfile=_file(options.tls_cert),
        ssl_keyfile=_file(options.tls_key),
    )
    return _Uvicorn(config, ready, lambda: server.jobs.aclose(options.grace_seconds))


class _Uvicorn(uvicorn.Server):
    """Tells when it listens, and ends the jobs before their streams are cut."""

    def __init__(
        self,
        config: uvicorn.Config,
        ready: Callable[[], None] | None,
        drain: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._drain = drain

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._ready is not None and self.started:
            self._ready()

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
        draining = asyncio.create_task(self._drain())
        await super().shutdown(sockets)
        await draining


def _file(name: str) -> Path | None:
    return Path(name).expanduser() if name else None
