"""The database of ``oterm``: ``store.db``. It knows no times, and numbers its rows.

As two such files have the same numbers, ids are derived from what was said as well.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator

from chatterm.messages import Role
from chatterm.store.exchange.build import About, Source, Turn, build, chain
from chatterm.store.exchange.fields import Item
from chatterm.store.exchange.lineage import lineage
from chatterm.store.exchange.sqlite import Foreign, chats_of
from chatterm.store.exchange.values import PortableChat

_MAGIC = {b"\x89PNG": "image/png", b"\xff\xd8": "image/jpeg", b"GIF8": "image/gif"}


def recognises(db: Foreign) -> bool:
    return db.columns("message") >= {"chat_id", "author", "text"} and bool(db.columns("chat"))


def read(db: Foreign, source: Source) -> Iterator[PortableChat]:
    for chat, said in chats_of(db):
        model, system = chat.text("model", ""), chat.text("system", "")
        turns = [_turn(row, model) for row in said]
        if system:
            turns.insert(0, Turn("system", None, Role.SYSTEM, system))
        about = About(f"{chat.whole('id')}", chat.place, chat.text("name", ""), model=model)
        yield build(source, *lineage(about, chain(turns)))


def _turn(row: Item, model: str) -> Turn:
    role = row.one_of("author", Role)
    return Turn(
        f"{row.whole('id')}",
        None,
        role,
        row.text("text"),
        model=model if role is Role.ASSISTANT else "",
        files=tuple(_images(row)),
    )


def _images(row: Item) -> Iterator[tuple[str, str, bytes]]:
    try:
        images = json.loads(row.text("images", "") or "[]")
        for number, image in enumerate(images, 1):
            content = base64.b64decode(image, validate=True)
            kinds = (kind for magic, kind in _MAGIC.items() if content.startswith(magic))
            kind = next(kinds, "application/octet-stream")
            yield f"image-{number}.{kind.rpartition('/')[2]}", kind, content
    except (ValueError, TypeError, binascii.Error):
        row.at("images").fail("this is no list of images in base64")
