"""The models to choose from: what is loaded, on this machine, in the catalogue, and on remotes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chatterm.backend import engine_home, is_file_name
from chatterm.errors import ChattermError
from chatterm.tui.desk import Desk, short_name
from chatterm.tui.fuzzy import ranked
from chatterm.tui.widgets.rows import Row
from chatterm.tui.widgets.status import tokens

if TYPE_CHECKING:
    from chatterm.catalog import ModelEntry
    from chatterm.engine.library import LocalModel

_MARKS = {"yes": "fits", "partly": "tight", "no": "too large"}
"""What is said of a model on this machine; tight is only partly on the GPU, and slower."""
ABSENT = "absent/"
"""Before the name of a model that is in the catalogue and not on this machine."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A model as the list has it."""

    name: str
    section: str
    right: str = ""
    about: str = ""
    path: str = ""
    absent: bool = False
    fit: str = ""
    """How it fits this machine, as far as that is known."""
    plan: str = ""
    """How it would be opened, in one line."""


class ModelShelf:
    """What the model picker shows; it grows while it is shown."""

    def __init__(
        self,
        desk: Desk,
        current: str,
        *,
        only_ready: bool = False,
        pulls: Mapping[str, str] | None = None,
    ) -> None:
        """``only_ready`` leaves out what would have to be pulled first; ``pulls`` is what is."""
        self._desk = desk
        self._current = current
        self._only_ready = only_ready
        self._local: tuple[LocalModel, ...] = ()
        self._loaded: dict[str, str] = {}
        self._remote: dict[str, list[Shown]] = {}
        self._fits: dict[str, tuple[str, str]] = {}
        self._pulls = pulls or {}
        self.grown: Callable[[], None] = lambda: None
        """To be called when there is more to show."""

    async def look(self) -> None:
        """See what lies on the disk and what is loaded, beside the loop where it may take time."""
        with suppress(ChattermError, OSError):
            self._local = await asyncio.to_thread(self._library)
            self.grown()
        with suppress(ChattermError, OSError):
            await self._ask_engines()
            self.grown()
        remotes = (self._ask_remote(name) for name in self._desk.catalog.remotes)
        await asyncio.gather(self._see_what_fits(), *remotes)

    async def _see_what_fits(self) -> None:
        with suppress(ChattermError, OSError):
            self._fits = await asyncio.to_thread(self._fitting)
            self.grown()

    def _fitting(self) -> dict[str, tuple[str, str]]:
        """How every model would fit and be opened; it asks for GPUs and reads headers."""
        from chatterm.engine.described import describe, with_fit
        from chatterm.engine.fit import wish_of
        from chatterm.engine.machine import this_machine
        from chatterm.engine.recommend import verdict

        machine, wish = this_machine(), wish_of(self._desk.config.engine)
        fits = {
            entry.name: (_MARKS.get(verdict(_size(entry), machine), ""), "")
            for entry in self._desk.catalog.models.values()
        }
        for model in self._local:
            described = with_fit(*describe(model), machine, wish)
            fits[model.name] = (_MARKS.get(described.fits, ""), described.plan)
        return fits

    async def _ask_remote(self, name: str) -> None:
        """What a remote has; one that does not answer says why in the place of its models."""
        from chatterm.remote.remembered import remember_models

        try:
            infos = await self._desk.backend(f"{name}/*").models()
            remember_models(self._desk.paths, self._desk.catalog.remotes[name], infos)
        except ChattermError as error:
            self._remote[name] = [Shown(f"{name}/", name, error.message, error.hint, absent=True)]
        else:
            self._remote[name] = [
                Shown(
                    info.name if info.name.startswith(f"{name}/") else f"{name}/{info.name}",
                    f"On {name}",
                    tokens(info.context) if info.context else "",
                    info.summary,
                )
                for info in infos
            ]
        self.grown()

    def _library(self) -> tuple[LocalModel, ...]:
        from chatterm.engine.library import open_library

        return open_library(self._desk.paths, self._desk.catalog).models

    async def _ask_engines(self) -> None:
        from chatterm.engine.hosts import running

        for host in await running(engine_home(self._desk.config, self._desk.paths)):
            loaded = f"loaded, {host['memory_mb']:,.0f} MB" if "memory_mb" in host else "loading"
            self._loaded[_real(str(host["model"]))] = loaded

    # What is shown

    def rows(self, query: str) -> list[Row]:
        known = [one for one in self._known() if not (one.absent and self._only_ready)]
        rows: list[Row] = []
        section = ""
        for model, marks in ranked(query, known, lambda model: model.name):
            if model.section != section and not query.strip():
                section = model.section
                rows.append(Row("", section))
            rows.append(
                Row(
                    f"{ABSENT}{model.name}" if model.absent else model.name,
                    short_name(model.name),
                    right="  ".join(part for part in (model.fit, model.right) if part),
                    marks=marks,
                    sign="●" if model.name == self._current else "",
                    dim=model.absent,
                )
            )
        typed = query.strip()
        if is_file_name(typed) and typed not in {model.name for model in known}:
            rows.append(Row(typed, f"The file {typed}"))
        return rows

    def about(self, row: Row | None) -> str:
        """What is said of the model under the cursor."""
        if row is None:
            return ""
        name = row.key.removeprefix(ABSENT)
        model = next((model for model in self._known() if model.name == name), None)
        if model is None:
            return name
        then = ""
        if model.absent and name in self._desk.catalog.models:
            then = "Enter stops it; what came is kept" if name in self._pulls else "Enter pulls it"
        parts = (then, model.about, model.plan, model.path)
        return " · ".join(part for part in parts if part) or model.name

    def _known(self) -> list[Shown]:
        entries = self._desk.catalog.models
        ready = [entry for entry in entries.values() if entry.path or entry.backend == "echo"]
        names = {model.name for model in self._local}
        shown = [self._built_in(entry) for entry in ready]
        shown += [self._on_disk(model) for model in self._local if not model.file.problem]
        shown += [model for models in self._remote.values() for model in models]
        here = {model.entry.name for model in self._local if model.entry is not None}
        names |= {model.name for model in shown}
        if self._current not in names:
            shown.append(Shown(self._current, "In use", self._state(self._current)))
        shown += [
            Shown(
                entry.name,
                "In the catalogue, to be pulled",
                self._pulls.get(entry.name) or gigabytes(_size(entry)),
                entry.summary,
                absent=True,
                fit="" if entry.name in self._pulls else self._fit(entry.name)[0],
            )
            for entry in entries.values()
            if entry not in ready and entry.name not in here
        ]
        return shown

    def _built_in(self, entry: ModelEntry) -> Shown:
        return Shown(entry.name, "Built in", self._state(entry.path), entry.summary, entry.path)

    def _on_disk(self, model: LocalModel) -> Shown:
        path = str(model.path)
        right = "  ".join(filter(None, [self._state(path), gigabytes(model.file.size)]))
        about = model.entry.summary if model.entry is not None else ""
        fit, plan = self._fit(model.name)
        return Shown(model.name, "On this machine", right, about, path, fit=fit, plan=plan)

    def _fit(self, name: str) -> tuple[str, str]:
        return self._fits.get(name, ("", ""))

    def _state(self, path: str) -> str:
        return self._loaded.get(_real(path), "") if path else ""


def _real(path: str) -> str:
    return str(Path(path).resolve())


def _size(entry: ModelEntry) -> int:
    return next((file.size for file in entry.files.values()), 0)


def gigabytes(size: int) -> str:
    if not size:
        return ""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"
