"""Full-text search over every message that is neither deleted nor in the trash.

Hits come newest first and not by relevance. To rank by relevance, every hit must be scored: a
common word in a million messages takes seconds, while the newest twenty are found in milliseconds,
and in one's own chats the newest are mostly the ones looked for.
"""

# Statements are put together from constants of this module; what is given is always bound.
# ruff: noqa: S608

from __future__ import annotations

import re

from chatterm.messages import Role
from chatterm.store import query, tree
from chatterm.store.chats import title_key
from chatterm.store.database import Database, Row
from chatterm.store.query import Query
from chatterm.store.values import Hit

# Noncharacters: Unicode keeps them out of texts, so they can stand around a match.
_OPEN = "\ufdd0"
_CLOSE = "\ufdd1"

_SNIPPET_TOKENS = 24
_SNIPPET_LENGTH = 200
_LEAD = 60

_MOST_CHATS = 200
"""Up to so many chats with a tag or title are part of the match; more are checked hit by hit."""

# A copy that a fork made is left out while the original, or an older copy, is to be found.
_LIVING = """
m.deleted_by IS NULL AND c.deleted_at IS NULL AND (m.copied_from IS NULL OR NOT EXISTS (
  SELECT 1 FROM messages AS o JOIN chats AS oc ON oc.id = o.chat_id
  WHERE (o.id = m.copied_from OR (o.copied_from = m.copied_from AND o.n < m.n))
  AND o.deleted_by IS NULL AND oc.deleted_at IS NULL))
"""

_TAGGED = "EXISTS (SELECT 1 FROM chat_tags WHERE tag = ? AND chat_id = m.chat_id)"
_TITLED = "instr(c.title_key, ?)"


def search(
    db: Database, line: str, *, limit: int, before: str | None, chat_id: str | None, now: float
) -> list[Hit]:
    """Messages that match, the newest first; ``before`` is the last message of the page before."""
    wanted = query.parse(line, now)
    if not wanted:
        return []
    match = list(wanted.match)
    where: list[str] = []
    values: list[object] = []
    for condition, value, few in [
        *((_TAGGED, tag, _tagged(db, tag)) for tag in wanted.tags),
        *((_TITLED, key, _titled(db, key)) for key in map(title_key, wanted.titles)),
    ]:
        if not few:
            return []
        if len(few) <= _MOST_CHATS:
            match.append(query.among_chats(few))
        else:
            where.append(condition)
            values.append(value)
    if chat_id is not None:
        match.append(query.among_chats([chat_id]))
    if wanted.since is not None:
        # Numbers follow the time, which lets the index skip what is older.
        where.append("m.created_at >= ?")
        values.append(wanted.since)
    low = int(wanted.since * 1000) if wanted.since is not None else None
    tops = [_number(db, before)] if before is not None else []
    if wanted.before is not None:
        tops.append(int(wanted.before * 1000))
    return _hits(db, wanted, match, (low, min(tops, default=None)), where, values, limit)


def _hits(
    db: Database,
    wanted: Query,
    match: list[str],
    bounds: tuple[int | None, int | None],
    where: list[str],
    values: list[object],
    limit: int,
) -> list[Hit]:
    """Walk down the index, or down the messages themselves where there are no words to match."""
    if match:
        source = "messages_fts AS f CROSS JOIN messages AS m ON m.n = f.rowid"
        key = "f.rowid"
        snippet = f"snippet(messages_fts, 0, '{_OPEN}', '{_CLOSE}', '…', {_SNIPPET_TOKENS})"
        conditions, given = ["messages_fts MATCH ?"], [" AND ".join(match)]
    else:
        source, key = "messages AS m", "m.n"
        snippet = f"substr(m.text, 1, {_SNIPPET_LENGTH})"
        conditions, given = ["m.state <> 'writing'"], []
    limits: list[object] = []
    for bound, sign in zip(bounds, (">=", "<"), strict=True):
        if bound is not None:
            conditions.append(f"{key} {sign} ?")
            limits.append(bound)
    rows = db.rows(
        f"SELECT m.id, m.chat_id, c.title, m.role, m.model, m.created_at, {snippet},"
        f" CASE WHEN m.ngrams <> '' THEN m.text END"
        f" FROM {source} CROSS JOIN chats AS c ON c.id = m.chat_id"
        f" WHERE {' AND '.join([*conditions, *where, _LIVING])} ORDER BY {key} DESC LIMIT ?",
        (*given, *limits, *values, limit),
    )
    return [_hit(row, wanted) for row in rows]


def _hit(row: Row, wanted: Query) -> Hit:
    message_id, chat_id, title, role, model, created_at, marked, text = row
    if text is not None:
        marked = _mark(text, wanted.needles) or marked
    snippet, marks = _cut(" ".join(marked.split()))
    return Hit(message_id, chat_id, title, Role(role), model, created_at, snippet, marks)


def _mark(text: str, needles: tuple[str, ...]) -> str:
    """Mark what the index found by pairs of characters, which it cannot point at."""
    longest_first = sorted(set(needles), key=len, reverse=True)
    needle = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)
    first = needle.search(text) if longest_first else None
    if first is None:
        return ""
    start = max(0, first.start() - _LEAD)
    window = text[start : start + 2 * _SNIPPET_LENGTH]
    marked = needle.sub(lambda found: f"{_OPEN}{found.group()}{_CLOSE}", window)
    return ("…" if start else "") + marked


def _cut(marked: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Take the marks out of a snippet as positions, and cut what is too long around the first."""
    plain: list[str] = []
    marks: list[tuple[int, int]] = []
    length = 0
    opened: int | None = None
    for part in re.split(f"([{_OPEN}{_CLOSE}])", marked):
        if part == _OPEN:
            opened = length
        elif part == _CLOSE:
            if opened is not None and length > opened:
                marks.append((opened, length))
            opened = None
        else:
            plain.append(part)
            length += len(part)
    text = "".join(plain)
    start = max(0, min(marks[0][0] - _LEAD - 1, length - _SNIPPET_LENGTH)) if marks else 0
    end = start + _SNIPPET_LENGTH
    # An ellipsis for what is cut off, in the place of one character on either side.
    snippet = text[start:end]
    snippet = ("…" + snippet[1:]) if start else snippet
    snippet = (snippet[:-1] + "…") if end < length else snippet
    inside = tuple((a - start, min(b, end) - start) for a, b in marks if a < end)
    return snippet, inside


def _tagged(db: Database, tag: str) -> list[str]:
    rows = db.rows("SELECT chat_id FROM chat_tags WHERE tag = ? LIMIT ?", (tag, _MOST_CHATS + 1))
    return [chat_id for (chat_id,) in rows]


def _titled(db: Database, key: str) -> list[str]:
    rows = db.rows(
        "SELECT id FROM chats WHERE instr(title_key, ?) AND deleted_at IS NULL LIMIT ?",
        (key, _MOST_CHATS + 1),
    )
    return [chat_id for (chat_id,) in rows]


def _number(db: Database, message_id: str) -> int:
    tree.chat_of(db, message_id)
    number: int = db.value("SELECT n FROM messages WHERE id = ?", (message_id,))
    return number
