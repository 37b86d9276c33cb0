"""Runs the application under uvicorn, as the one server that has this file."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from chatterm.engine.locks import try_lock
from chatterm.errors import ConfigError
from chatterm.paths import Paths, private_dir
from chatterm.server.app import create_app
from chatterm.server.core import Server, database_file
from chatterm.server.settings import ServeSettings

_BACKLOG = 512


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
        timeout_graceful_shutdown=max(1, round(options.grace_seconds)),
        ssl_certfile=_file(options.tls_cert),
        ssl_keyfile=_file(options.tls_key),
    )
    return _Uvicorn(config, ready)


class _Uvicorn(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._ready is not None and self.started:
            self._ready()


def _file(name: str) -> Path | None:
    return Path(name).expanduser() if name else None
