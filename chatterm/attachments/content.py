"""What the bytes of an attachment are, told by the bytes alone: a name may lie.

Text goes to any model, a picture to one that can see; everything else is refused with what to do.
"""

from __future__ import annotations

from dataclasses import dataclass

from chatterm.errors import ConfigError

FILE_LIMIT = 10_000_000
"""Bytes of one attachment; no model reads more text than this."""
TEXT = "text/plain"

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
"""How a text begins that says which encoding it has."""
_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
)
_TO_TEXT = "make a text of it first, as in: {how} | chatterm ask -f - ..."
_REFUSED = (
    (b"%PDF-", "a PDF", _TO_TEXT.format(how="pdftotext {name} -")),
    (b"{\\rtf", "an RTF document", _TO_TEXT.format(how="pandoc -t plain {name}")),
    (b"\xd0\xcf\x11\xe0", "an old Office document", "save it as text and attach that"),
    (b"PK\x03\x04", "a ZIP archive", "unpack it and attach the files or the folder"),
    (b"\x1f\x8b", "compressed", _TO_TEXT.format(how="zcat {name}")),
    (b"\x7fELF", "a program", ""),
    (b"MZ", "a program", ""),
)
_OFFICE = (
    (b"word/", "a Word document", _TO_TEXT.format(how="pandoc -t plain {name}")),
    (b"xl/", "an Excel workbook", "save the sheet as CSV and attach that"),
    (b"ppt/", "a PowerPoint file", "save it as text and attach that"),
    (b"opendocument.", "an OpenDocument file", _TO_TEXT.format(how="pandoc -t plain {name}")),
    (b"epub+zip", "an EPUB", _TO_TEXT.format(how="pandoc -t plain {name}")),
)
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\f\b\x1b")
_ODD_SHARE, _ODD_ANYWAY = 0.3, 4
"""More unreadable characters than this, and it is no text."""


@dataclass(frozen=True, slots=True)
class Content:
    """Something to attach, whole in memory."""

    name: str
    media_type: str
    data: bytes
    unreadable: int = 0
    """Characters of a text that are not UTF-8 and are shown as U+FFFD."""

    @property
    def is_image(self) -> bool:
        return is_image(self.media_type)


def is_image(media_type: str) -> bool:
    return media_type.startswith("image/")


def content_of(name: str, data: bytes) -> Content:
    """What these bytes are; a ConfigError for what no model can be given."""
    if media_type := picture_type(data):
        return Content(name, media_type, data)
    text = None if _kind_and_hint(data) else text_of(data)
    if text is None:
        raise refusal(name, data)
    return Content(name, TEXT, data, text.count("\ufffd") - data.count(b"\xef\xbf\xbd"))


def refusal(name: str, data: bytes) -> ConfigError:
    """Why something that is neither text nor picture cannot be attached."""
    kind, hint = _kind_and_hint(data) or ("binary", "")
    return ConfigError(
        f"{name} is {kind}, which no model reads",
        hint=hint.format(name=name) or "attach text or a picture",
    )


def text_of(data: bytes) -> str | None:
    """The text these bytes are, with plain line ends; None if they are no text."""
    encoding = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "utf-8")
    text = data.decode(encoding, errors="replace")
    odd = text.count("\ufffd") + sum(map(text.count, map(chr, _CONTROLS)))
    if "\0" in text or odd > len(text) * _ODD_SHARE + _ODD_ANYWAY:
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def picture_type(data: bytes) -> str:
    """Which kind of picture begins like this; empty for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    for mark, media_type in _PICTURES:
        # "BM" begins many a text; a bitmap has zeros after its length.
        if data.startswith(mark) and (mark != b"BM" or data[6:10] == bytes(4)):
            return media_type
    return ""


def _kind_and_hint(data: bytes) -> tuple[str, str] | None:
    for mark, kind, hint in _REFUSED:
        if data.startswith(mark) and (mark != b"MZ" or b"\0" in data[:512]):
            return _office(data) or (kind, hint) if mark == b"PK\x03\x04" else (kind, hint)
    return None


def _office(data: bytes) -> tuple[str, str] | None:
    """Which program wrote a ZIP archive: the names of its parts stand in it in clear."""
    return next(((kind, hint) for part, kind, hint in _OFFICE if part in data), None)
