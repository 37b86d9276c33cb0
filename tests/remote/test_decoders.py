"""Events and lines out of bytes, whatever the network does to them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatterm.errors import BadReply
from chatterm.remote.ndjson import json_lines
from chatterm.remote.sse import sse_events
from chatterm.remote.text import Pieces
from tests.servers.transcripts import RECORDINGS as FOLDER

RECORDINGS = sorted(FOLDER.glob("*.sse"))

ODD = (
    b"\xef\xbb\xbf: a comment\n\ndata: one\n\nevent: ping\r\ndata: 2026-11-21 03:52:37\r\n\r\n"
    b": ping - 2026\r\n\r\ndata\n\ndata:\n\nretry: 15000\n\nid: 7\n\nevent: empty\n\n"
    b"data: \xf0\x9f\x8e\x89 \xe6\xbc\xa2\r\rdata: a\ndata: b\n\nunknown: x\ndata:no space\n\n"
    b"event: odd\ndata: named\n\ndata: \xff broken\n\ndata: last\n"
)
ODD_EVENTS = [
    ("message", "one"),
    ("ping", "2026-11-21 03:52:37"),
    ("message", "🎉 漢"),
    ("message", "a\nb"),
    ("message", "no space"),
    ("odd", "named"),
    ("message", "\ufffd broken"),
    ("message", "last"),
]


async def _given(chunks: Sequence[bytes]) -> AsyncGenerator[bytes, None]:
    for chunk in chunks:
        yield chunk


def events_of(*chunks: bytes, limit: int = 10_000_000) -> list[tuple[str, str]]:
    async def read() -> list[tuple[str, str]]:
        return [(e.event, e.data) async for e in sse_events(_given(chunks), limit=limit)]

    return asyncio.run(read())


def lines_of(*chunks: bytes, limit: int = 10_000_000) -> list[object]:
    async def read() -> list[object]:
        return [value async for value in json_lines(_given(chunks), limit=limit)]

    return asyncio.run(read())


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    ends = sorted({min(place, len(data)) for place in places} | {len(data)})
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


PLACES = st.lists(st.integers(0, 5000), max_size=30)


def test_everything_the_specification_allows_is_understood() -> None:
    assert events_of(ODD) == ODD_EVENTS


@given(PLACES)
def test_events_do_not_depend_on_how_their_bytes_were_cut(places: list[int]) -> None:
    assert events_of(*cut(ODD, places)) == ODD_EVENTS


def test_one_byte_at_a_time_is_the_same() -> None:
    assert events_of(*(ODD[at : at + 1] for at in range(len(ODD)))) == ODD_EVENTS


@pytest.mark.parametrize("file", RECORDINGS, ids=lambda file: file.stem[:20])
@given(places=PLACES)
def test_a_recording_gives_the_same_events_however_it_is_cut(file: Path, places: list[int]) -> None:
    data = file.read_bytes()
    whole = [json.loads(line[6:]) for line in data.split(b"\r\n") if line.startswith(b"data: {")]
    events = [json.loads(data) for name, data in events_of(*cut(data, places)) if name == "message"]
    assert events == whole


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n"]), min_size=6, max_size=6))
def test_line_ends_may_be_mixed(ends: list[bytes]) -> None:
    pieces = [b"data: a", b"data: b", b"", b"data: c", b"event: x", b""]
    data = b"".join(piece + end for piece, end in zip(pieces, ends, strict=True))
    if b"\r\n" not in (ends[1] + ends[2], ends[4] + ends[5]):
        assert events_of(data) == [("message", "a\nb"), ("x", "c")]


def test_an_event_that_was_cut_off_is_dropped() -> None:
    assert events_of(b'data: {"a": 1}\n\ndata: {"b"') == [("message", '{"a": 1}')]


@pytest.mark.parametrize(
    "chunks",
    [[b"data: " + b"x" * 500], [b"data: x\n"] * 100, [b": x\n"] * 100],
    ids=["a line", "an event of many lines", "comments without end"],
)
def test_what_never_becomes_an_event_is_refused(chunks: list[bytes]) -> None:
    with pytest.raises(BadReply, match="more than"):
        events_of(*chunks, limit=300)


def test_a_line_of_ten_megabytes_is_refused() -> None:
    piece = b"x" * 1_000_000
    with pytest.raises(BadReply, match="more than 10 MB"):
        events_of(b"data: ", *[piece] * 11)
    with pytest.raises(BadReply, match="more than 10 MB"):
        lines_of(b'{"a": "', *[piece] * 11, b'"}\n')


JSON_LINES = b'{"a": 1}\n\r\n  \n{"b": "\xf0\x9f\x8e\x89"}\r\n{"c": {"d": [1, 2]}}'
JSON_VALUES: list[object] = [{"a": 1}, {"b": "🎉"}, {"c": {"d": [1, 2]}}]


@given(PLACES)
def test_lines_do_not_depend_on_how_their_bytes_were_cut(places: list[int]) -> None:
    assert lines_of(*cut(JSON_LINES, [place % 60 for place in places])) == JSON_VALUES


def test_a_last_line_that_was_cut_off_is_dropped() -> None:
    assert lines_of(b'{"a": 1}\n{"b"') == [{"a": 1}]


@pytest.mark.parametrize("line", [b"nonsense\n", b"[1]\n", b"[" * 10_000 + b"\n"])
def test_a_line_that_is_no_object_is_an_error(line: bytes) -> None:
    with pytest.raises(BadReply):
        lines_of(line)


@given(st.text(st.characters(codec="utf-8"), max_size=20), st.lists(st.integers(0, 40)))
def test_characters_cut_in_two_come_out_whole(text: str, places: list[int]) -> None:
    units = [u.encode("utf-16-le", "surrogatepass") for u in text]
    halves = [
        half.decode("utf-16-le", "surrogatepass")
        for unit in units
        for half in (unit[:2], unit[2:])
        if half
    ]
    pieces = Pieces()
    out = [pieces.join(half) for half in halves]
    assert "".join(out) == text
    for piece in out:
        piece.encode()


def test_half_a_character_that_stays_alone_is_replaced() -> None:
    pieces = Pieces()
    assert pieces.join("a\ud83d") + pieces.join("b") == "a\ufffdb"
