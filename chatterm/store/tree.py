"""Statements about the tree of messages: growing it, reading it, moving the tip, hiding.

Rows in a final state never change and none is ever removed here. ``deleted_by`` hides a message
with everything below it, so what is shown is always a whole tree.
"""

# Statements are put together from constants of this module; what is given is always bound.
# ruff: noqa: S608

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from chatterm.errors import NotFound
from chatterm.messages import Attachment, Message, Role, State, ToolCall
from chatterm.store import chats, journal
from chatterm.store.database import Database, Row, Values
from chatterm.store.ngrams import ngrams
from chatterm.store.values import ChangeKind, Chat, Node

_COLUMNS = "m.id, m.parent_id, m.role, m.text, m.created_at, m.state, m.reasoning, m.error, m.model"
_SELECT = f"SELECT {_COLUMNS} FROM messages AS m"

_MOST_ASKED_FOR = 500
"""Messages whose attachments are asked for by id; for more, those of the whole chat are read."""

_ROLES = {role.value: role for role in Role}
_STATES = {state.value: state for state in State}


def insert(
    db: Database,
    chat_id: str,
    message: Message,
    *,
    visited_at: float,
    copied_from: str | None = None,
    after: int = 0,
) -> int:
    """Write a new row with its attachments and tool calls; the tip stays where it is.

    Returns the row's number, which is behind ``after``.
    """
    number = _free_number(db, message, after)
    db.run(
        "INSERT INTO messages (n, id, chat_id, parent_id, role, text, reasoning, state, error,"
        " model, created_at, copied_from, visited_at, ngrams)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            message.id,
            chat_id,
            message.parent_id,
            message.role,
            message.text,
            message.reasoning,
            message.state,
            message.error,
            message.model,
            message.created_at,
            copied_from,
            visited_at,
            ngrams(message.text),
        ),
    )
    insert_extras(db, chat_id, message.id, message.attachments, message.tool_calls)
    if message.summarises:
        db.run(
            "INSERT INTO summaries (chat_id, message_id, covers) VALUES (?, ?, ?)",
            (chat_id, message.id, message.summarises),
        )
    return number


def insert_extras(
    db: Database,
    chat_id: str,
    message_id: str,
    attachments: Sequence[Attachment],
    tool_calls: Sequence[ToolCall],
) -> None:
    for position, file in enumerate(attachments):
        db.run(
            "INSERT INTO message_attachments"
            " (chat_id, message_id, position, digest, name, media_type, size)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (chat_id, message_id, position, file.digest, file.name, file.media_type, file.size),
        )
    for position, call in enumerate(tool_calls):
        db.run(
            "INSERT INTO tool_calls"
            " (chat_id, message_id, position, call_id, name, arguments, result)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (chat_id, message_id, position, call.id, call.name, call.arguments, call.result),
        )


def append(db: Database, chat_id: str, message: Message) -> Message:
    """Grow the tree by a message, final or being written, and make it the tip."""
    chat = chats.get(db, chat_id)
    if message.parent_id is not None:
        visible(db, chat_id, message.parent_id)
    insert(db, chat_id, message, visited_at=message.created_at)
    kind = _change(db, chat, message)
    if kind is not None:
        journal.record(db, chat, kind, now=message.created_at, message_id=message.id)
    move_tip(db, chat_id, message.id, message.created_at)
    chats.touch(db, chat_id, message.created_at, message.model)
    return get(db, message.id)


def _change(db: Database, chat: Chat, message: Message) -> ChangeKind | None:
    if message.summarises:
        return ChangeKind.SUMMARY
    if message.state is not State.WRITING:
        return ChangeKind.ADD
    return None if _answers_last_prompt(db, chat, message) else ChangeKind.ANSWER


def _answers_last_prompt(db: Database, chat: Chat, message: Message) -> bool:
    """An answer to the prompt just added is no change of its own: one undo takes both back."""
    if chat.tip_id is None or chat.tip_id != message.parent_id:
        return False
    return chat.tip_id == journal.last_added(db, chat.id)


def get(db: Database, message_id: str) -> Message:
    return _few(db, chat_of(db, message_id), f"{_SELECT} WHERE m.id = ?", (message_id,))[0]


def chat_of(db: Database, message_id: str) -> str:
    chat_id: str | None = db.value("SELECT chat_id FROM messages WHERE id = ?", (message_id,))
    if chat_id is None:
        raise unknown(message_id)
    return chat_id


def path(db: Database, chat_id: str, tip_id: str | None = None) -> list[Message]:
    """From the root to ``tip_id``, or to the tip of the chat."""
    tip_id = tip_id or chats.tip(db, chat_id)
    if tip_id is None:
        return []
    found = _many(
        db,
        chat_id,
        "WITH RECURSIVE up (n, parent_id) AS ("
        " SELECT n, parent_id FROM messages WHERE id = ? AND chat_id = ? UNION ALL"
        " SELECT m.n, m.parent_id FROM up JOIN messages AS m ON m.id = up.parent_id)"
        f" SELECT {_COLUMNS} FROM up CROSS JOIN messages AS m ON m.n = up.n",
        (tip_id, chat_id),
    )
    if not found:
        raise unknown(tip_id)
    # The rows come from the tip upwards; turning the list costs less than sorting rows.
    found.reverse()
    return found


def children(db: Database, chat_id: str, message_id: str | None) -> list[Message]:
    """What follows a message, or what begins the chat, in the order it was written."""
    return _few(
        db,
        chat_id,
        f"{_SELECT} WHERE m.chat_id = ? AND m.parent_id IS ? AND m.deleted_by IS NULL ORDER BY m.n",
        (chat_id, message_id),
    )


def siblings(db: Database, message_id: str) -> list[Message]:
    """The branches at this place, the message itself among them."""
    row = db.row("SELECT chat_id, parent_id FROM messages WHERE id = ?", (message_id,))
    if row is None:
        raise unknown(message_id)
    return children(db, *row)


def everything(db: Database, chat_id: str) -> list[Message]:
    """All branches, parents before children."""
    chats.get(db, chat_id)
    return _many(
        db,
        chat_id,
        f"{_SELECT} WHERE m.chat_id = ? AND m.deleted_by IS NULL ORDER BY m.n",
        (chat_id,),
    )


def outline(db: Database, chat_id: str) -> list[Node]:
    """All branches without their words, parents before children."""
    chats.get(db, chat_id)
    rows = db.rows(
        "SELECT id, parent_id, role, state FROM messages"
        " WHERE chat_id = ? AND deleted_by IS NULL ORDER BY n",
        (chat_id,),
    )
    return [Node(id_, parent, _ROLES[role], _STATES[state]) for id_, parent, role, state in rows]


def branches(db: Database, chat_id: str) -> dict[str, tuple[int, int]]:
    """Place and number of the siblings of every message that has any."""
    below: defaultdict[str | None, list[str]] = defaultdict(list)
    for parent_id, id_ in db.rows(
        "WITH forks (parent_id) AS (SELECT parent_id FROM messages"
        " WHERE chat_id = ? AND deleted_by IS NULL GROUP BY parent_id HAVING count(*) > 1)"
        " SELECT m.parent_id, m.id FROM forks CROSS JOIN messages AS m ON m.chat_id = ?"
        " AND m.parent_id IS forks.parent_id AND m.deleted_by IS NULL ORDER BY m.n",
        (chat_id, chat_id),
    ):
        below[parent_id].append(id_)
    return {id_: (number, len(ids)) for ids in below.values() for number, id_ in enumerate(ids, 1)}


def leaf(db: Database, message_id: str) -> str:
    """The end of the branch below a message that was visited last; without visits, the newest."""
    found: str | None = db.value(
        "WITH RECURSIVE down (n, chat_id, id, visited_at) AS ("
        " SELECT n, chat_id, id, visited_at FROM messages WHERE id = ? UNION ALL"
        " SELECT m.n, m.chat_id, m.id, m.visited_at FROM down JOIN messages AS m"
        " ON m.chat_id = down.chat_id AND m.parent_id = down.id AND m.deleted_by IS NULL)"
        " SELECT id FROM down WHERE NOT EXISTS (SELECT 1 FROM messages AS m"
        " WHERE m.chat_id = down.chat_id AND m.parent_id = down.id AND m.deleted_by IS NULL)"
        " ORDER BY visited_at DESC, n DESC LIMIT 1",
        (message_id,),
    )
    if found is None:
        raise unknown(message_id)
    return found


def select(db: Database, chat_id: str, message_id: str | None, now: float) -> None:
    """Make a message the tip; None stands before the first one."""
    chat = chats.get(db, chat_id)
    if message_id is not None:
        visible(db, chat_id, message_id)
    if chat.tip_id != message_id:
        journal.record(db, chat, ChangeKind.SELECT, now=now, message_id=message_id)
        move_tip(db, chat_id, message_id, now)


def move_tip(db: Database, chat_id: str, message_id: str | None, now: float) -> None:
    db.run("UPDATE chats SET tip_id = ? WHERE id = ?", (message_id, chat_id))
    db.run("UPDATE messages SET visited_at = ? WHERE id = ?", (now, message_id))


def hide(db: Database, message_id: str, now: float) -> None:
    """Delete a message and what follows it; a tip among them goes to the parent."""
    chat = chats.get(db, chat_of(db, message_id))
    visible(db, chat.id, message_id)
    number = journal.record(db, chat, ChangeKind.DELETE_MESSAGE, now=now, message_id=message_id)
    db.run(
        "WITH RECURSIVE down (id) AS (SELECT ? UNION ALL SELECT m.id FROM down"
        " JOIN messages AS m ON m.chat_id = ? AND m.parent_id = down.id)"
        " UPDATE messages SET deleted_by = ? WHERE id IN down AND deleted_by IS NULL",
        (message_id, chat.id, number),
    )
    if db.value("SELECT deleted_by FROM messages WHERE id = ?", (chat.tip_id,)) == number:
        parent_id = db.value("SELECT parent_id FROM messages WHERE id = ?", (message_id,))
        move_tip(db, chat.id, parent_id, now)


def show_again(db: Database, chat_id: str, number: int) -> None:
    """Show what that change hid, and nothing that another one hid."""
    db.run(
        "UPDATE messages SET deleted_by = NULL WHERE chat_id = ? AND deleted_by = ?",
        (chat_id, number),
    )


def visible(db: Database, chat_id: str, message_id: str) -> None:
    """Refuse what is not a message of that chat, or was deleted."""
    row = db.row("SELECT chat_id, deleted_by FROM messages WHERE id = ?", (message_id,))
    if row is None or row[0] != chat_id:
        raise unknown(message_id)
    if row[1] is not None:
        raise NotFound(f"the message {message_id!r} was deleted", hint="undo brings it back")


def _free_number(db: Database, message: Message, after: int) -> int:
    """The next number from its time on, behind its parent and the rest of the same second."""
    parent = db.value("SELECT n FROM messages WHERE id = ?", (message.parent_id,))
    # Behind the parent even when the clock was set back: a path never goes back in order.
    first = max(int(message.created_at * 1000), after + 1, 0 if parent is None else parent + 1)
    span = 1000
    while True:
        last = db.value("SELECT max(n) FROM messages WHERE n >= ? AND n < ?", (first, first + span))
        if last is None:
            return first
        if last + 1 < first + span:
            return int(last) + 1
        # More in one second than it has numbers, as an import without times may bring.
        span *= 1000


def _few(db: Database, chat_id: str, sql: str, values: Values) -> list[Message]:
    """Some messages of a chat, with what is attached to them."""
    rows = db.rows(sql, values)
    if not rows:
        return []
    ids = [row[0] for row in rows] if len(rows) <= _MOST_ASKED_FOR else []
    summaries = _summaries(db, chat_id, ids)
    return _messages(rows, _attachments(db, chat_id, ids), _tool_calls(db, chat_id, ids), summaries)


def _many(db: Database, chat_id: str, sql: str, values: Values) -> list[Message]:
    """Most messages of a chat, where asking for attachments one by one would take longer."""
    files, calls = _attachments(db, chat_id), _tool_calls(db, chat_id)
    return _messages(db.each(sql, values), files, calls, _summaries(db, chat_id))


def _messages(
    rows: Iterable[Row],
    files: Mapping[str, tuple[Attachment, ...]],
    calls: Mapping[str, tuple[ToolCall, ...]],
    summaries: Mapping[str, int],
) -> list[Message]:
    return [
        Message(
            id_,
            parent_id,
            _ROLES[role],
            text,
            created_at,
            _STATES[state],
            reasoning,
            error,
            model,
            files.get(id_, ()),
            calls.get(id_, ()),
            summaries.get(id_, 0),
        )
        for id_, parent_id, role, text, created_at, state, reasoning, error, model in rows
    ]


def _attachments(
    db: Database, chat_id: str, only: Sequence[str] = ()
) -> dict[str, tuple[Attachment, ...]]:
    found: defaultdict[str, tuple[Attachment, ...]] = defaultdict(tuple)
    for message_id, *fields in db.rows(
        "SELECT message_id, digest, name, media_type, size FROM message_attachments"
        f" WHERE chat_id = ? {_among(only)} ORDER BY message_id, position",
        (chat_id, *only),
    ):
        found[message_id] += (Attachment(*fields),)
    return found


def _tool_calls(
    db: Database, chat_id: str, only: Sequence[str] = ()
) -> dict[str, tuple[ToolCall, ...]]:
    found: defaultdict[str, tuple[ToolCall, ...]] = defaultdict(tuple)
    for message_id, *fields in db.rows(
        "SELECT message_id, call_id, name, arguments, result FROM tool_calls"
        f" WHERE chat_id = ? {_among(only)} ORDER BY message_id, position",
        (chat_id, *only),
    ):
        found[message_id] += (ToolCall(*fields),)
    return found


def _summaries(db: Database, chat_id: str, only: Sequence[str] = ()) -> dict[str, int]:
    rows = db.rows(
        f"SELECT message_id, covers FROM summaries WHERE chat_id = ? {_among(only)}",
        (chat_id, *only),
    )
    return dict(rows)


def _among(ids: Sequence[str]) -> str:
    return f"AND message_id IN ({', '.join('?' * len(ids))})" if ids else ""


def unknown(message_id: str) -> NotFound:
    return NotFound(
        f"there is no message {message_id!r} in this chat",
        hint="chatterm chats show lists the messages of a chat",
    )
