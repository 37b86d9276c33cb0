"""What is remembered beside the messages: drafts, attached files, ids at remotes, terminals."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable

from chatterm.errors import NotFound
from chatterm.messages import Attachment
from chatterm.store import chats
from chatterm.store.database import Database
from chatterm.store.values import Chat


def draft(db: Database, chat_id: str | None) -> str:
    """What was typed and not sent; None asks for the chat that does not exist yet."""
    return db.value("SELECT text FROM drafts WHERE place = ?", (chat_id or "",)) or ""


def set_draft(db: Database, chat_id: str | None, text: str) -> None:
    if chat_id is not None:
        chats.get(db, chat_id)
    if text:
        db.run(
            "INSERT OR REPLACE INTO drafts (place, chat_id, text) VALUES (?, ?, ?)",
            (chat_id or "", chat_id, text),
        )
    else:
        db.run("DELETE FROM drafts WHERE place = ?", (chat_id or "",))


def attach(db: Database, content: bytes, name: str, media_type: str, now: float) -> Attachment:
    """Keep the bytes of a file, once however often it is attached."""
    digest = hashlib.sha256(content).hexdigest()
    db.run(
        "INSERT INTO attachments (digest, content, attached_at) VALUES (?, ?, ?)"
        " ON CONFLICT (digest) DO UPDATE SET attached_at = excluded.attached_at",
        (digest, content, now),
    )
    return Attachment(digest, name, media_type, len(content))


def redacted_file(content: bytes, redacted: Callable[[str], str]) -> bytes:
    """A text file without what may not be kept; any other file as it is."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return content
    return redacted(text).encode()


def attachment_bytes(db: Database, digest: str) -> bytes:
    content: bytes | None = db.value("SELECT content FROM attachments WHERE digest = ?", (digest,))
    if content is None:
        raise NotFound("the attached file is no longer in the store", detail=digest)
    return content


def link(db: Database, local_id: str, remote: str, remote_id: str) -> None:
    db.run(
        "INSERT OR REPLACE INTO links (local_id, remote, remote_id) VALUES (?, ?, ?)",
        (local_id, remote, remote_id),
    )


def links(db: Database, remote: str, ids: Iterable[str]) -> dict[str, str]:
    """The ids a remote knows these chats and messages by, as far as it knows them."""
    return dict(
        db.rows(
            "SELECT local_id, remote_id FROM json_each(?) JOIN links"
            " ON links.local_id = json_each.value AND links.remote = ?",
            (json.dumps(list(ids)), remote),
        )
    )


def links_of_chat(db: Database, chat_id: str) -> dict[str, dict[str, str]]:
    """The ids that remotes gave a chat and its messages: local id to remote to remote id."""
    found: dict[str, dict[str, str]] = {}
    for local_id, remote, remote_id in db.rows(
        "SELECT local_id, remote, remote_id FROM links WHERE local_id = ?1 OR local_id IN"
        " (SELECT id FROM messages WHERE chat_id = ?1)",
        (chat_id,),
    ):
        found.setdefault(local_id, {})[remote] = remote_id
    return found


def linked(db: Database, remote: str) -> dict[str, str]:
    """The local chats and messages that a remote knows, by the ids it knows them by."""
    return dict(db.rows("SELECT remote_id, local_id FROM links WHERE remote = ?", (remote,)))


def linked_chats(db: Database, remote: str) -> list[tuple[str, str]]:
    """The ids a remote gave to chats and their messages, each with the chat it belongs to."""
    return db.rows(
        "SELECT l.remote_id, coalesce(m.chat_id, l.local_id) FROM links AS l"
        " LEFT JOIN messages AS m ON m.id = l.local_id WHERE l.remote = ?",
        (remote,),
    )


def remember_terminal(db: Database, terminal_id: str, chat_id: str, now: float) -> None:
    chats.get(db, chat_id)
    db.run(
        "INSERT OR REPLACE INTO terminals (terminal_id, chat_id, seen_at) VALUES (?, ?, ?)",
        (terminal_id, chat_id, now),
    )


def last_chat(db: Database, terminal_id: str | None) -> Chat | None:
    """The chat last used in a terminal, or anywhere; never one in the trash."""
    if terminal_id is None:
        chat_id = db.value(
            "SELECT id FROM chats WHERE deleted_at IS NULL ORDER BY updated_at DESC, id DESC"
        )
    else:
        chat_id = db.value(
            "SELECT chats.id FROM terminals JOIN chats ON chats.id = terminals.chat_id"
            " WHERE terminal_id = ? AND deleted_at IS NULL",
            (terminal_id,),
        )
    return chats.get(db, chat_id) if chat_id else None
