"""Chats as the rows of a list: those that are here, those on servers, and what a search found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chatterm.store import Chat
from chatterm.tui.moments import ago
from chatterm.tui.searching import Found
from chatterm.tui.servers import Elsewhere
from chatterm.tui.widgets.rows import Row


@dataclass(frozen=True, slots=True)
class Shown:
    """What the list says of chats beside their titles, by their ids."""

    signs: Mapping[str, str] = field(default_factory=dict)
    """Of those that are open."""
    servers: Mapping[str, str] = field(default_factory=dict)
    """The names of those they lie on."""


def chat_rows(
    chats: Sequence[Chat], shown: Shown, now: float, elsewhere: Sequence[Elsewhere] = ()
) -> list[Row]:
    """The list as it stands, with a heading over the pinned ones."""
    rows: list[Row] = []
    pinned = [chat for chat in chats if chat.pinned]
    if pinned:
        rows.append(Row("", "Pinned"))
        rows += [_chat_row(chat, shown, now) for chat in pinned]
        if len(pinned) < len(chats) or elsewhere:
            rows.append(Row("", "Recent"))
    recent = [(c.updated_at, _chat_row(c, shown, now)) for c in chats if not c.pinned]
    recent += [(c.modified_at, _elsewhere_row(c, now)) for c in elsewhere]
    if elsewhere:
        recent.sort(key=lambda dated: dated[0], reverse=True)
    return rows + [row for _, row in recent]


def _chat_row(chat: Chat, shown: Shown, now: float) -> Row:
    tags = "".join(f" #{tag}" for tag in chat.tags)
    right = f"{shown.servers.get(chat.id, '')} {ago(chat.updated_at, now)}".lstrip()
    title = (chat.title or "untitled") + tags
    return Row(chat.id, title, right=right, sign=shown.signs.get(chat.id, ""))


def _elsewhere_row(chat: Elsewhere, now: float) -> Row:
    return Row(chat.key, chat.title, right=f"{chat.remote} {ago(chat.modified_at, now)}", dim=True)


def found_rows(found: Found, now: float, elsewhere: Sequence[Elsewhere] = ()) -> list[Row]:
    """Titles, then messages with the words around the match, then what is not here yet."""
    rows: list[Row] = []
    if found.chats:
        rows.append(Row("", "Titles"))
        rows += [
            Row(chat.id, chat.title or "untitled", right=ago(chat.updated_at, now))
            for chat in found.chats
        ]
    if found.hits:
        rows.append(Row("", "Messages"))
        rows += [
            Row(
                f"{hit.chat_id}/{hit.message_id}",
                hit.chat_title or "untitled",
                right=ago(hit.created_at, now),
                detail=hit.snippet,
                marks=hit.marks,
            )
            for hit in found.hits
        ]
    if elsewhere:
        rows += [Row("", "On servers"), *(_elsewhere_row(chat, now) for chat in elsewhere)]
    return rows
