"""The pictures that come with a request, in whatever words its dialect says so."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from typing import Literal

from chatterm.attachments.content import FILE_LIMIT, content_of
from chatterm.errors import ConfigError
from chatterm.messages import Attachment


class NoPicture(Exception):
    """What came in the place of a picture is none that a model can be shown."""

    def __init__(self, message: str, kind: Literal["base64", "image", "format"]) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind


@dataclass(slots=True)
class Pictures:
    """The pictures of one request, each once."""

    bytes_of: dict[str, bytes] = field(default_factory=dict)
    """By the digest that stands in the message."""

    def take(self, encoded: str) -> Attachment:
        """A picture in Base64, in which lines may be broken; else ``NoPicture``."""
        try:
            data = base64.b64decode("".join(encoded.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise NoPicture(f"the picture is not base64: {error}", "base64") from error
        if not 0 < len(data) <= FILE_LIMIT:
            raise NoPicture(f"a picture has 1 to {FILE_LIMIT} bytes", "image")
        try:
            content = content_of("the picture", data)
        except ConfigError as error:
            raise NoPicture(error.message, "image") from error
        if not content.is_image:
            raise NoPicture("this is no PNG, JPEG, GIF or BMP", "format")
        digest = hashlib.sha256(data).hexdigest()
        self.bytes_of[digest] = data
        return Attachment(digest, digest[:8], content.media_type, len(data))
