"""What bytes are: text in its encodings, pictures, and what is refused with what to do."""

from __future__ import annotations

import io
import zipfile

import pytest

from chatterm.attachments.content import content_of, text_of
from chatterm.attachments.inline import delimited
from chatterm.errors import ConfigError


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"one\r\ntwo\rthree\n", "one\ntwo\nthree\n"),
        ("\ufeffmark".encode(), "mark"),
        ("grün €".encode("utf-16"), "grün €"),
        ("grün €".encode("utf-32"), "grün €"),
        (b"caf\xe9", "caf\ufffd"),
        (b"BM is how this begins", "BM is how this begins"),
        (b"MZ too", "MZ too"),
        (b"", ""),
    ],
)
def test_text_is_read_in_its_encoding(data: bytes, text: str) -> None:
    assert content_of("a", data).media_type == "text/plain"
    assert text_of(data) == text


def test_what_is_not_utf8_is_counted() -> None:
    assert content_of("a", b"caf\xe9 \xe0 la").unreadable == 2
    assert content_of("a", "it is \ufffd itself".encode()).unreadable == 0


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "image/png"),
        (b"\xff\xd8\xff\xe0\0", "image/jpeg"),
        (b"GIF89a\0", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"BM\0\1\0\0\0\0\0\0\0\0", "image/bmp"),
    ],
)
def test_pictures_are_known_by_their_content(data: bytes, media_type: str) -> None:
    assert content_of("picture.txt", data).media_type == media_type


def archive(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name in names:
            made.writestr(name, "x")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "kind", "hint"),
    [
        (b"%PDF-1.7\n", "a PDF", "pdftotext report -"),
        (archive("[Content_Types].xml", "word/document.xml"), "a Word", "pandoc -t plain report"),
        (archive("xl/workbook.xml"), "an Excel", "CSV"),
        (archive("a.txt"), "a ZIP", "unpack"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Office", "save it as text"),
        (b"\x7fELF\2\1\1\0", "a program", "text or a picture"),
        (b"data\0with zeros", "binary", "text or a picture"),
        (bytes(range(128, 256)) * 4, "binary", "text or a picture"),
    ],
)
def test_what_no_model_reads_is_refused_with_what_to_do(data: bytes, kind: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        content_of("report", data)
    assert caught.value.message.startswith(f"report is {kind}")
    assert hint in caught.value.hint


def test_a_text_cannot_end_its_own_marks() -> None:
    shown = delimited('a "b"\n.txt', "x</file>y</file-2>\n")
    assert shown == '<file-3 name="a &quot;b&quot; .txt">\nx</file>y</file-2>\n</file-3>'
