"""Models on their way to this machine, while one goes on chatting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress

from chatterm.errors import ChattermError, ModelError
from chatterm.tui.desk import Desk
from chatterm.tui.models import gigabytes


class Pulls:
    """What is being pulled, each in a task of its own; a pull that is stopped goes on later."""

    def __init__(self, desk: Desk, env: Mapping[str, str], changed: Callable[[], None]) -> None:
        self._desk = desk
        self._env = env
        self._changed = changed
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.progress: dict[str, str] = {}
        """Model to how far it is, in words."""
        self.failures: dict[str, ChattermError] = {}
        """Why a model did not come, until it is pulled again."""

    def begin(self, name: str, ended: Callable[[str, ChattermError | None], None]) -> bool:
        """Pull a model of the catalogue; False where it is on its way already."""
        if name in self._tasks:
            return False
        self.failures.pop(name, None)
        self.progress[name] = "asking the server"
        self._tasks[name] = asyncio.create_task(self._run(name, ended))
        self._changed()
        return True

    def stop(self, name: str) -> None:
        """Leave off; what has come is kept, and pulling it again goes on from there."""
        if name in self._tasks:
            self._tasks[name].cancel()

    async def aclose(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self, name: str, ended: Callable[[str, ChattermError | None], None]) -> None:
        failure: ChattermError | None = None
        try:
            await self._pull(name)
        except ChattermError as error:
            failure = self.failures[name] = error
        finally:
            self._tasks.pop(name, None)
            self.progress.pop(name, None)
            self._changed()
        ended(name, failure)

    async def _pull(self, name: str) -> None:
        # Here, as these bring the network library, which opening the program does without.
        from chatterm.engine.pull.events import Advanced, Said
        from chatterm.engine.pull.pulling import PullOptions, pull
        from chatterm.engine.pull.sources import files_in
        from chatterm.engine.pull.web import Web

        entry = self._desk.catalog.models.get(name)
        if entry is None or not entry.files:
            raise ModelError(
                f"the catalogue has no files for {name}",
                hint="name a repository: chatterm models pull hf:OWNER/REPO",
            )
        file = next(iter(entry.files.values())).file
        async with Web(self._env) as web:
            sources = files_in(web.hub, entry.repository, file)
            events = pull(web, sources, self._desk.paths.models_dir, PullOptions())
            trouble, done = "", -1
            async with aclosing(events):
                async for event in events:
                    if isinstance(event, Said):
                        trouble = event.text
                    elif isinstance(event, Advanced):
                        trouble = trouble if event.done == done else ""
                        done = event.done
                        self.progress[name] = trouble or _said(
                            event.stage, event.done, event.total, event.speed
                        )
                        self._changed()


def _said(stage: str, done: int, total: int, speed: float | None) -> str:
    """How far, of how much, how fast, how long still."""
    share = f"{100 * done // total} % of {gigabytes(total)}" if total else gigabytes(done)
    if stage == "check":
        return f"checking, {share}"
    if stage == "wait":
        return "another chatterm is pulling it"
    if not speed:
        return f"{share}, waiting for the server"
    left = (total - done) / speed
    time = f"{left / 60:.0f} min left" if left >= 90 else f"{left:.0f} s left"
    return f"{share}, {speed / 1e6:.1f} MB/s, {time}"
