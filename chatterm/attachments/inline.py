"""Attached texts as part of the message that the model reads.

A message is stored as it was typed, with its files beside it; a request has both as one text, so
every backend can read them, and so can each later turn of the chat.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from dataclasses import replace

from chatterm.attachments.content import is_image, text_of
from chatterm.errors import ModelError
from chatterm.messages import Message, ModelInfo


def inlined(message: Message, read: Callable[[str], bytes]) -> Message:
    """The message with its attached texts in front; pictures stay attached. ``read`` has bytes."""
    texts = [file for file in message.attachments if not is_image(file.media_type)]
    if not texts:
        return message
    parts = [delimited(file.name, text_of(read(file.digest)) or "") for file in texts]
    pictures = tuple(file for file in message.attachments if is_image(file.media_type))
    parts += [message.text] if message.text else []
    return replace(message, text="\n\n".join(parts), attachments=pictures)


def delimited(name: str, text: str) -> str:
    """A text between marks that cannot be mistaken for a part of it."""
    tag, number = "file", 1
    while f"</{tag}>" in text:
        number += 1
        tag = f"file-{number}"
    shown = html.escape(" ".join(name.split()))
    return f'<{tag} name="{shown}">\n{text.rstrip()}\n</{tag}>'


def need_sight(path: Iterable[Message], model: ModelInfo | None, name: str) -> None:
    """Refuse a path with pictures where the model is not known to see."""
    pictures = [file for message in path for file in message.attachments]
    if pictures and (model is None or "vision" not in model.capabilities):
        raise ModelError(
            f"{name} cannot see, and {pictures[0].name} is a picture",
            hint="choose a model that can see with -m, or send the prompt without the picture",
        )
