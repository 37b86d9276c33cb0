"""Why a request is refused, before a dialect gives it its own form.

A route raises a :class:`Problem` or any ``ChattermError``; the handlers in ``app.py`` let the
dialect that owns the path write it down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chatterm.errors import (
    Busy,
    ChattermError,
    ConfigError,
    ModelError,
    NotFound,
    OutputError,
    RemoteError,
    Unreachable,
)


class Problem(Exception):
    """A refusal with an HTTP status."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request",
        param: str = "",
        headers: Mapping[str, str] | None = None,
        details: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        """A word a program can look at: invalid_request, login, forbidden, not_found, busy,
        limit, too_large, model, engine, remote, store, timeout, bug."""
        self.param = param
        """The field that is wrong, as a path with dots; empty where it is none."""
        self.headers = dict(headers or {})
        self.details = tuple(details)
        """Every wrong field: ``loc``, ``msg`` and ``type``, as pydantic tells them."""


class QueueFull(ChattermError):
    """There is no room to wait in."""

    kind = "busy"

    def __init__(self, retry_after: int, message: str = "") -> None:
        super().__init__(
            message or "The server is currently busy. Please try again later.",
            hint=f"try again in {retry_after} seconds",
        )
        self.retry_after = retry_after
        """Seconds."""


class TooMany(ChattermError):
    """This user has used up a limit."""

    kind = "limit"

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message, hint=f"try again in {retry_after} seconds")
        self.retry_after = retry_after


class NoModel(ModelError):
    """This server does not have the model, or not yet; any other ModelError is of one it has."""


class TimedOut(ChattermError):
    """A job waited or ran for longer than it may."""

    kind = "timeout"


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


def problem_of(error: ChattermError) -> Problem:
    """The refusal that an error of the core is to a client."""
    answer = _answer(error)
    message = f"{error.message}: {error.hint}" if _helps(error) else error.message
    return Problem(answer.status, message, kind=_kind(error), headers=answer.headers)


def _answer(error: ChattermError) -> _Answer:
    match error:
        case QueueFull(retry_after=seconds):
            return _Answer(503, {"Retry-After": str(seconds)})
        case TooMany(retry_after=seconds):
            return _Answer(429, {"Retry-After": str(seconds)})
        case TimedOut():
            return _Answer(504)
        case NotFound() | NoModel():
            return _Answer(404)
        case ConfigError() | ModelError():
            return _Answer(400)
        case OutputError():
            return _Answer(422)
        case Unreachable() | Busy():
            return _Answer(503, {"Retry-After": "5"})
        case RemoteError():
            return _Answer(502)
        case _:
            return _Answer(500)


def _kind(error: ChattermError) -> str:
    match error:
        case NotFound():
            return "not_found"
        case ConfigError():
            return "invalid_request"
        case _:
            return error.kind


def _helps(error: ChattermError) -> bool:
    """Hints of the command line help nobody who sent a request; those of settings do."""
    return isinstance(error, ConfigError) and bool(error.hint) and "chatterm" not in error.hint
