"""A real server of this test's home: uvicorn on loopback, in a thread of its own."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from fastapi import FastAPI

from chatterm.catalog import load_catalog
from chatterm.config_reading import load_config
from chatterm.ids import ulid_factory
from chatterm.paths import Paths
from chatterm.server.core import Server, open_server
from chatterm.server.keys import Scope
from chatterm.server.people import People, people_in
from chatterm.server.records import open_records
from chatterm.server.running import listen, uvicorn_server
from chatterm.server.settings import serve_settings
from tests.server.asking import PATIENCE


@dataclass(frozen=True)
class Served:
    """Where it is, and what is inside; the inside belongs to another thread."""

    url: str
    server: Server
    app: FastAPI


@contextmanager
def serving(prepare: Callable[[Server], None] | None = None, **options: Any) -> Iterator[Served]:
    """Serve with these settings of ``[serve]``; a name with two underscores is of another table."""
    overrides = {_key(name): value for name, value in options.items()}
    paths = Paths.from_environment(os.environ)
    base = {"serve.port": 0, "engine.keep_alive": 0.0, "serve.grace_seconds": 0.0}
    config = load_config(paths, os.environ, {**base, **overrides})
    settings = serve_settings(config.serve, {})
    ready = threading.Event()
    found: list[Any] = []

    def work() -> None:
        try:
            with listen(settings) as listening:
                server = open_server(
                    settings,
                    config=config,
                    catalog=load_catalog(paths.user_models_file),
                    paths=paths,
                )
                if prepare is not None:
                    prepare(server)
                running = uvicorn_server(server, ready.set)
                url = settings.url(listening.getsockname()[1])
                found.extend((running, Served(url, server, cast(FastAPI, running.config.app))))
                running.run(sockets=[listening])
        except Exception as error:  # noqa: BLE001  (told to whoever waits)
            found.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert ready.wait(PATIENCE)
    if isinstance(found[-1], BaseException):
        raise found[-1]
    running, served = found
    try:
        yield served
    finally:
        running.should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive()


def add_user(name: str, password: str = "correct horse", *, is_admin: bool = False) -> str:
    """A user of this test's home, and a key of theirs."""
    with people() as known:
        user = known.users.add(name, password, is_admin=is_admin)
        scopes = tuple(Scope) if is_admin else (Scope.USE,)
        return known.keys.add(user, scopes=scopes)[1]


@contextmanager
def people() -> Iterator[People]:
    path = Paths.from_environment(os.environ).server_database
    records = open_records(path, clock=time.time, new_id=ulid_factory())
    try:
        yield people_in(records)
    finally:
        records.close()


def _key(name: str) -> str:
    return name.replace("__", ".") if "__" in name else f"serve.{name}"
