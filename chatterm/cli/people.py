"""What the commands about the server's users and keys share: the file they are in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chatterm.cli.context import Context
from chatterm.cli.serve import need_the_extra
from chatterm.errors import NotFound

if TYPE_CHECKING:
    from chatterm.server.people import People
    from chatterm.server.records import Records
    from chatterm.server.users import User


@contextmanager
def people_of(context: Context) -> Iterator[People]:
    """Those who may use this machine's server, whether or not it runs just now."""
    with records_of(context) as records:
        from chatterm.server.people import people_in

        yield people_in(records)


@contextmanager
def records_of(context: Context) -> Iterator[Records]:
    """The server's file."""
    need_the_extra()
    from chatterm.ids import ulid_factory
    from chatterm.server.records import open_records

    records = open_records(context.paths().server_database, clock=time.time, new_id=ulid_factory())
    try:
        yield records
    finally:
        records.close()


def user_named(people: People, name: str) -> User:
    """The user of that name."""
    user = people.users.named(name)
    if user is None:
        raise NotFound(f"there is no user {name!r}", hint="chatterm users list shows them")
    return user
