"""Connections that cost nothing to whoever opens them must cost little here.

uvicorn waits for ever for the head of a request, and takes as many connections as there are files.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEAD_SECONDS = 20.0
"""How long the head of a request may take to come, from its first byte or the connection on."""
_SPARE_FILES = 256
"""For the database, models, engines and what else is opened."""
_FEWEST = 64


class Connection(H11Protocol):
    """One that is closed when its client is too slow, or when there are too many."""

    head_seconds = HEAD_SECONDS
    _head_is_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > most_connections():
            transport.abort()
            return
        self._expect_a_head()

    def data_received(self, data: bytes) -> None:
        if self._head_is_due is None and self._is_between_requests():
            self._expect_a_head()
        super().data_received(data)
        if not self._is_between_requests():
            self._stop_expecting()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # A request may have come with the one before it, and be answered already.
        if not self._is_between_requests():
            self._stop_expecting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_expecting()
        super().connection_lost(exc)

    def _unsupported_upgrade_warning(self) -> None:
        """That a client would like another protocol is no news, and no fault of the owner."""

    def _is_between_requests(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _expect_a_head(self) -> None:
        self._head_is_due = self.loop.call_later(self.head_seconds, self.transport.abort)

    def _stop_expecting(self) -> None:
        if self._head_is_due is not None:
            self._head_is_due.cancel()
            self._head_is_due = None


def most_connections() -> int:
    """As many as leave files for everything else."""
    try:
        import resource
    except ImportError:
        return 1000
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files == resource.RLIM_INFINITY:
        return 100_000
    return max(_FEWEST, files - _SPARE_FILES)
