"""The one tree of errors a user can meet, each with an exit code and a hint.

    ChattermError 1
    ├─ ConfigError 2
    ├─ ModelError 3
    │  └─ TooLong
    ├─ EngineError 4
    ├─ RemoteError 5
    │  └─ Unreachable, Refused, Busy, BadReply
    ├─ StoreError 6
    │  └─ NotFound
    └─ OutputError 7

Foreign errors become one of these at a single place per island, with ``raise ... from``.
"""

from __future__ import annotations

from typing import ClassVar


class ChattermError(Exception):
    """Something the user can understand: what happened, and what to do about it."""

    exit_code: ClassVar[int] = 1
    kind: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail

    def as_dict(self) -> dict[str, str]:
        """What a program is told of it."""
        return {"kind": self.kind, "message": self.message, "hint": self.hint}


class ConfigError(ChattermError):
    """A setting, an option or an argument that cannot be used."""

    exit_code = 2
    kind = "config"


class ModelError(ChattermError):
    """A model that is unknown, unreadable, or unable to do what was asked."""

    exit_code = 3
    kind = "model"


class TooLong(ModelError):
    """A text that is longer than the model can read."""


class EngineError(ChattermError):
    """The embedded engine could not start, or died."""

    exit_code = 4
    kind = "engine"


class RemoteError(ChattermError):
    """A hosted service failed or answered something that cannot be used."""

    exit_code = 5
    kind = "remote"


class Unreachable(RemoteError):
    """No connection to the service."""


class Refused(RemoteError):
    """The service does not accept these credentials or this request."""


class Busy(RemoteError):
    """The service is full or limits the rate."""


class BadReply(RemoteError):
    """The service answered something that is not its protocol."""


class StoreError(ChattermError):
    """The database of chats cannot be read or written."""

    exit_code = 6
    kind = "store"


class NotFound(StoreError):
    """No chat, message or tag of that name."""


class OutputError(ChattermError):
    """The answer does not meet the schema that was asked for."""

    exit_code = 7
    kind = "output"
