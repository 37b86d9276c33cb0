"""Chats as Markdown: what each shows, from its first message to its tip, to be read and kept.

Comments, which no viewer shows, say what stands where, so that the same text can be imported.
Other branches and attached files are not in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from chatterm.messages import Message, Role, State
from chatterm.store.exchange.fields import Item
from chatterm.store.exchange.values import PortableChat, PortableMessage
from chatterm.store.values import Chat

_MARK = re.compile(r"<!-- chatterm (chat|message) (\{.*\}) -->")
_LOOKS_LIKE_MARK = re.compile(r"^(\\*<!-- chatterm )", re.MULTILINE)
_LOOKED_LIKE_MARK = re.compile(r"^\\(\\*<!-- chatterm )", re.MULTILINE)


def write(chats: Iterable[PortableChat]) -> Iterator[str]:
    for number, given in enumerate(chats):
        chat = given.chat
        about = {
            "id": chat.id,
            "title": chat.title,
            "title_by_user": chat.title_by_user,
            "model": chat.model,
            "created_at": chat.created_at,
            "updated_at": chat.updated_at,
            "tags": list(chat.tags),
        }
        yield "\n" * bool(number) + f"{_mark('chat', about)}\n# {chat.title}\n"
        for one in given.path():
            yield _message_text(one.message)


def recognises(text: str) -> bool:
    first = text.lstrip("\ufeff \r\n").partition("\n")[0].rstrip("\r")
    found = _MARK.fullmatch(first)
    return found is not None and found[1] == "chat"


def read(text: str) -> Iterator[PortableChat]:
    chat: Item | None = None
    messages: list[Message] = []
    for what, about, body in _sections(text):
        if what == "chat":
            if chat is not None:
                yield _chat(chat, messages)
            chat, messages = about, []
        else:
            messages.append(_message(about, body, messages[-1].id if messages else None))
    if chat is not None:
        yield _chat(chat, messages)


def _message_text(message: Message) -> str:
    about: dict[str, Any] = {
        "id": message.id,
        "role": message.role,
        "created_at": message.created_at,
        "state": message.state,
        "model": message.model,
    }
    if message.summarises:
        about["summarises"] = message.summarises
    model = f" ({message.model})" if message.model else ""
    words = _LOOKS_LIKE_MARK.sub(r"\\\1", message.text)
    files = "".join(f"\n*Attached: {file.name}*\n" for file in message.attachments)
    # The number of characters tells where the words end, whatever they end with.
    about["length"] = len(words)
    return (
        f"\n{_mark('message', about)}\n## {message.label.capitalize()}{model}\n\n{words}\n{files}"
    )


def _mark(what: str, about: dict[str, Any]) -> str:
    # Two dashes would end the comment for a browser.
    data = json.dumps(about).replace("--", "-\\u002d")
    return f"<!-- chatterm {what} {data} -->"


def _sections(text: str) -> Iterator[tuple[str, Item, str]]:
    """Each mark with what is below its heading."""
    marks = [found for found in _MARK.finditer(text) if _begins_line(text, found.start())]
    for found, after in zip(marks, [*marks[1:], None], strict=True):
        line = text.count("\n", 0, found.start()) + 1
        try:
            about = Item(json.loads(found[2]), f"line {line}")
        except ValueError:
            Item(None, f"line {line}").fail("this comment is damaged")
        body = text[found.end() : after.start() if after else len(text)]
        # Behind the mark come the heading and an empty line.
        yield found[1], about, "".join(body.split("\n", 3)[3:])


def _begins_line(text: str, place: int) -> bool:
    return place == 0 or text[place - 1] == "\n" or not text[:place].strip("\ufeff \n")


def _message(about: Item, words: str, parent_id: str | None) -> Message:
    # Where somebody has changed the words, they end before the next comment.
    length = about.whole("length", -1)
    rest = words[length:] if 0 <= length < len(words) else ""
    if rest == "\n" * len(rest) != "" or rest.startswith("\n\n*Attached: "):
        words = words[:length]
    else:
        words = words.replace("\r\n", "\n").strip("\n")
    state = about.one_of("state", State, "complete")
    if state is State.WRITING:
        about.at("state").fail("a message in a file must be finished")
    return Message(
        id=about.id("id"),
        parent_id=parent_id,
        role=about.one_of("role", Role),
        text=_LOOKED_LIKE_MARK.sub(r"\1", words),
        created_at=about.moment("created_at") or 0.0,
        state=state,
        model=about.text("model", ""),
        summarises=about.count("summarises"),
    )


def _chat(about: Item, messages: list[Message]) -> PortableChat:
    created_at = about.moment("created_at") or 0.0
    chat = Chat(
        id=about.id("id"),
        title=about.text("title", ""),
        title_by_user=about.flag("title_by_user"),
        tip_id=messages[-1].id if messages else None,
        model=about.text("model", ""),
        created_at=created_at,
        updated_at=about.moment("updated_at") or created_at,
        tags=tuple(Item({"": tag.value}, tag.place).text("") for tag in about.at("tags").each()),
        message_count=len(messages),
    )
    return PortableChat(
        chat, tuple(PortableMessage(one, visited_at=one.created_at) for one in messages)
    )
