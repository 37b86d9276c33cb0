"""chatterm's own JSON: everything a chat is, without loss. docs/export.md describes it.

A change that an older reader would misunderstand is a new version; a key that it may overlook is
not.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from typing import Any

from chatterm.errors import ConfigError
from chatterm.messages import (
    Attachment,
    Message,
    Role,
    State,
    Stop,
    Timings,
    ToolCall,
    Usage,
)
from chatterm.params import Params
from chatterm.store.exchange.fields import Item
from chatterm.store.exchange.values import PortableChat, PortableMessage
from chatterm.store.values import Chat, Provenance

FORMAT = "chatterm"
VERSION = 1

_PARAMS = frozenset(field.name for field in fields(Params))


def write(chats: Iterable[PortableChat]) -> Iterator[str]:
    """One JSON object, in pieces of a chat each."""
    yield f'{{"format": "{FORMAT}", "version": {VERSION}, "chats": ['
    separator = "\n"
    for chat in chats:
        yield separator + json.dumps(_chat_json(chat), ensure_ascii=False)
        separator = ",\n"
    yield "\n]}\n"


def read(data: Any) -> Iterator[PortableChat]:
    """The chats of an object that says it is of this format."""
    item = Item(data)
    version = item.whole("version", -1)
    if version != VERSION:
        item.at("version").fail(
            f"this chatterm reads version {VERSION}; a newer one wrote this"
            if version > VERSION
            else f"this must be {VERSION}"
        )
    for chat in item.at("chats").each():
        yield _chat(chat)


def _chat_json(given: PortableChat) -> dict[str, Any]:
    chat = asdict(given.chat)
    del chat["message_count"]
    return {
        **chat,
        "links": dict(given.links),
        "messages": [_message_json(one) for one in given.messages],
        "files": {
            digest: base64.b64encode(content).decode() for digest, content in given.files.items()
        },
    }


def _message_json(one: PortableMessage) -> dict[str, Any]:
    answer = None
    if one.answer is not None:
        answer = asdict(one.answer)
        del answer["message_id"], answer["model"]
        answer["params"] = one.answer.params.as_dict()
    return {
        **asdict(one.message),
        "vote": one.vote,
        "visited_at": one.visited_at,
        "copied_from": one.copied_from,
        "links": dict(one.links),
        "answer": answer,
    }


def _chat(item: Item) -> PortableChat:
    messages = tuple(_message(message) for message in item.at("messages").each())
    created_at = item.moment("created_at") or 0.0
    chat = Chat(
        id=item.id("id"),
        title=item.text("title", ""),
        title_by_user=item.flag("title_by_user"),
        tip_id=item.maybe_id("tip_id"),
        model=item.text("model", ""),
        created_at=created_at,
        updated_at=item.moment("updated_at") or created_at,
        pinned=item.flag("pinned"),
        tags=tuple(
            Item({"tag": tag.value}, tag.place).text("tag") for tag in item.at("tags").each()
        ),
        deleted_at=item.moment("deleted_at"),
        message_count=len(messages),
        forked_from=item.maybe_id("forked_from"),
    )
    _check_tree(item, chat, messages)
    return PortableChat(chat, messages, _files(item.at("files")), _links(item))


def _check_tree(item: Item, chat: Chat, messages: tuple[PortableMessage, ...]) -> None:
    seen: set[str | None] = {None}
    for number, one in enumerate(messages):
        place = Item(None, f"{item.place}.messages[{number}]")
        if one.message.id in seen:
            place.fail(f"there are two messages {one.message.id}")
        if one.message.parent_id not in seen:
            place.fail("its parent_id is no message before it")
        seen.add(one.message.id)
    if chat.tip_id not in seen:
        item.at("tip_id").fail("this is no message of the chat")


def _message(item: Item) -> PortableMessage:
    message = Message(
        id=item.id("id"),
        parent_id=item.maybe_id("parent_id"),
        role=item.one_of("role", Role),
        text=item.text("text"),
        created_at=item.moment("created_at") or 0.0,
        state=item.one_of("state", State, "complete"),
        reasoning=item.text("reasoning", ""),
        error=item.text("error", ""),
        model=item.text("model", ""),
        attachments=tuple(
            Attachment(
                file.text("digest"),
                file.text("name", ""),
                file.text("media_type", ""),
                file.whole("size"),
            )
            for file in item.at("attachments").each()
        ),
        tool_calls=tuple(
            ToolCall(
                call.text("id"), call.text("name"), call.text("arguments"), call.maybe("result")
            )
            for call in item.at("tool_calls").each()
        ),
        summarises=item.count("summarises"),
    )
    if message.state is State.WRITING:
        item.at("state").fail("a message in a file must be finished")
    vote = item.whole("vote")
    if vote not in (-1, 0, 1):
        item.at("vote").fail("this must be 1, 0 or -1")
    return PortableMessage(
        message,
        answer=_answer(item.at("answer"), message),
        vote=vote,
        visited_at=item.moment("visited_at") or message.created_at,
        copied_from=item.maybe_id("copied_from"),
        links=_links(item),
    )


def _answer(item: Item, message: Message) -> Provenance | None:
    if item.value is None:
        return None
    usage, timings, params = item.at("usage"), item.at("timings"), item.at("params")
    try:
        known = {key: params.at(key).value for key in params.names() if key in _PARAMS}
        parsed = Params.parse(known)
    except ConfigError as error:
        params.fail(error.message)
    return Provenance(
        message_id=message.id,
        model=message.model,
        backend=item.text("backend", ""),
        params=parsed,
        started_at=item.moment("started_at") or message.created_at,
        finished_at=item.moment("finished_at"),
        stop=item.one_of("stop", Stop) if item.at("stop").value is not None else None,
        usage=Usage(**{field.name: usage.whole(field.name) for field in fields(Usage)}),
        timings=Timings(**{field.name: timings.number(field.name) for field in fields(Timings)}),
    )


def _files(item: Item) -> dict[str, bytes]:
    if item.value is None:
        return {}
    found = {}
    for digest in item.names():
        try:
            found[digest] = base64.b64decode(item.text(digest), validate=True)
        except (binascii.Error, ValueError):
            item.at(digest).fail("this is no base64")
    return found


def _links(item: Item) -> dict[str, str]:
    links = item.at("links")
    return {} if links.value is None else {remote: links.text(remote) for remote in links.names()}
