"""Ranges and journals: what is noted is true, and what cannot be true is passed over."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatterm.engine.pull.journal import Journal, Version, read_notes
from chatterm.engine.pull.spans import Spans

SIZE = 60
ranges = st.tuples(st.integers(0, SIZE), st.integers(0, SIZE))
steps = st.lists(st.tuples(st.booleans(), ranges), max_size=30)


@given(steps, ranges)
def test_spans_are_a_set_of_bytes(
    changes: list[tuple[bool, tuple[int, int]]], asked: tuple[int, int]
) -> None:
    spans, model = Spans(), set[int]()
    for adds, (start, stop) in changes:
        if adds:
            spans.add(start, stop)
            model |= set(range(start, stop))
        else:
            spans.remove(start, stop)
            model -= set(range(start, stop))
    assert {place for start, stop in spans for place in range(start, stop)} == model
    assert spans.total == len(model)
    flat = [place for span in spans for place in span]
    assert flat == sorted(set(flat)), "in order, and none touches the next"
    missing = {place for gap in spans.gaps(*asked) for place in range(*gap)}
    assert missing == set(range(*asked)) - model
    assert spans.overlaps(*asked) == bool(set(range(*asked)) & model)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.journal"


def claimed(path: Path) -> Journal:
    journal = Journal.claim(path)
    assert journal is not None
    return journal


def test_a_journal_is_read_as_it_was_written(path: Path) -> None:
    version = Version(1000, "ab" * 32, '"tag"')
    journal = claimed(path)
    assert journal.read(100) is None
    journal.begin(version)
    journal.wrote(0, 100, 7)
    journal.wrote(300, 350, 8)
    journal.wrote(100, 200, 9)
    journal.dropped(0)
    journal.close()
    notes = read_notes(path, 100)
    assert notes is not None
    assert notes.version == version
    assert notes.pieces == {300: (350, 8), 100: (200, 9)}
    assert not notes.doubted


def test_doubt_takes_everything_back(path: Path) -> None:
    journal = claimed(path)
    journal.begin(Version(1000))
    journal.wrote(0, 100, 7)
    journal.doubted()
    journal.wrote(0, 50, 3)
    notes = journal.read(100)
    journal.close()
    assert notes is not None
    assert notes.doubted
    assert notes.pieces == {0: (50, 3)}


@pytest.mark.parametrize(
    "line",
    [
        b"+ 0 50 0000000",  # torn: no end of line
        b"+ 50 40 0\n",
        b"+ -5 40 0\n",
        b"+ 990 1001 0\n",
        b"+ 0 101 0\n",  # longer than a piece
        b"+ 299 301 0\n",  # overlaps
        b"+ a b c\n",
        b"- 7\n",
        b"\0\0\0\0\0\n",
        b"\xff\xfe\n",
        b"+ 1\n",
    ],
)
def test_a_line_that_cannot_be_true_is_passed_over(path: Path, line: bytes) -> None:
    journal = claimed(path)
    journal.begin(Version(1000))
    journal.wrote(300, 350, 8)
    journal.close()
    with path.open("ab") as file:
        file.write(line)
    notes = read_notes(path, 100)
    assert notes is not None
    assert notes.pieces == {300: (350, 8)}


@pytest.mark.parametrize(
    "text",
    [b"", b"\0" * 100, b"[]\n", b'{"format": 99}\n', b'{"format": 1, "size": "x"}\n', b"{" * 9999],
)
def test_a_journal_that_cannot_be_read_is_none(path: Path, text: bytes) -> None:
    path.write_bytes(text)
    assert read_notes(path, 100) is None


@given(st.binary(max_size=300))
def test_no_journal_breaks_the_reader(
    tmp_path_factory: pytest.TempPathFactory, tail: bytes
) -> None:
    path = tmp_path_factory.mktemp("journal") / "x"
    path.write_bytes(b'{"format": 1, "size": 1000, "sha256": "", "tag": "t"}\n' + tail)
    notes = read_notes(path, 100)
    assert notes is not None
    assert all(0 <= start < stop <= 1000 for start, (stop, _) in notes.pieces.items())


def test_only_one_holds_a_journal(path: Path) -> None:
    journal = claimed(path)
    assert Journal.claim(path) is None
    journal.remove()
    assert not path.exists()
    claimed(path).close()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Version(1, "a", "x"), Version(1, "a", "y"), True),
        (Version(1, "a", "x"), Version(1, "b", "x"), False),
        (Version(1, "a", "x"), Version(2, "a", "x"), False),
        (Version(1, "", "x"), Version(1, "a", "x"), True),
        (Version(1, "", ""), Version(1, "", ""), False),
    ],
)
def test_versions_are_told_apart(one: Version, other: Version, same: bool) -> None:
    assert one.is_same(other) == same
