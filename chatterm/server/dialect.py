"""What a dialect is to the server: its routes, the paths that are its own, how it says no."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from chatterm.server.core import Server
from chatterm.server.problems import Problem


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to talk to the server."""

    name: str
    prefixes: tuple[str, ...]
    """How the paths begin whose refusals it words; the longest that fits counts."""
    routes: Callable[[Server], APIRouter]
    refused: Callable[[Problem], Response]
    """A refusal in the form that clients of this dialect read, with ``problem.headers``."""
