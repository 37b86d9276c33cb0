"""Which models are served, and the backends that answer with them.

A client can name nothing but what is listed here: no path, no remote that the owner of the server
did not list. Backends are opened once and kept; engines behind them come and go as always.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace

from chatterm.backend import Backend, Keeping, count_prompt, embed, open_backend, remote_of
from chatterm.catalog import Catalog
from chatterm.config import Config
from chatterm.errors import ChattermError, ModelError
from chatterm.events import Event
from chatterm.hints import nearest
from chatterm.messages import CountedPrompt, Embedded, LoadedModel, ModelInfo, Request
from chatterm.paths import Paths
from chatterm.server.problems import NoModel
from chatterm.server.work import Texts


class Models:
    """The models of this server. It is the worker behind the jobs."""

    def __init__(
        self,
        config: Config,
        catalog: Catalog,
        paths: Paths,
        *,
        suggest: Callable[[str], Sequence[str]] | None = None,
    ) -> None:
        self._config = config
        self._catalog = catalog
        self._paths = paths
        self._suggest = suggest
        self._backends: dict[str, Backend] = {}
        self._infos: dict[str, ModelInfo] = {}
        self._names: tuple[str, ...] = ()
        self.refresh()

    def refresh(self, catalog: Catalog | None = None) -> None:
        """Look again which models there are, after one was pulled, removed or named."""
        if catalog is not None:
            self._catalog = catalog
        self._infos.clear()
        # The file behind a name may be another now; a remote stays what it is.
        self._backends = {
            name: backend
            for name, backend in self._backends.items()
            if remote_of(name, self._catalog) is not None
        }
        chosen = self._config.serve.models
        self._names = chosen or tuple(dict.fromkeys([*self._built_in(), *self._on_this_machine()]))

    @property
    def names(self) -> tuple[str, ...]:
        """Those that can be asked for."""
        return self._names

    @property
    def catalog(self) -> Catalog:
        """What is known by name; it changes when a model gets another name."""
        return self._catalog

    @property
    def default(self) -> str:
        """The one for a client that names none."""
        if self._config.model in self._names or not self._names:
            return self._config.model
        return self._names[0]

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def backend(self, name: str) -> Backend:
        """What answers with that model."""
        if name not in self._names:
            raise NoModel(
                f"there is no model {name!r} here", hint=nearest(name, self._names, otherwise="")
            )
        if name not in self._backends:
            self._backends[name] = self._opened(name)
        return self._backends[name]

    def not_here(self) -> Iterator[tuple[str, ChattermError]]:
        """Those that the settings name and that cannot be asked, as they may be pulled later."""
        for name in self._config.serve.models:
            try:
                self.backend(name)
            except ChattermError as error:
                yield name, error

    async def infos(self) -> list[ModelInfo]:
        """What is known of each; one whose file cannot be read is left out."""
        found = []
        for name in self._names:
            try:
                found.append(await self.info(name))
            except ChattermError:
                continue
        return found

    async def info(self, name: str) -> ModelInfo:
        known = self._infos.get(name)
        if known is None:
            backend = self.backend(name)
            bare = name.partition("/")[2]
            told = {info.name: info for info in await backend.models()}
            known = told.get(name) or told.get(bare) or ModelInfo(name, backend.name)
            entry = self._catalog.models.get(name)
            if entry is not None:
                can = known.capabilities | frozenset(entry.capabilities)
                summary = known.summary or entry.summary
                known = replace(known, capabilities=can, summary=summary)
            known = self._infos[name] = replace(known, name=name)
        return known

    def lane(self, model: str) -> tuple[str, int]:
        """Jobs of one model share its engine, which answers so many at once."""
        self.backend(model)
        return model, self._config.engine.sequences

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        backend = self.backend(request.model)
        # Another size of context is another engine, with its own memory: not for clients to choose.
        request = replace(request, params=replace(request.params, context=None))
        async with aclosing(backend.stream(request)) as events:
            async for event in events:
                yield event

    async def count(self, request: Request) -> CountedPrompt:
        return await count_prompt(self.backend(request.model), request)

    async def embed(self, texts: Texts) -> Embedded:
        return await embed(self.backend(texts.model), texts.model, texts.texts, cut=texts.cut)

    async def load(self, model: str) -> None:
        """Return once it is in memory, where that can be said of it."""
        backend = self.backend(model)
        if isinstance(backend, Keeping):
            await backend.load(model)

    async def keep(self, model: str, seconds: float) -> None:
        """How long it stays in memory after its last answer; -1 is for ever."""
        backend = self.backend(model)
        if isinstance(backend, Keeping):
            await backend.keep(model, seconds)

    async def loaded(self) -> list[LoadedModel]:
        """Those that are in the memory of this machine."""
        found: list[LoadedModel] = []
        for name in self._names:
            try:
                backend = self.backend(name)
                if isinstance(backend, Keeping):
                    found += await backend.loaded()
            except ChattermError:
                continue
        return found

    async def aclose(self) -> None:
        for backend in self._backends.values():
            await backend.aclose()
        self._backends.clear()

    def _opened(self, name: str) -> Backend:
        try:
            return open_backend(
                name,
                config=self._config,
                catalog=self._catalog,
                paths=self._paths,
                suggest=self._suggest,
            )
        except ModelError as error:
            raise NoModel(error.message, hint=error.hint, detail=error.detail) from error

    def _built_in(self) -> list[str]:
        return [
            name
            for name, entry in self._catalog.models.items()
            if entry.backend == "echo" or entry.path
        ]

    def _on_this_machine(self) -> list[str]:
        from chatterm.engine.library import open_library

        library = open_library(self._paths, self._catalog)
        return [model.name for model in library.models if not model.file.problem]
