"""Folders: what a person wrote, as git sees it; nothing hidden, nothing binary, nothing huge."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from chatterm.attachments import files
from chatterm.attachments.files import read_file, read_folder
from chatterm.errors import ConfigError


def write(root: Path, tree: dict[str, str]) -> None:
    for name, text in tree.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def names(folder: Path) -> list[str]:
    return [
        Path(content.name).relative_to(folder).as_posix()
        for content in read_folder(folder).contents
    ]


IGNORING = {
    ".gitignore": "*.log\n!keep.log\n/build/\nsecret\n!\n",
    "a.py": "a",
    "b.log": "no",
    "keep.log": "yes",
    "build/out.txt": "no",
    "sub/.gitignore": "*.tmp\n!b.log\n/only-here\n",
    "sub/b.log": "yes",
    "sub/c.tmp": "no",
    "sub/only-here": "no",
    "sub/deep/only-here": "yes",
    "sub/deep/secret/x": "no",
    "sub/build/out.txt": "yes",
    ".hidden/x": "no",
    ".env": "no",
}


def test_gitignore_counts_at_every_level(tmp_path: Path) -> None:
    write(tmp_path, IGNORING)
    kept = [name for name, text in IGNORING.items() if text in ("yes", "a")]
    assert names(tmp_path) == sorted(kept)


def test_a_part_of_a_repository_obeys_what_lies_above_it(tmp_path: Path) -> None:
    write(tmp_path, {**IGNORING, ".git/info/exclude": "keep.log\n", ".git/HEAD": "x"})
    assert names(tmp_path / "sub") == ["b.log", "build/out.txt", "deep/only-here"]
    assert "keep.log" in names(tmp_path), "a rule of .gitignore counts more than the exclude file"


@pytest.mark.skipif(shutil.which("git") is None, reason="no git program")
def test_git_sees_the_same_files(tmp_path: Path) -> None:
    write(tmp_path, IGNORING)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    listed = subprocess.run(
        ["git", "-C", str(tmp_path), "ls-files", "-z", "-o", "--exclude-standard"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split("\0")
    visible = [name for name in listed if name and not name.startswith(".") and "/." not in name]
    assert names(tmp_path) == sorted(visible)


def test_what_is_no_text_is_left_out_and_named(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "a"})
    (tmp_path / "b.bin").write_bytes(b"\0\1\2")
    (tmp_path / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    folder = read_folder(tmp_path)
    assert [content.data for content in folder.contents] == [b"a"]
    assert folder.left_out == [str(tmp_path / "b.bin"), str(tmp_path / "c.png")]


def test_links_are_not_followed_inside_a_folder(tmp_path: Path) -> None:
    write(tmp_path, {"in/a.txt": "a", "out/secret.txt": "s"})
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "link.txt").symlink_to(tmp_path / "out" / "secret.txt")
    assert names(tmp_path / "in") == ["a.txt"]


def test_limits_are_said_in_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {f"{number}.txt": "x" * 100 for number in range(5)})
    monkeypatch.setattr(files, "FOLDER_FILES", 4)
    with pytest.raises(ConfigError, match="more than 4 files"):
        read_folder(tmp_path)
    monkeypatch.setattr(files, "FOLDER_LIMIT", 250)
    with pytest.raises(ConfigError, match="MB of text"):
        read_folder(tmp_path)
    (tmp_path / "big").write_bytes(b"x" * 10_000_001)
    with pytest.raises(ConfigError, match="longer than 10 MB"):
        read_file(tmp_path / "big")


def test_a_folder_without_text_says_what_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, {".env": "x"})
    with pytest.raises(ConfigError, match="no text") as caught:
        read_folder(tmp_path)
    assert "hidden" in caught.value.hint


def test_a_name_that_is_no_utf8_is_shown_as_well_as_it_can_be(tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt"))
    odd.write_text("x")
    assert read_folder(tmp_path).contents[0].name == f"{tmp_path}/caf\ufffd.txt"
    assert read_file(odd).name.endswith("caf\ufffd.txt")
