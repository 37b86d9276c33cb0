"""``chatterm search``: full text over every message."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatterm.cli.context import context_of
from chatterm.cli.dates import iso, local

if TYPE_CHECKING:
    from chatterm.store import Hit


def search(
    ctx: typer.Context,
    query: Annotated[
        list[str],
        typer.Argument(help='Words, "a phrase", pre*, role: model: tag: since:2026-01-31'),
    ],
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=10**9, help="How many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """Find messages, the latest first.

    Example: chatterm search 'role:user "left join"'
    """
    context = context_of(ctx)
    context.console.json_errors = as_json
    with context.store() as store:
        hits = store.search(" ".join(query), limit=limit)
    if as_json:
        context.console.json([_hit_json(hit) for hit in hits])
        return
    for hit in hits:
        context.console.line(f"{hit.message_id}  {local(hit.created_at)}  {hit.chat_title}")
        context.console.line(f"  {hit.role}: {_marked(hit)}")
    if not hits:
        context.console.note("nothing found")


def _marked(hit: Hit) -> str:
    """The snippet with its matches in brackets, readable without colours too."""
    text = hit.snippet
    for start, end in reversed(hit.marks):
        text = f"{text[:start]}[{text[start:end]}]{text[end:]}"
    return text


def _hit_json(hit: Hit) -> dict[str, Any]:
    return {**asdict(hit), "created_at": iso(hit.created_at)}
