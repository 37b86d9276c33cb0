"""Fetches one file into its part: several connections, pieces handed out from the front.

The pieces lie close together, so the digest follows closely behind the connections. Whatever
breaks, what came is kept and only the rest is asked for again; only a server that sends nothing
new several times in a row ends the transfer.
"""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit

from chatterm.engine.pull.journal import Version
from chatterm.engine.pull.part import PIECE, Part
from chatterm.engine.pull.sources import Source, sha256_of
from chatterm.engine.pull.spans import Span, Spans
from chatterm.engine.pull.web import (
    Expired,
    NoConnection,
    NoSuchRange,
    Reply,
    TooMany,
    Web,
)
from chatterm.errors import BadReply, Busy, ModelError, Unreachable

P = ParamSpec("P")
T = TypeVar("T")

_LARGEST_RANGE = 32 << 20
_WORTH_ANOTHER = 8 << 20
"""Less than this is not shared between connections."""
_MOST_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Patience:
    """How a transfer waits for a server that fails."""

    tries: int = 6
    """Failures in a row, without a byte between them, before it gives up."""
    first_seconds: float = 0.5
    """Before the second try; doubled for each further one."""
    most_seconds: float = 20.0
    longest_request: float = 90.0
    """A server that asks to wait longer than this is not waited for."""
    chance: Callable[[], float] = random.random

    def seconds(self, failures: int) -> float:
        longest: float = min(self.most_seconds, self.first_seconds * 2.0 ** (failures - 1))
        return longest * (0.5 + self.chance() / 2)


class Changed(Exception):
    """The file on the server is not the one that was begun."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file as its server describes it."""

    source: Source
    version: Version
    url: str
    """Where its bytes are, after all redirects."""
    tag: str
    """What every reply must say of its version; empty where the hub vouches for it."""


async def find(web: Web, source: Source, patience: Patience, say: Callable[[str], None]) -> Found:
    """Ask for a file without reading it."""
    failures = 0
    while True:
        try:
            async with web.get(source.url, start=0, stop=1) as reply:
                tag = "" if "x-linked-etag" in reply.linked else reply.tag
                return Found(source, _version(source, reply), reply.url, tag)
        except NoSuchRange as error:
            raise ModelError(f"{source.name} is empty on its server", hint="check it") from error
        except NoConnection:
            raise
        except (Unreachable, Busy) as error:
            failures += 1
            await _wait(error, failures, patience, say)


def _version(source: Source, reply: Reply) -> Version:
    linked_size = reply.linked.get("x-linked-size", "")
    said = reply.range
    if said is not None:
        size = said[2]
    elif not reply.is_part and reply.response.headers.get("content-length", "").isdigit():
        size = int(reply.response.headers["content-length"])
    else:
        raise BadReply(
            f"{urlsplit(reply.url).hostname} does not say how large {source.name} is",
            hint="pull it from another server",
        )
    if (linked_size.isdigit() and int(linked_size) != size) or source.size not in (0, size):
        raise BadReply(
            f"{urlsplit(reply.url).hostname} has {source.name} in another size than the hub says",
            hint="try again later",
        )
    sha256 = sha256_of(reply.linked.get("x-linked-etag")) or source.sha256
    return Version(size, sha256, reply.linked.get("x-linked-etag") or reply.tag)


async def _wait(
    error: Unreachable | Busy, failures: int, patience: Patience, say: Callable[[str], None]
) -> None:
    """Wait before the next try, or give up."""
    seconds = patience.seconds(failures)
    if isinstance(error, TooMany) and error.seconds is not None:
        seconds = error.seconds
        if seconds > patience.longest_request:
            raise error
    if failures >= patience.tries:
        raise error
    if seconds >= 1 or failures > 1:
        say(f"{error.message}; trying again in {seconds:.0f} s")
    await asyncio.sleep(seconds)


class Transfer:
    """One file on its way."""

    def __init__(
        self,
        web: Web,
        found: Found,
        part: Part,
        *,
        connections: int,
        patience: Patience,
        say: Callable[[str], None],
    ) -> None:
        self._web = web
        self._found = found
        self._part = part
        self._connections = connections
        self._patience = patience
        self._say = say
        self._taken = Spans()
        self._direct = found.url
        self._takes_ranges = asyncio.Event()
        self._wrote = asyncio.Event()
        self._workers = 0
        # One thread: writing and hashing take turns, and nothing waits long for the other.
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="pull")

    async def run(self) -> None:
        """Fetch everything that is missing, and hash all of it."""
        try:
            for _ in range(_MOST_ROUNDS):
                await self._round()
                if self._part.is_complete:
                    return
                self._say(
                    f"{self._part.target.name}: the disk lost a part of it; fetching it again"
                )
        finally:
            # Also when cancelled: what has been handed over is written before this ends.
            self._disk.shutdown(wait=True)
        raise ModelError(
            f"the disk of {self._part.path} does not keep what is written to it",
            hint="check the disk",
        )

    async def _round(self) -> None:
        follower = asyncio.create_task(self._follow())
        try:
            try:
                async with asyncio.TaskGroup() as group:
                    first = group.create_task(self._work())
                    group.create_task(self._add_connections(group, first))
            except BaseExceptionGroup as failures:
                raise _most_telling(failures) from None
            self._wrote.set()
            while not self._part.is_complete and await self._on_disk(self._part.advance):
                pass
        finally:
            follower.cancel()
            with suppress(asyncio.CancelledError):
                await follower

    async def _follow(self) -> None:
        """Let the digest follow the front."""
        while True:
            self._wrote.clear()
            if not await self._on_disk(self._part.advance):
                await self._wrote.wait()

    async def _add_connections(self, group: asyncio.TaskGroup, first: asyncio.Task[None]) -> None:
        """Open more connections once the server has shown that it sends parts of files."""
        ready = asyncio.create_task(self._takes_ranges.wait())
        await asyncio.wait((ready, first), return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            return
        missing = self._part.version.size - self._part.present
        for _ in range(min(self._connections - 1, missing // _WORTH_ANOTHER)):
            group.create_task(self._work())

    # -- one connection ----------------------------------------------------------------------

    async def _work(self) -> None:
        """Fetch one range after the other, until none is left for this connection."""
        failures = 0
        self._workers += 1
        try:
            while (span := self._take()) is not None:
                before = self._part.fetched
                try:
                    await self._fetch(span)
                    failures = 0
                except (Expired, Unreachable, Busy) as error:
                    failures = failures + 1 if self._part.fetched == before else 1
                    if isinstance(error, TooMany) and self._workers > 1:
                        return  # fewer connections are what the server asks for
                    await self._give_it_time(error, failures)
                finally:
                    self._taken.remove(*span)
        finally:
            self._workers -= 1

    async def _give_it_time(self, error: Expired | Unreachable | Busy, failures: int) -> None:
        if isinstance(error, Expired):
            error = Unreachable(
                f"{urlsplit(self._direct).hostname} does not send what it announced",
                hint="try again later; what is here already is kept",
            )
            failures += 1
        if failures > 1:
            # Another way to the bytes may be better than the one that was remembered.
            self._direct = self._found.source.url
        await _wait(error, failures, self._patience, self._say)

    def _take(self) -> Span | None:
        """The next range for a connection; small near the end, so that all end together."""
        gap = self._part.missing(self._taken)
        if gap is None:
            return None
        left = self._part.version.size - self._part.present - self._taken.total
        share = max(PIECE, min(_LARGEST_RANGE, left // (2 * self._connections)))
        if not self._takes_ranges.is_set():
            share = max(share, _LARGEST_RANGE)
        span = gap[0], min(gap[1], gap[0] + share)
        self._taken.add(*span)
        return span

    async def _fetch(self, span: Span) -> None:
        again = self._direct != self._found.source.url
        try:
            async with self._web.get(
                self._direct, start=span[0], stop=span[1], again=again
            ) as reply:
                self._direct = reply.url
                await self._read(reply, span)
        except NoSuchRange:
            raise Changed from None

    async def _read(self, reply: Reply, span: Span) -> None:
        start, stop = span
        skip = 0
        if reply.is_part:
            self._check(reply, start)
            self._takes_ranges.set()
        else:
            skip, stop = start, self._check_whole(reply, start)
        kept = bytearray()
        try:
            async with aclosing(reply.chunks()) as chunks:
                async for chunk in chunks:
                    skipped = min(skip, len(chunk))
                    skip -= skipped
                    room = stop - start - len(kept)
                    kept += chunk[skipped : skipped + room]
                    while len(kept) >= PIECE:
                        piece, kept = kept[:PIECE], kept[PIECE:]
                        at, start = start, start + PIECE
                        await self._keep(at, piece)
                    if len(chunk) - skipped > room:
                        break
        finally:
            # Nothing is awaited here, so that this happens also while being cancelled.
            self._part.write(start, kept)
            self._wrote.set()
        if start + len(kept) < stop:
            raise Unreachable(
                f"{urlsplit(reply.url).hostname} sent less than it announced",
                hint="run it again to go on where it stopped",
            )

    def _check(self, reply: Reply, start: int) -> None:
        said = reply.range
        if said is None or said[0] != start:
            raise BadReply(
                f"{urlsplit(reply.url).hostname} sends another part than was asked for",
                hint="pull it from another server",
            )
        if said[2] != self._part.version.size or self._is_another(reply):
            raise Changed

    def _check_whole(self, reply: Reply, start: int) -> int:
        """Of a server that sends whole files only, take what is missing from ``start`` on."""
        said = reply.response.headers.get("content-length", "")
        if said != str(self._part.version.size) or self._is_another(reply):
            raise Changed
        return self._part.gap_end(start)

    def _is_another(self, reply: Reply) -> bool:
        return bool(self._found.tag and reply.tag and self._found.tag != reply.tag)

    async def _keep(self, start: int, piece: bytearray) -> None:
        await self._on_disk(self._part.write, start, piece)
        self._wrote.set()

    async def _on_disk(self, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run in the disk's thread, and to the end even when cancelled meanwhile."""
        loop = asyncio.get_running_loop()
        return await asyncio.shield(
            loop.run_in_executor(self._disk, functools.partial(do, *args, **kwargs))
        )


def _most_telling(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """One error out of those of several connections; what is final tells more than a break."""
    leaves = list(_leaves(failures))
    return next((leaf for leaf in leaves if not isinstance(leaf, Unreachable | Busy)), leaves[0])


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
