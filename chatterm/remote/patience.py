"""When a busy server is asked again: only before an answer began, and soon or not at all."""

from __future__ import annotations

from collections.abc import Iterator

from chatterm.events import Notice
from chatterm.remote._http import Http, Reply

_BUSY = frozenset({429, 502, 503, 504, 529})


class Patience:
    """How often, and how long, one request waits."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._pauses: Iterator[float] = iter(http.limits.pauses)

    def pause(self, reply: Reply) -> float | None:
        """Seconds until the next try; None to give up."""
        if reply.status not in _BUSY:
            return None
        pause = next(self._pauses, None)
        wanted = reply.wait(self._http.clock())
        if pause is None or wanted is None:
            return pause
        return wanted if wanted <= self._http.limits.patience else None


def busy(name: str, pause: float) -> Notice:
    """What is said while it waits."""
    return Notice("waiting", f"{name} is busy; trying again in {pause:.0f} s")
