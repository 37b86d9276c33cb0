"""Takes a chat with everything that belongs to it out of the database."""

from __future__ import annotations

from dataclasses import replace

from chatterm.messages import Message, State
from chatterm.store import answers, chats, notes, tree, votes
from chatterm.store.database import Database
from chatterm.store.exchange.values import PortableChat, PortableMessage
from chatterm.store.recovery import CUT_OFF


def portable(db: Database, chat_id: str) -> PortableChat:
    """A chat as it is now; what was deleted from it stays behind."""
    chat = chats.get(db, chat_id)
    messages = tree.everything(db, chat_id)
    origins = answers.of_chat(db, chat_id)
    scores = votes.of_chat(db, chat_id)
    links = notes.links_of_chat(db, chat_id)
    places = {
        message_id: (visited_at, copied_from)
        for message_id, visited_at, copied_from in db.rows(
            "SELECT id, visited_at, copied_from FROM messages WHERE chat_id = ?", (chat_id,)
        )
    }
    return PortableChat(
        chat,
        tuple(
            PortableMessage(
                _final(message),
                answer=origins.get(message.id),
                vote=scores.get(message.id, 0),
                visited_at=places[message.id][0],
                copied_from=places[message.id][1],
                links=links.get(message.id, {}),
            )
            for message in messages
        ),
        files={
            file.digest: notes.attachment_bytes(db, file.digest)
            for message in messages
            for file in message.attachments
        },
        links=links.get(chat_id, {}),
    )


def _final(message: Message) -> Message:
    """An answer that is still being written, as far as it has come."""
    if message.state is not State.WRITING:
        return message
    return replace(message, state=State.STOPPED, error=CUT_OFF)
