"""What one look at one thing found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from chatterm.errors import ChattermError


@dataclass(frozen=True, slots=True)
class Check:
    """A line of the doctor's report."""

    area: str
    state: Literal["ok", "advice", "failed"]
    """Advice: it works, and could work better."""
    text: str
    todo: str = ""
    """What to do; empty where all is well."""
    exit_code: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def ok(area: str, text: str) -> Check:
    return Check(area, "ok", text)


def advice(area: str, text: str, todo: str) -> Check:
    return Check(area, "advice", text, todo)


def failed(area: str, text: str, todo: str, kind: type[ChattermError]) -> Check:
    return Check(area, "failed", text, todo, kind.exit_code)


def failure(area: str, error: ChattermError) -> Check:
    """An error as the line it makes."""
    return Check(area, "failed", error.message, error.hint, error.exit_code)
