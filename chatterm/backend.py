"""The seam between a conversation and whatever writes its answers.

A backend's contract, which ``tests/contract`` runs over every one of them:

1. ``Queued`` and ``Progress`` come only before the first delta; then deltas; then exactly one
   ``Done``, last. Or a ``ChattermError`` is raised. Errors are never events.
2. The joined ``TextDelta`` are the text; none is empty, none splits a code point.
3. Cancelling is asyncio cancellation or ``aclose()``. Afterwards the transport is closed and the
   engine idle, in bounded time.
4. A backend does not retry after the first delta, never trims history silently, and does not know
   the store.
"""

from __future__ import annotations

import difflib
from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from chatterm.catalog import Catalog
from chatterm.echo import EchoBackend
from chatterm.errors import ModelError
from chatterm.events import Event
from chatterm.messages import ModelInfo, Request


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


def open_backend(model: str, catalog: Catalog) -> Backend:
    """The backend that answers with the model of that name."""
    entry = catalog.models.get(model)
    if entry is None:
        near = difflib.get_close_matches(model, catalog.models, n=1)
        raise ModelError(
            f"there is no model {model!r}",
            hint=f"did you mean {near[0]}?" if near else f"known: {', '.join(catalog.models)}",
        )
    return EchoBackend({model: entry.words_per_second})
