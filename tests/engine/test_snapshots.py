"""What is written comes back whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chatterm.engine.snapshots import Snapshots

CAP = 1 << 20


def snapshots(folder: Path, key: str = "model", cap: int = CAP) -> Snapshots:
    return Snapshots(folder, key, cap)


def longest(tokens: list[int]) -> int:
    return len(tokens)


def only_file(folder: Path) -> Path:
    (path,) = folder.glob("*/*.snap")
    return path


def test_a_snapshot_comes_back_as_it_was_in_a_new_process(tmp_path: Path) -> None:
    state = bytearray(os.urandom(5000))
    assert snapshots(tmp_path).write([1, 2, 3], [(1, [2, 3, 4])], state)
    again = snapshots(tmp_path)
    best = again.best(longest)
    assert best is not None
    found = again.read(best[0])
    assert found is not None
    assert (found.tokens, found.answers, found.state) == ([1, 2, 3], [(1, [2, 3, 4])], state)
    assert again.answers == [[2, 3, 4]]


def test_files_are_private(tmp_path: Path) -> None:
    snapshots(tmp_path / "s").write([1], [], bytearray(b"x"))
    path = only_file(tmp_path / "s")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_another_model_does_not_see_it(tmp_path: Path) -> None:
    snapshots(tmp_path, "one").write([1], [], bytearray(b"x"))
    assert snapshots(tmp_path, "two").best(longest) is None


@pytest.mark.parametrize("damage", ["truncated", "longer", "flipped", "header", "empty"])
def test_a_damaged_snapshot_is_dropped_never_used(tmp_path: Path, damage: str) -> None:
    snapshots(tmp_path).write([1, 2], [], bytearray(os.urandom(1000)))
    path = only_file(tmp_path)
    data = bytearray(path.read_bytes())
    match damage:
        case "truncated":
            del data[-1:]
        case "longer":
            data += b"x"
        case "flipped":
            data[-10] ^= 1
        case "header":
            data[0] ^= 1
        case _:
            data.clear()
    path.write_bytes(data)
    again = snapshots(tmp_path)
    best = again.best(longest)
    assert best is None or again.read(best[0]) is None
    assert not path.exists()


def test_a_longer_snapshot_of_a_chat_replaces_the_shorter(tmp_path: Path) -> None:
    kept = snapshots(tmp_path)
    kept.write([1, 2], [], bytearray(b"a"))
    kept.write([1, 2, 3], [], bytearray(b"b"))
    kept.write([1, 9], [], bytearray(b"c"))
    assert len(list(tmp_path.glob("*/*.snap"))) == 2


def test_the_oldest_of_any_model_go_when_the_cap_is_reached(tmp_path: Path) -> None:
    for number in range(4):
        kept = snapshots(tmp_path, f"model{number}", cap=3500)
        kept.write([number], [], bytearray(1000))
        path = next((tmp_path / f"model{number}").glob("*.snap"))
        os.utime(path, (number, number))
    names = {path.parent.name for path in tmp_path.glob("*/*.snap")}
    assert names == {"model1", "model2", "model3"}


def test_one_that_is_larger_than_the_cap_is_not_written(tmp_path: Path) -> None:
    assert not snapshots(tmp_path, cap=100).write([1], [], bytearray(1000))
    assert list(tmp_path.glob("*/*")) == []


def test_a_folder_that_cannot_be_written_costs_warmth_and_nothing_else(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    assert not snapshots(blocked).write([1], [], bytearray(b"x"))


def test_nothing_is_left_under_a_partial_name(tmp_path: Path) -> None:
    snapshots(tmp_path).write([1], [], bytearray(b"x"))
    assert list(tmp_path.glob("*/*.partial")) == []
