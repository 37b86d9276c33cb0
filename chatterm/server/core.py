"""What routes stand on: one frozen value with everything a server has."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chatterm.catalog import Catalog
from chatterm.config import Config
from chatterm.ids import Clock, NewId, ulid_factory
from chatterm.paths import Paths
from chatterm.server.access import Access
from chatterm.server.jobs import Jobs
from chatterm.server.kept import Kept
from chatterm.server.limits import Limits
from chatterm.server.models import Models
from chatterm.server.people import People, people_in
from chatterm.server.records import Records, open_records
from chatterm.server.settings import ServeSettings
from chatterm.server.sweeping import Sweeper
from chatterm.server.work import Rules
from chatterm.store import Store

_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Server:
    """Everything a route may use."""

    settings: ServeSettings
    records: Records
    people: People
    access: Access
    models: Models
    jobs: Jobs
    kept: Kept
    limits: Limits
    sweeper: Sweeper
    clock: Clock
    new_id: NewId
    paths: Paths
    config: Config
    catalog: Catalog

    @property
    def store(self) -> Store:
        """The trees of messages, of all users: a route looks at those of its caller only."""
        return self.records.store

    async def aclose(self) -> None:
        """Let running answers end, fail the rest, and close the file."""
        await self.jobs.aclose(self.settings.options.grace_seconds)
        await self.sweeper.aclose()
        await self.models.aclose()
        self.records.close()


def open_server(
    settings: ServeSettings,
    *,
    config: Config,
    catalog: Catalog,
    paths: Paths,
    suggest: Callable[[str], Sequence[str]] | None = None,
    clock: Clock = time.time,
    new_id: NewId | None = None,
) -> Server:
    """Open the file, end what an earlier server left open, and be ready for requests.

    It belongs to the thread that opens it. Only one server may have the file; the caller holds
    :func:`~chatterm.server.running.alone`.
    """
    new_id = new_id or ulid_factory(clock)
    options = settings.options
    records = open_records(paths.server_database, clock=clock, new_id=new_id)
    try:
        kept = Kept(records)
        kept.fail_what_was_open()
        people = people_in(
            records,
            login_seconds=options.login_minutes * 60.0,
            refresh_seconds=options.refresh_days * _DAY,
        )
        is_open = settings.lets_everybody_in(has_users=bool(people.users.all()))
        models = Models(config, catalog, paths, suggest=suggest)
    except BaseException:
        records.close()
        raise
    limits = Limits(
        records,
        requests_per_minute=options.requests_per_minute,
        tokens_per_day=options.tokens_per_day,
    )
    jobs = Jobs(
        models,
        kept,
        clock=clock,
        new_id=new_id,
        rules=Rules(
            queue_size=options.queue_size,
            open_jobs=options.open_jobs,
            wait_seconds=options.wait_seconds,
            answer_seconds=options.answer_seconds,
            keep_seconds=options.keep_seconds,
        ),
    )
    jobs.admit.append(limits.answer)
    jobs.listeners.append(limits.note)
    sweeper = Sweeper(
        paths.server_database,
        clock=clock,
        new_id=new_id,
        keep_seconds=options.responses_days * _DAY if options.responses_days else None,
    )
    access = Access(people, limits, settings, local=people.users.local_user() if is_open else None)
    return Server(
        settings=settings,
        records=records,
        people=people,
        access=access,
        models=models,
        jobs=jobs,
        kept=kept,
        limits=limits,
        sweeper=sweeper,
        clock=clock,
        new_id=new_id,
        paths=paths,
        config=config,
        catalog=catalog,
    )
