"""Statements about chats: making, finding, listing, naming, tagging, the trash.

A page of the list is found through an index that already has its order, and only its rows are
then completed with tags and counts.
"""

# Statements are put together from constants of this module; what is given is always bound.
# ruff: noqa: S608

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from chatterm.errors import NotFound, StoreError
from chatterm.store import journal, query
from chatterm.store.database import Database, Row, Values
from chatterm.store.values import ChangeKind, Chat

_COLUMNS = (
    "c.id, c.title, c.title_by_user, c.tip_id, c.model, c.created_at, c.updated_at, c.pinned,"
    " (SELECT group_concat(tag, char(31)) FROM"
    " (SELECT tag FROM chat_tags WHERE chat_id = c.id ORDER BY tag)),"
    " c.deleted_at,"
    " (SELECT count(*) FROM messages WHERE chat_id = c.id AND deleted_by IS NULL),"
    " c.forked_from"
)

_SAID = (
    "c.id IN (SELECT m.chat_id FROM messages_fts AS f JOIN messages AS m ON m.n = f.rowid"
    " WHERE messages_fts MATCH ? AND m.deleted_by IS NULL)"
)

_MANY_CHATS = 3000


def create(
    db: Database, chat_id: str, *, title: str, model: str, forked_from: str | None, now: float
) -> None:
    db.run(
        "INSERT INTO chats (id, title, title_key, model, forked_from, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (chat_id, title, title_key(title), model, forked_from, now, now),
    )


def get(db: Database, chat_id: str) -> Chat:
    row = db.row(f"SELECT {_COLUMNS} FROM chats AS c WHERE c.id = ?", (chat_id,))
    if row is None:
        raise unknown(chat_id)
    return _chat(row)


def tip(db: Database, chat_id: str) -> str | None:
    row = db.row("SELECT tip_id FROM chats WHERE id = ?", (chat_id,))
    if row is None:
        raise unknown(chat_id)
    tip_id: str | None = row[0]
    return tip_id


def some(db: Database, rest: str, values: Values) -> list[Chat]:
    """Chats, chosen by what follows WHERE; ``c`` is the chat."""
    return [
        _chat(row) for row in db.rows(f"SELECT {_COLUMNS} FROM chats AS c WHERE {rest}", values)
    ]


def page(
    db: Database,
    *,
    limit: int,
    before: Chat | None,
    tag: str | None,
    model: str | None,
    since: float | None,
    title: str | None,
    text: str | None,
    pinned: bool | None,
    deleted: bool,
) -> list[Chat]:
    """Chats, the newest first; ``before`` is the last one of the page before."""
    time = "deleted_at" if deleted else "updated_at"
    where = [f"c.deleted_at IS {'NOT ' * deleted}NULL"]
    values: list[object] = []

    def narrow(condition: str, *given: object) -> None:
        where.append(condition)
        values.extend(given)

    source = "chats AS c"
    if tag is not None and _is_frequent(db, tag):
        narrow("EXISTS (SELECT 1 FROM chat_tags WHERE tag = ? AND chat_id = c.id)", normal_tag(tag))
    elif tag is not None:
        # CROSS, so that it goes from the tag to its chats and not through all chats.
        source = "chat_tags AS t CROSS JOIN chats AS c ON c.id = t.chat_id"
        narrow("t.tag = ?", normal_tag(tag))
    if before is not None:
        narrow(
            f"(c.{time}, c.id) < (?, ?)",
            before.deleted_at if deleted else before.updated_at,
            before.id,
        )
    if model is not None:
        narrow("c.model = ?", model)
    if since is not None:
        narrow("c.updated_at >= ?", since)
    if title:
        narrow("instr(c.title_key, ?)", title_key(title))
    if text:
        match = " AND ".join(query.parse(text, 0).match)
        # Without a word to match, as in "!?", there is still the title.
        narrow(f"(instr(c.title_key, ?) OR {_SAID if match else 'FALSE'})", title_key(text))
        values.extend([match] * bool(match))
    if pinned is not None:
        narrow("c.pinned" if pinned else "NOT c.pinned")
    order = f"c.{time} DESC, c.id DESC"
    return some(
        db,
        f"c.id IN (SELECT c.id FROM {source} WHERE {' AND '.join(where)} ORDER BY {order} LIMIT ?)"
        f" ORDER BY {order}",
        (*values, limit),
    )


def rename(db: Database, chat_id: str, title: str, *, by_user: bool, now: float) -> None:
    chat = get(db, chat_id)
    if chat.title_by_user and not by_user:
        return
    if by_user:
        journal.record(db, chat, ChangeKind.RENAME, now=now)
    set_title(db, chat_id, title, by_user=by_user)


def set_title(db: Database, chat_id: str, title: str, *, by_user: bool) -> None:
    db.run(
        "UPDATE chats SET title = ?, title_key = ?, title_by_user = ? WHERE id = ?",
        (title, title_key(title), by_user, chat_id),
    )


def add_tag(db: Database, chat_id: str, tag: str) -> None:
    get(db, chat_id)
    db.run(
        "INSERT OR IGNORE INTO chat_tags (tag, chat_id) VALUES (?, ?)", (normal_tag(tag), chat_id)
    )


def remove_tag(db: Database, chat_id: str, tag: str) -> None:
    get(db, chat_id)
    db.run("DELETE FROM chat_tags WHERE tag = ? AND chat_id = ?", (normal_tag(tag), chat_id))


def set_tags(db: Database, chat_id: str, tags: Iterable[str]) -> None:
    known, wanted = set(get(db, chat_id).tags), {normal_tag(tag) for tag in tags}
    for tag in wanted - known:
        add_tag(db, chat_id, tag)
    for tag in known - wanted:
        remove_tag(db, chat_id, tag)


def pin(db: Database, chat_id: str, *, pinned: bool) -> None:
    _must_touch(db.run("UPDATE chats SET pinned = ? WHERE id = ?", (pinned, chat_id)), chat_id)


def delete(db: Database, chat_id: str, now: float) -> None:
    chat = get(db, chat_id)
    if chat.deleted_at is None:
        journal.record(db, chat, ChangeKind.DELETE_CHAT, now=now)
        db.run("UPDATE chats SET deleted_at = ? WHERE id = ?", (now, chat_id))


def restore(db: Database, chat_id: str, now: float) -> None:
    get(db, chat_id)
    take_out_of_trash(db, chat_id)
    journal.forget(db, chat_id, ChangeKind.DELETE_CHAT, now=now)


def take_out_of_trash(db: Database, chat_id: str) -> None:
    db.run("UPDATE chats SET deleted_at = NULL WHERE id = ?", (chat_id,))


def touch(db: Database, chat_id: str, now: float, model: str = "") -> None:
    """A message was begun or finished."""
    db.run(
        "UPDATE chats SET updated_at = max(updated_at, ?), model = coalesce(nullif(?, ''), model)"
        " WHERE id = ?",
        (now, model, chat_id),
    )


def title_key(title: str) -> str:
    """Without case and accents, so that both are found however they are typed."""
    if title.isascii():
        return title.lower()
    split = unicodedata.normalize("NFKD", title.casefold())
    return "".join(c for c in split if not unicodedata.combining(c))


def normal_tag(tag: str) -> str:
    """A tag as it is stored: one line, one case."""
    normal = " ".join(tag.lower().split())
    if not normal or not normal.isprintable() or '"' in normal:
        raise StoreError(f"{tag!r} cannot be a tag", hint="use letters, digits and dashes")
    return normal


def _is_frequent(db: Database, tag: str) -> bool:
    """Whether walking down the newest chats meets the tag sooner than sorting all that have it."""
    rows = db.rows("SELECT 1 FROM chat_tags WHERE tag = ? LIMIT ?", (normal_tag(tag), _MANY_CHATS))
    return len(rows) == _MANY_CHATS


def _must_touch(count: int, chat_id: str) -> None:
    if not count:
        raise unknown(chat_id)


def unknown(ref: str) -> NotFound:
    return NotFound(f"there is no chat {ref!r}", hint="chatterm chats list shows them")


def _chat(row: Row) -> Chat:
    (id_, title, by_user, tip, model, created, updated, pinned, tags, deleted, count, source) = row
    return Chat(
        id=id_,
        title=title,
        title_by_user=bool(by_user),
        tip_id=tip,
        model=model,
        created_at=created,
        updated_at=updated,
        pinned=bool(pinned),
        tags=tuple(tags.split("\x1f")) if tags else (),
        deleted_at=deleted,
        message_count=count,
        forked_from=source,
    )
