"""The seam between a conversation and whatever writes its answers.

A backend's contract, which ``tests/contract`` runs over every one of them:

1. ``Queued`` and ``Progress`` come only before the first delta; then deltas; then exactly one
   ``Done``, last. Or a ``ChattermError`` is raised. Errors are never events.
2. The joined ``TextDelta`` are the text; none is empty, none splits a code point. A ``Replaced``
   begins that text anew.
3. Cancelling is asyncio cancellation or ``aclose()``. Afterwards the transport is closed and the
   engine idle, in bounded time.
4. A backend does not retry after the first delta, never trims history silently, and does not know
   the store.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from chatterm.catalog import Catalog, RemoteEntry
from chatterm.config import Config
from chatterm.echo import EchoBackend
from chatterm.engine.doubt import NO_DOUBT, Doubt
from chatterm.errors import ModelError
from chatterm.events import Event, Progress
from chatterm.messages import CountedPrompt, Embedded, LoadedModel, ModelInfo, Request
from chatterm.paths import Paths

if TYPE_CHECKING:
    from chatterm.engine.hosts import EngineHome


class Backend(Protocol):
    @property
    def name(self) -> str:
        """What the store records as the origin of an answer: ``echo``, ``engine``, a remote."""

    def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        """Answer the last message of the request's path."""

    async def models(self) -> Sequence[ModelInfo]:
        """The models this backend can answer with."""

    async def aclose(self) -> None:
        """Let go of everything; calling it twice is fine."""


@runtime_checkable
class Counting(Protocol):
    """A backend that has the model's own tokenizer."""

    async def count(self, request: Request) -> CountedPrompt:
        """The prompt as the model reads it, and its exact length."""


@runtime_checkable
class Warming(Protocol):
    """A backend whose models can be brought into memory before they are asked."""

    def warm(self, request: Request) -> AsyncGenerator[Progress, None]:
        """How far the model of a request is; ends once it is there."""


@runtime_checkable
class Embedding(Protocol):
    """A backend whose models may turn texts into vectors."""

    async def embed(self, model: str, texts: Sequence[str], *, cut: bool = False) -> Embedded:
        """One vector for each text; a ModelError of a model that is not for that.

        A text that is too long is a TooLong, unless it may be ``cut``.
        """


@runtime_checkable
class Keeping(Protocol):
    """A backend that has its models in this machine's memory, and lets go of them after a while."""

    async def load(self, model: str) -> None:
        """Return once it is in memory."""

    async def keep(self, model: str, seconds: float) -> None:
        """Stay in memory so long after the last answer: 0 is until it ends, -1 for ever.

        It counts until somebody says otherwise, which every answer does.
        """

    async def loaded(self) -> Sequence[LoadedModel]:
        """What is in memory; asking does not keep it there."""


async def warm(backend: Backend, request: Request) -> AsyncGenerator[Progress, None]:
    """Bring the model of a request into memory, where that can be done; says how far it is."""
    if isinstance(backend, Warming):
        async with aclosing(backend.warm(request)) as steps:
            async for step in steps:
                yield step


async def embed(
    backend: Backend, model: str, texts: Sequence[str], *, cut: bool = False
) -> Embedded:
    """The vectors of texts; a ModelError where nobody here can make them."""
    if isinstance(backend, Embedding):
        return await backend.embed(model, texts, cut=cut)
    raise ModelError(
        f"{model} is no model for embeddings",
        hint="choose one that is; chatterm models list shows them",
    )


async def count_prompt(backend: Backend, request: Request) -> CountedPrompt:
    """The prompt of a request; its length is unknown where only a server can count it."""
    if isinstance(backend, Counting):
        return await backend.count(request)
    parts = [f"{message.role}:\n{message.text}" for message in request.path]
    return CountedPrompt("\n\n".join(parts), None)


def open_backend(
    model: str,
    *,
    config: Config,
    catalog: Catalog,
    paths: Paths,
    suggest: Callable[[str], Sequence[str]] | None = None,
) -> Backend:
    """The backend that answers with the model of that name.

    A name is that of a remote's model, of a file, of a built-in model, or of a model found on this
    machine, of which those of the catalogue have the catalogue's names. ``suggest`` names what may
    help with a prompt whose answer is in doubt.
    """
    remote = remote_of(model, catalog)
    if remote is not None:
        from chatterm.remote.opening import open_remote

        return open_remote(remote, config, paths)
    if is_file_name(model):
        return _engine(model, model, config, paths)
    entry = catalog.models.get(model)
    if entry is not None and entry.backend == "echo":
        return EchoBackend({model: entry.words_per_second})
    doubt = Doubt(entry.doubt_below, suggest) if entry is not None else NO_DOUBT
    if entry is not None and entry.path:
        return _engine(model, entry.path, config, paths, doubt)
    from chatterm.engine.library import open_library

    path = str(open_library(paths, catalog).find(model).path)
    return _engine(model, path, config, paths, doubt)


def remote_of(model: str, catalog: Catalog) -> RemoteEntry | None:
    """The remote that a name of the form ``REMOTE/NAME`` belongs to, if there is one."""
    name, _, rest = model.partition("/")
    return catalog.remotes.get(name) if rest else None


def is_file_name(model: str) -> bool:
    """Whether a model is named by its file."""
    return model.endswith(".gguf")


def _engine(
    model: str, path: str, config: Config, paths: Paths, doubt: Doubt = NO_DOUBT
) -> Backend:
    from chatterm.engine.client import EngineBackend
    from chatterm.engine.projectors import projector_beside
    from chatterm.engine.settings import EngineSettings

    options = config.engine
    settings = EngineSettings(
        model_path=path,
        context=options.context,
        sequences=options.sequences,
        gpu_layers=options.gpu_layers,
        threads=options.threads,
        cache_type=options.cache_type,
        projector=projector_beside(Path(path)),
        snapshots=str(paths.snapshots),
        snapshot_cap_bytes=int(options.snapshot_gb * 1e9),
    )
    home = engine_home(config, paths)
    return EngineBackend(home, {model: settings}, options.keep_alive, doubt=doubt)


def engine_home(config: Config, paths: Paths) -> EngineHome:
    """Where the engine's processes are found."""
    from chatterm.engine.hosts import EngineHome

    return EngineHome(paths.sockets, paths.log_dir, isolated=config.engine.isolated)
