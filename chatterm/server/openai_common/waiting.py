"""Waiting for an answer on behalf of a client that may go away meanwhile."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import Request

from chatterm.server.leaving import ClientLeft, while_there
from chatterm.server.openai_common.errors import Refusal

_T = TypeVar("_T")
_CLIENT_LEFT = 499
"""As nginx writes it down; nobody reads it."""


async def unless_left(request: Request, work: Coroutine[Any, Any, _T]) -> _T:
    """The result of some work, or the one error of a group of tasks."""
    try:
        return await while_there(request.receive, work)
    except ClientLeft as error:
        raise Refusal(_CLIENT_LEFT, "the client left") from error
    except ExceptionGroup as group:
        first = group.exceptions[0]
        raise first from first.__cause__
