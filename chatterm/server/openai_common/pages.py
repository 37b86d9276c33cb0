"""Lists that are read page by page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from fastapi import Query

from chatterm.server.openai_common.errors import bad

_T = TypeVar("_T")

Limit: TypeAlias = Annotated[int, Query(ge=1, le=100)]
Order: TypeAlias = Literal["asc", "desc"]


def page(
    items: Sequence[_T],
    *,
    after: str | None,
    limit: int,
    order: Order,
    id_of: Callable[[_T], str],
) -> tuple[Sequence[_T], bool]:
    """A page of what is given oldest first, and whether there is more."""
    ordered = list(items) if order == "asc" else list(reversed(items))
    if after is not None:
        ids = [id_of(item) for item in ordered]
        if after not in ids:
            raise bad(f"the list has no {after!r}", "after")
        ordered = ordered[ids.index(after) + 1 :]
    return ordered[:limit], len(ordered) > limit


def listed(data: Sequence[dict[str, Any]], has_more: bool) -> dict[str, Any]:
    """A page as clients read it."""
    return {
        "object": "list",
        "data": list(data),
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": has_more,
    }
