"""A whole pull: finds the files, sees whether there is room, fetches one after the other.

``pull`` is a stream of events that ends with ``Pulled``; closing it early, or cancelling, leaves
everything so that the next pull goes on where this one stopped. Two processes that pull the same
file take turns, and the second finds it done.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chatterm.engine.pull import origin
from chatterm.engine.pull.events import Advanced, Planned, Pulled, PullEvent, Said
from chatterm.engine.pull.journal import Journal, Version, read_notes
from chatterm.engine.pull.part import PIECE, Part, disk_errors, journal_path
from chatterm.engine.pull.sources import Source
from chatterm.engine.pull.speed import Speed
from chatterm.engine.pull.transfer import Changed, Found, Patience, Transfer, find
from chatterm.engine.pull.web import Web
from chatterm.errors import BadReply, ModelError
from chatterm.paths import private_dir

_TICK_SECONDS = 0.2
_WAIT_SECONDS = 0.3
"""How often it is looked whether another process has finished."""
_ROOM_TO_LEAVE = 64 << 20
_MOST_CHANGES = 3


@dataclass(frozen=True, slots=True)
class PullOptions:
    """How to pull."""

    connections: int = 4
    patience: Patience = field(default_factory=Patience)


async def pull(
    web: Web, sources: Sequence[Source], folder: Path, options: PullOptions
) -> AsyncGenerator[PullEvent, None]:
    """Bring files into the folder of models."""
    events: asyncio.Queue[PullEvent] = asyncio.Queue()
    job = _Job(web, folder, options, events.put_nowait)
    work = asyncio.create_task(job.run(sources))
    try:
        while not work.done():
            event = asyncio.create_task(events.get())
            await asyncio.wait(
                (event, work), timeout=_TICK_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if event.done():
                yield event.result()
                continue
            event.cancel()
            if not work.done() and (advanced := job.advanced()) is not None:
                yield advanced
        while not events.empty():
            yield events.get_nowait()
        yield work.result()
    finally:
        work.cancel()
        await asyncio.wait((work,))
        if not work.cancelled():
            work.exception()  # seen, or asyncio would complain when nobody asks for it


class _Job:
    """One pull: what is wanted, and how far it is."""

    def __init__(
        self, web: Web, folder: Path, options: PullOptions, emit: Callable[[PullEvent], None]
    ) -> None:
        self._web = web
        self._folder = folder
        self._options = options
        self._emit = emit
        self._total = 0
        self._done = 0
        """Bytes of the files that are whole."""
        self._fetched = 0
        self._part: Part | None = None
        self._elsewhere: int | None = None
        """How far another process is with the file this one waits for."""
        self._checked: int | None = None
        """How much of a file that was here already has been read."""
        self._speed = Speed()

    async def run(self, sources: Sequence[Source]) -> Pulled:
        wanted = [
            await find(self._web, source, self._options.patience, self._say) for source in sources
        ]
        targets = [self._folder.joinpath(*source.place) for source in sources]
        self._total = sum(found.version.size for found in wanted)
        await self._plan(wanted, targets)
        self._done = 0
        for found, target in zip(wanted, targets, strict=True):
            with disk_errors(target.parent):
                private_dir(target.parent)
            if not _is_here(target, found.version):
                await self._bring(found, target)
            self._done += found.version.size
        return Pulled(
            paths=tuple(targets),
            total=self._total,
            fetched=self._fetched,
            checked=all(found.version.sha256 for found in wanted),
        )

    def advanced(self) -> Advanced | None:
        """How far it is now; None before there is anything to say."""
        if self._elsewhere is not None:
            return Advanced("wait", self._done + self._elsewhere, self._total)
        if self._checked is not None:
            return Advanced("check", self._done + self._checked, self._total)
        part = self._part
        if part is None:
            return None
        present, size = part.present, part.version.size
        if present == size and not part.is_complete:
            return Advanced("check", self._done + part.front, self._total)
        self._speed.add(asyncio.get_running_loop().time(), self._fetched + part.fetched)
        return Advanced("fetch", self._done + present, self._total, self._speed.per_second)

    def _say(self, text: str) -> None:
        self._emit(Said(text))

    # -- before anything is written ----------------------------------------------------------

    async def _plan(self, wanted: Sequence[Found], targets: Sequence[Path]) -> None:
        """See what is here, and whether the rest has room."""
        for found, target in zip(wanted, targets, strict=True):
            here = await self._recognised(target, found)
            self._done += found.version.size if here else _begun(target, found.version)
        names = tuple(found.source.name for found in wanted)
        self._emit(Planned(names, self._total, self._done))
        needed = self._total - self._done
        room = _room_at(self._folder)
        if needed and needed + _ROOM_TO_LEAVE > room:
            raise ModelError(
                f"{needed / 1e9:.1f} GB are needed in {self._folder}, {room / 1e9:.1f} GB are free",
                hint="free some room, or choose a smaller quantisation",
            )

    async def _recognised(self, target: Path, found: Found) -> bool:
        """Whether the file is here already; one of unknown origin is told by its digest."""
        version = found.version
        if _is_here(target, version):
            return True
        status = _status(target)
        if status is None or status.st_size != version.size or not version.sha256:
            return False
        if origin.recall(target):
            return False
        self._say(f"{target.name} is here already; checking whether it is the same")

        def note(done: int) -> None:
            self._checked = done

        try:
            with disk_errors(target):
                sha256 = await asyncio.to_thread(origin.digest, target, note)
                if sha256 == version.sha256:
                    origin.remember(target, status, version, found.source.url)
        finally:
            self._checked = None
        return sha256 == version.sha256

    # -- one file ----------------------------------------------------------------------------

    async def _bring(self, found: Found, target: Path) -> None:
        journal = await self._claim(target, found.version)
        if journal is None:
            return
        try:
            part = Part(target, journal, found.version)
        except BaseException:
            journal.close()
            raise
        self._part = part
        try:
            if part.began_anew:
                self._say(f"{target.name} has changed on its server; starting anew")
            await self._fetch(part, found)
            await asyncio.to_thread(part.finish, found.source.url)
        finally:
            part.close()
            self._fetched += part.fetched
            self._part = None

    async def _claim(self, target: Path, version: Version) -> Journal | None:
        """The right to write the file, waited for; None when another process has finished it."""
        path = journal_path(target)
        try:
            while True:
                with disk_errors(path):
                    journal = Journal.claim(path)
                if journal is not None:
                    break
                if self._elsewhere is None:
                    self._say(f"another chatterm is pulling {target.name}; waiting for it")
                self._elsewhere = _begun(target, version)
                await asyncio.sleep(_WAIT_SECONDS)
        finally:
            self._elsewhere = None
        if _is_here(target, version):
            journal.remove()
            return None
        return journal

    async def _fetch(self, part: Part, found: Found) -> None:
        """Fetch until every byte is here and the digest is right."""
        changes = 0
        while True:
            transfer = Transfer(
                self._web,
                found,
                part,
                connections=self._options.connections,
                patience=self._options.patience,
                say=self._say,
            )
            try:
                await transfer.run()
            except Changed:
                changes += 1
                if changes > _MOST_CHANGES:
                    raise BadReply(
                        f"{part.target.name} keeps changing on its server", hint="try again later"
                    ) from None
                self._say(f"{part.target.name} has changed on its server; starting anew")
                found = await find(self._web, found.source, self._options.patience, self._say)
                self._total += found.version.size - part.version.size
                part.begin_anew(found.version)
                continue
            if part.version.sha256 in ("", part.sha256):
                break
            self._doubt(part)
        if part.is_doubted:
            self._say(f"{part.changed} of its pieces were wrong, and have been replaced")

    def _doubt(self, part: Part) -> None:
        """The digest is wrong. Nothing is thrown away before it is known what is wrong."""
        if part.is_doubted:
            part.discard()
            raise BadReply(
                f"what the server sends as {part.target.name} does not have the digest it states",
                hint="nothing of it was kept; try again later, or pull it from elsewhere",
            )
        self._say(
            f"the digest of {part.target.name} is wrong;"
            " comparing it with the server's once more, and replacing what differs"
        )
        part.doubt()


def _is_here(target: Path, version: Version) -> bool:
    known = origin.recall(target)
    return known is not None and known.is_same(version)


def _status(target: Path) -> os.stat_result | None:
    try:
        return target.stat()
    except OSError:
        return None


def _begun(target: Path, version: Version) -> int:
    """How much of a file an unfinished pull has brought."""
    try:
        notes = read_notes(journal_path(target), PIECE)
    except OSError:
        return 0
    if notes is None or not notes.version.is_same(version):
        return 0
    return sum(stop - start for start, (stop, _) in notes.pieces.items())


def _room_at(folder: Path) -> int:
    """Free bytes where a folder is, or will be."""
    while not folder.exists() and folder.parent != folder:
        folder = folder.parent
    with disk_errors(folder):
        return shutil.disk_usage(folder).free
