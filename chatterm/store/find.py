"""What a user means by a part of an id: the one chat or message that has it.

The beginning and the end of an id are looked for in an index; only a part from its middle, which
nobody types on purpose, costs a look at every id.
"""

# Statements are put together from constants of this module; what is given is always bound.
# ruff: noqa: S608

from __future__ import annotations

from chatterm.errors import NotFound, StoreError
from chatterm.store import chats, tree
from chatterm.store.database import Database
from chatterm.store.values import Chat

_CANDIDATES = 5
_WORDS_SHOWN = 40


def chat(db: Database, ref: str, *, deleted: bool) -> Chat:
    """The chat with that id, or the only one of the list (or the trash) with that part of it."""
    wanted = _part(ref)
    there = f"deleted_at IS {'NOT ' * deleted}NULL"
    few = f"LIMIT {_CANDIDATES + 1}"
    # Asked apart, as an OR of the three would read every row; the ends of ids are in an index.
    at_an_end = (
        f"SELECT * FROM (SELECT id FROM chats WHERE id >= ?1 AND id < ?1 || '~' AND {there}"
        f" ORDER BY id DESC {few})"
        " UNION SELECT id FROM chats WHERE substr(id, -length(?1)) = ?1"
    )
    inside = "SELECT id FROM chats WHERE instr(id, ?1)"
    found: list[Chat] = []
    for ids in (at_an_end, inside) if wanted else ():
        found = chats.some(
            db,
            f"c.id = ?1 OR c.{there} AND c.id IN ({ids})"
            f" ORDER BY c.id = ?1 DESC, c.updated_at DESC {few}",
            (wanted,),
        )
        if found:
            break
    if not found:
        raise chats.unknown(ref)
    if len(found) > 1 and found[0].id != wanted:
        raise _ambiguous(ref, "chats", [(chat.id, chat.title) for chat in found])
    return found[0]


def message(db: Database, ref: str, *, chat_id: str | None) -> str:
    """The id of the only message with that part of an id, in one chat or in any."""
    wanted = _part(ref)
    there = "deleted_by IS NULL" + " AND chat_id = ?2" * (chat_id is not None)
    values = (wanted,) if chat_id is None else (wanted, chat_id)
    found: list[tuple[str, str]] = []
    for match in ("id >= ?1 AND id < ?1 || '~'", "instr(id, ?1)") if wanted else ():
        found = db.rows(
            f"SELECT id, role || ': ' || substr(text, 1, {_WORDS_SHOWN}) FROM messages"
            f" WHERE {match} AND {there} ORDER BY id = ?1 DESC, n DESC LIMIT {_CANDIDATES + 1}",
            values,
        )
        if found:
            break
    if not found:
        raise tree.unknown(ref)
    if len(found) > 1 and found[0][0] != wanted:
        raise _ambiguous(ref, "messages", found)
    return found[0][0]


def _part(ref: str) -> str:
    """The part as ids are written, or nothing where no id can have it."""
    wanted = ref.strip().upper()
    # Ids have letters and digits only; anything else would be a wildcard of LIKE.
    return wanted if wanted.isascii() and wanted.isalnum() else ""


def _ambiguous(ref: str, things: str, found: list[tuple[str, str]]) -> StoreError:
    names = [" ".join(f"{id_} {words}".split()) for id_, words in found[:_CANDIDATES]]
    more = ["and others"] if len(found) > _CANDIDATES else []
    return NotFound(
        f"{ref!r} is a part of several {things}' ids",
        hint="give more of the id: " + "; ".join(names + more),
    )
