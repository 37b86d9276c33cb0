"""The models to choose from: what is loaded, on this machine, in the catalogue, and on remotes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chatterm.backend import engine_home, is_file_name
from chatterm.errors import ChattermError, ModelError
from chatterm.tui.desk import Desk, short_name
from chatterm.tui.fuzzy import ranked
from chatterm.tui.widgets.rows import Row
from chatterm.tui.widgets.status import tokens

if TYPE_CHECKING:
    from chatterm.catalog import ModelEntry
    from chatterm.engine.library import LocalModel
    from chatterm.tui.pulls import Pulls

_MARKS = {"yes": "fits", "partly": "tight", "no": "too large"}
"""What is said of a model on this machine; tight is only partly on the GPU, and slower."""
ABSENT = "absent/"
"""Before the name of a model that is in the catalogue and not on this machine."""
AWAY = "away:"
"""Before the name of a remote that has not said what it has."""
BROKEN = "broken:"
"""Before the name of a model whose file cannot be used here."""
_EMBEDS = ("embeddings",)
_WRITES_NONE = "it is a model for embeddings: it reads texts and writes none"


@dataclass(frozen=True, slots=True)
class Shown:
    """A model as the list has it."""

    name: str
    section: str
    right: str = ""
    about: str = ""
    path: str = ""
    kind: str = ""
    """What is before its name in a row's key, where it cannot answer now."""
    failure: ChattermError | None = None
    """Why it cannot."""
    fit: str = ""
    """How it fits this machine, as far as that is known."""
    plan: str = ""
    """How it would be opened, in one line."""

    @property
    def key(self) -> str:
        return f"{self.kind}{self.name}"


@dataclass(frozen=True, slots=True)
class _Looked:
    """What a look at a file, or at its size, says of a model."""

    fit: str = ""
    plan: str = ""
    problem: str = ""


class ModelShelf:
    """What the model picker shows; it grows while it is shown."""

    def __init__(
        self,
        desk: Desk,
        current: str,
        *,
        only_ready: bool = False,
        pulls: Pulls | None = None,
    ) -> None:
        """``only_ready`` leaves out what cannot answer now."""
        self._desk = desk
        self._current = current
        self._only_ready = only_ready
        self._local: tuple[LocalModel, ...] = ()
        self._loaded: dict[str, str] = {}
        self._remote: dict[str, list[Shown]] = {}
        self._looked: dict[str, _Looked] = {}
        self._pulls = pulls.progress if pulls is not None else {}
        self._not_pulled = pulls.failures if pulls is not None else {}
        self.grown: Callable[[], None] = lambda: None
        """To be called when there is more to show."""

    async def look(self) -> None:
        """See what lies on the disk and what is loaded, beside the loop where it may take time."""
        await self.look_here()
        remotes = (self._ask_remote(name) for name in self._desk.catalog.remotes)
        # An engine that reads a long prompt answers late, and a remote perhaps never.
        await asyncio.gather(self._ask_engines(), self._see_what_fits(), *remotes)

    async def look_here(self) -> None:
        """See what lies on the disk."""
        with suppress(ChattermError, OSError):
            self._local = await asyncio.to_thread(self._library)
            self.grown()

    async def _see_what_fits(self) -> None:
        with suppress(ChattermError, OSError):
            self._looked = await asyncio.to_thread(self._fitting)
            self.grown()

    def _fitting(self) -> dict[str, _Looked]:
        """How every model would fit and be opened; it asks for GPUs and reads headers."""
        from chatterm.engine.described import describe, with_fit
        from chatterm.engine.fit import wish_of
        from chatterm.engine.machine import this_machine
        from chatterm.engine.recommend import verdict

        machine, wish = this_machine(), wish_of(self._desk.config.engine)
        looked = {
            entry.name: _Looked(_MARKS.get(verdict(_size(entry), machine), ""))
            for entry in self._desk.catalog.models.values()
        }
        for model in self._local:
            described = with_fit(*describe(model), machine, wish)
            problem = described.problem
            if described.capabilities == _EMBEDS:
                problem = problem or _WRITES_NONE
            fit = _MARKS.get(described.fits, "")
            looked[model.name] = _Looked(fit, described.plan, problem)
        return looked

    async def _ask_remote(self, name: str) -> None:
        """What a remote has; one that does not answer says why in the place of its models."""
        from chatterm.remote.remembered import remember_models

        section = f"On {name}"
        self._remote[name] = [Shown(name, section, "asking", kind=AWAY)]
        self.grown()
        try:
            infos = await self._desk.backend(f"{name}/*").models()
            remember_models(self._desk.paths, self._desk.catalog.remotes[name], infos)
        except ChattermError as error:
            self._remote[name] = [Shown(name, section, error.message, kind=AWAY, failure=error)]
        else:
            self._remote[name] = [
                Shown(
                    info.name if info.name.startswith(f"{name}/") else f"{name}/{info.name}",
                    section,
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

        with suppress(ChattermError, OSError):
            for host in await running(engine_home(self._desk.config, self._desk.paths)):
                loaded = (
                    f"loaded, {host['memory_mb']:,.0f} MB" if "memory_mb" in host else "loading"
                )
                self._loaded[_real(str(host["model"]))] = loaded
            self.grown()

    # What is shown

    def rows(self, query: str) -> list[Row]:
        known = [one for one in self._known() if not (one.kind and self._only_ready)]
        rows: list[Row] = []
        section = ""
        for model, marks in ranked(query, known, lambda model: model.name):
            if model.section != section and not query.strip():
                section = model.section
                rows.append(Row("", section))
            rows.append(
                Row(
                    model.key,
                    short_name(model.name),
                    right="  ".join(part for part in (model.fit, model.right) if part),
                    marks=marks,
                    sign="●" if model.name == self._current else "",
                    dim=bool(model.kind),
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
        model = self._of(row.key)
        if model is None:
            return row.key
        failure = model.failure
        why = [failure.message, failure.hint] if failure is not None else []
        parts = (self._then(model), *why, model.about, model.plan, model.path)
        return " · ".join(part for part in parts if part) or model.name

    def failure(self, key: str) -> ChattermError | None:
        """Why what a row stands for cannot answer."""
        model = self._of(key)
        return model.failure if model is not None else None

    def _of(self, key: str) -> Shown | None:
        return next((model for model in self._known() if model.key == key), None)

    def _then(self, model: Shown) -> str:
        """What Enter does, where it does not just choose."""
        if model.kind == AWAY:
            return "Enter logs in" if wants_login(model.failure) else "Enter asks again"
        if model.kind != ABSENT:
            return ""
        if model.name in self._pulls:
            return "Enter stops it; what came is kept"
        return "Enter tries again, from where it was" if model.failure else "Enter pulls it"

    def _known(self) -> list[Shown]:
        entries = self._desk.catalog.models
        ready = [entry for entry in entries.values() if entry.path or entry.backend == "echo"]
        names = {model.name for model in self._local}
        shown = [self._built_in(entry) for entry in ready]
        shown += [self._on_disk(model) for model in self._local]
        shown += [model for models in self._remote.values() for model in models]
        here = {model.entry.name for model in self._local if model.entry is not None}
        names |= {model.name for model in shown}
        if self._current not in names:
            shown.append(Shown(self._current, "In use", self._state(self._current)))
        shown += [
            self._to_be_pulled(entry)
            for entry in entries.values()
            if entry not in ready and entry.name not in here and entry.capabilities != _EMBEDS
        ]
        return shown

    def _to_be_pulled(self, entry: ModelEntry) -> Shown:
        failure = self._not_pulled.get(entry.name)
        now = self._pulls.get(entry.name) or ("did not come" if failure is not None else "")
        return Shown(
            entry.name,
            "In the catalogue, to be pulled",
            now or gigabytes(_size(entry)),
            entry.summary,
            kind=ABSENT,
            failure=failure,
            fit="" if now else self._look_at(entry.name).fit,
        )

    def _built_in(self, entry: ModelEntry) -> Shown:
        return Shown(entry.name, "Built in", self._state(entry.path), entry.summary, entry.path)

    def _on_disk(self, model: LocalModel) -> Shown:
        path = str(model.path)
        section = "On this machine"
        looked = self._look_at(model.name)
        problem = model.file.problem or looked.problem
        if problem:
            failure = ModelError(problem)
            return Shown(
                model.name, section, "cannot be used", "", path, kind=BROKEN, failure=failure
            )
        right = "  ".join(filter(None, [self._state(path), gigabytes(model.file.size)]))
        about = model.entry.summary if model.entry is not None else ""
        return Shown(model.name, section, right, about, path, fit=looked.fit, plan=looked.plan)

    def _look_at(self, name: str) -> _Looked:
        return self._looked.get(name, _Looked())

    def _state(self, path: str) -> str:
        return self._loaded.get(_real(path), "") if path else ""


def _real(path: str) -> str:
    return str(Path(path).resolve())


def _size(entry: ModelEntry) -> int:
    return next((file.size for file in entry.files.values()), 0)


def wants_login(failure: ChattermError | None) -> bool:
    """Whether logging in is what helps."""
    return failure is not None and "chatterm login" in failure.hint


def gigabytes(size: int) -> str:
    if not size:
        return ""
    if size < 1e6:
        return f"{size / 1e3:.0f} kB"
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"
