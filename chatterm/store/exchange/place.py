"""Puts chats from files into the database, and adds nothing that is there already.

Chats and messages are known by their ids, so a chat that has grown since it was last imported gets
its new messages, and everything else stays as the user left it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import fields, replace

from chatterm.store import answers, chats, notes, tree
from chatterm.store.database import Database
from chatterm.store.exchange.fields import Damaged
from chatterm.store.exchange.values import ImportReport, PortableChat, PortableMessage


def place(db: Database, given: PortableChat, report: ImportReport) -> ImportReport:
    """Add what is new of a chat; return the report with that added to it."""
    known = db.row("SELECT tip_id FROM chats WHERE id = ?", (given.chat.id,))
    if known is None:
        _create(db, given)
    added = _add_messages(db, given)
    if known is None:
        _finish(db, given)
        return _sum(report, new_chats=1, messages=added)
    if not added:
        return _sum(report, known_chats=1)
    _grow(db, given, known[0])
    return _sum(report, grown_chats=1, messages=added)


def redacted_chat(given: PortableChat, redacted: Callable[[str], str]) -> PortableChat:
    """A chat without the secrets that may not be stored."""
    if redacted is str:
        return given
    messages = tuple(
        replace(
            one,
            message=replace(
                one.message,
                text=redacted(one.message.text),
                reasoning=redacted(one.message.reasoning),
            ),
        )
        for one in given.messages
    )
    return replace(
        given, chat=replace(given.chat, title=redacted(given.chat.title)), messages=messages
    )


def _create(db: Database, given: PortableChat) -> None:
    chat = given.chat
    chats.create(
        db,
        chat.id,
        title=chat.title,
        model=chat.model,
        forked_from=chat.forked_from,
        now=chat.created_at,
    )
    for tag in chat.tags:
        chats.add_tag(db, chat.id, tag)
    _link(db, chat.id, given.links)


def _finish(db: Database, given: PortableChat) -> None:
    """Bring a new chat to the state it had; adding its messages has changed nothing of it."""
    chat = given.chat
    db.run(
        "UPDATE chats SET title_by_user = ?, pinned = ?, tip_id = ?, updated_at = ?,"
        " deleted_at = ? WHERE id = ?",
        (
            chat.title_by_user,
            chat.pinned,
            chat.tip_id,
            chat.updated_at,
            chat.deleted_at,
            chat.id,
        ),
    )


def _grow(db: Database, given: PortableChat, tip_id: str | None) -> None:
    """Go on to the new tip where it follows the one the chat stood at."""
    chats.touch(db, given.chat.id, given.chat.updated_at)
    new_tip = given.chat.tip_id
    if new_tip is None or not db.row(
        "SELECT 1 FROM messages WHERE id = ? AND deleted_by IS NULL", (new_tip,)
    ):
        return
    passed = {message.id for message in tree.path(db, given.chat.id, new_tip)}
    if tip_id is None or tip_id in passed:
        db.run("UPDATE chats SET tip_id = ? WHERE id = ?", (new_tip, given.chat.id))


def _add_messages(db: Database, given: PortableChat) -> int:
    """Insert the messages that are new, each behind those before it in the file."""
    there = {
        message_id: hidden is not None
        for message_id, hidden in db.rows(
            "SELECT id, deleted_by FROM messages WHERE chat_id = ?", (given.chat.id,)
        )
    }
    # What was deleted here stays deleted, with everything below it.
    left_out = {message_id for message_id, hidden in there.items() if hidden}
    number = 0
    added = 0
    for one in given.messages:
        message = one.message
        if message.id in there:
            continue
        if message.parent_id in left_out:
            left_out.add(message.id)
            continue
        if db.value("SELECT 1 FROM messages WHERE id = ?", (message.id,)):
            raise Damaged(f"message {message.id}", "there is such a message in another chat")
        _keep_files(db, given, one)
        number = tree.insert(
            db,
            given.chat.id,
            message,
            visited_at=one.visited_at or message.created_at,
            copied_from=one.copied_from,
            after=number,
        )
        if one.answer is not None:
            answers.keep(db, one.answer)
        if one.vote:
            db.run(
                "INSERT INTO votes (message_id, score, voted_at) VALUES (?, ?, ?)",
                (message.id, one.vote, message.created_at),
            )
        _link(db, message.id, one.links)
        there[message.id] = False
        added += 1
    return added


def _keep_files(db: Database, given: PortableChat, one: PortableMessage) -> None:
    for file in one.message.attachments:
        content = given.files.get(file.digest)
        if content is None:
            if db.value("SELECT 1 FROM attachments WHERE digest = ?", (file.digest,)):
                continue
            raise Damaged(f"message {one.message.id}", f"the file {file.name!r} is missing")
        if hashlib.sha256(content).hexdigest() != file.digest:
            raise Damaged(f"message {one.message.id}", f"the file {file.name!r} is damaged")
        notes.attach(db, content, file.name, file.media_type, one.message.created_at)


def _link(db: Database, local_id: str, links: Mapping[str, str]) -> None:
    for remote, remote_id in links.items():
        notes.link(db, local_id, remote, remote_id)


def _sum(report: ImportReport, **more: int) -> ImportReport:
    return ImportReport(
        **{
            field.name: getattr(report, field.name) + more.get(field.name, 0)
            for field in fields(ImportReport)
        }
    )
