"""The database of ``elia``: ``elia.sqlite``. Times are UTC without saying so."""

from __future__ import annotations

from collections.abc import Iterator

from chatterm.messages import Role
from chatterm.store.exchange.build import About, Source, Turn, build
from chatterm.store.exchange.fields import Item
from chatterm.store.exchange.lineage import lineage
from chatterm.store.exchange.sqlite import Foreign, chats_of
from chatterm.store.exchange.values import PortableChat


def recognises(db: Foreign) -> bool:
    return db.columns("message") >= {"chat_id", "role", "content"} and bool(db.columns("chat"))


def read(db: Foreign, source: Source) -> Iterator[PortableChat]:
    for chat, said in chats_of(db):
        about = About(
            f"{chat.whole('id')}",
            chat.place,
            chat.text("title", ""),
            model=chat.text("model", ""),
            created_at=chat.moment("started_at"),
            tags=("archived",) if chat.whole("archived") else (),
        )
        yield build(source, *lineage(about, list(_turns(said, about.model))))


def _turns(rows: list[Item], model: str) -> Iterator[Turn]:
    """A parent is given for few messages; the others follow the one before."""
    before: str | None = None
    seen: set[str] = set()
    for row in rows:
        key, parent = f"{row.whole('id')}", row.at("parent_id").value
        if parent is not None and str(parent) not in seen:
            row.at("parent_id").fail("the message it follows is missing")
        role = row.one_of("role", Role)
        yield Turn(
            key,
            before if parent is None else str(parent),
            role,
            row.text("content"),
            row.moment("timestamp"),
            model=(row.text("model", "") or model) if role is Role.ASSISTANT else "",
        )
        seen.add(key)
        before = key
