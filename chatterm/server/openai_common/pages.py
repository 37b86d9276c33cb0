"""Lists that are read page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias

from fastapi import Query

from chatterm.server.openai_common.errors import bad

Limit: TypeAlias = Annotated[int, Query(ge=1, le=100)]
Order: TypeAlias = Literal["asc", "desc"]


def page(
    items: Sequence[dict[str, Any]], *, after: str | None, limit: int, order: Order
) -> dict[str, Any]:
    """A page of what is given oldest first; ``after`` is the id of the last one seen."""
    ordered = list(items) if order == "asc" else list(reversed(items))
    if after is not None:
        ids = [item["id"] for item in ordered]
        if after not in ids:
            raise bad(f"the list has no {after!r}", "after")
        ordered = ordered[ids.index(after) + 1 :]
    return listed(ordered[:limit], len(ordered) > limit)


def listed(data: Sequence[dict[str, Any]], has_more: bool) -> dict[str, Any]:
    """A page as clients read it."""
    return {
        "object": "list",
        "data": list(data),
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": has_more,
    }
