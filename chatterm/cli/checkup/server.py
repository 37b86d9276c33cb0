"""Whether ``chatterm serve`` could serve: its packages, its settings, its file."""

from __future__ import annotations

import time
from collections.abc import Iterator

from chatterm.cli.checkup.check import Check, failed, failure, ok
from chatterm.cli.serve import need_the_extra
from chatterm.config import Config
from chatterm.errors import ChattermError, StoreError
from chatterm.ids import ulid_factory
from chatterm.paths import Paths


def server_checks(config: Config, paths: Paths) -> Iterator[Check]:
    """Nothing is wrong with not being a server, unless this machine was one."""
    try:
        need_the_extra()
    except ChattermError as error:
        if paths.server_database.exists():
            yield failure("server", error)
        else:
            yield ok("server", f"not installed; {error.hint}, adds it")
        return
    from chatterm.server.certificate import certificate
    from chatterm.server.settings import serve_settings

    try:
        settings = serve_settings(config.serve, {})
        certificate(settings)
        users, problems = _file(paths)
        settings.lets_everybody_in(has_users=bool(users))
    except ChattermError as error:
        yield failure("server", error)
        return
    if problems:
        yield failed(
            "server",
            f"{paths.server_database} is damaged: {problems[0]}",
            f"stop the server, copy the file away, then: sqlite3 {paths.server_database} .recover",
            StoreError,
        )
        return
    who = {0: "without users", 1: "with one user"}.get(users, f"with {users} users")
    yield ok("server", f"can serve at {settings.url(settings.options.port)}, {who}")


def _file(paths: Paths) -> tuple[int, list[str]]:
    """How many users there are, and what is wrong with the file. Reads all of it."""
    if not paths.server_database.exists():
        return 0, []
    from chatterm.server.people import people_in
    from chatterm.server.records import open_records

    records = open_records(paths.server_database, clock=time.time, new_id=ulid_factory())
    try:
        return len(people_in(records).users.all()), records.store.integrity()
    finally:
        records.close()
