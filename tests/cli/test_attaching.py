"""``ask -f``: what the model reads, what is kept, and what is refused."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.program import COMMAND, ask, chatterm


def test_files_come_first_each_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("first\n")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "b.txt").write_text("second\n")
    ran = chatterm("ask", "-m", "echo", "-f", "a.txt", "-f", "d", "which?", cwd=tmp_path)
    assert ran.out == (
        '<file name="a.txt">\nfirst\n</file>\n\n<file name="d/b.txt">\nsecond\n</file>\n\nwhich?\n'
    )


def test_the_next_turn_still_sees_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("first\n")
    usage = ask("--json", "-f", str(tmp_path / "a.txt"), "one").json["usage"]
    (tmp_path / "a.txt").unlink()
    later = ask("--json", "-c", "two").json["usage"]
    # The second prompt has the file, the first answer and itself in front of the new answer.
    assert later["prompt_tokens"] == 2 * usage["prompt_tokens"] + 1


def test_what_was_typed_and_what_was_attached_are_kept_apart(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("the words of the file\n")
    chat = ask("--json", "-f", str(tmp_path / "a.txt"), "my words").json["chat_id"]
    shown = chatterm("chats", "show", "--json", chat).json
    assert shown["title"] == "my words"
    assert shown["messages"][0]["text"] == "my words"
    assert shown["messages"][0]["attachments"][0]["name"].endswith("a.txt")


def test_stdin_can_be_an_attachment() -> None:
    assert ask("-f", "-", "x", stdin="piped\r\n").out == (
        '<file name="stdin">\npiped\n</file>\n\nx\n'
    )
    assert ask("-f", "-", stdin="alone").code == 0
    assert ask("-f", "-", "-", stdin="twice").code == 2


def test_a_picture_for_a_model_that_cannot_see_is_exit_3(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    ran = ask("-f", str(tmp_path / "a.png"), "what is it?")
    assert (ran.code, ran.out) == (3, "")
    assert "echo cannot see" in ran.err
    assert "-m" in ran.err


@pytest.mark.parametrize("name", ["missing.txt", "paper.pdf"])
def test_what_cannot_be_attached_is_exit_2_and_nothing_is_stored(
    home: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "paper.pdf").write_bytes(b"%PDF-1.4 ")
    ran = chatterm("ask", "-m", "echo", "-f", name, "x", cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert name in ran.err
    assert not (home / "data").exists()


def test_a_folder_says_what_it_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "b.bin").write_bytes(b"\0")
    ran = ask("-f", str(tmp_path), "x")
    assert ran.code == 0
    assert "b.bin" in ran.err
    assert "b.bin" not in ran.out


def test_binary_stdin_is_refused_and_other_encodings_are_read_as_well_as_they_can_be() -> None:
    assert ask("x", stdin=b"\0\1\2").code == 2
    assert "-f -" in ask("x", stdin=b"\x89PNG\r\n\x1a\n").err
    ran = ask("x", stdin=b"caf\xe9")
    assert ran.out == "x\n\ncaf\ufffd\n"
    assert "not UTF-8" in ran.err
    assert ask("x", stdin="grün".encode("utf-16")).out == "x\n\ngrün\n"


def test_no_stream_prints_the_same_at_the_end() -> None:
    assert ask("-n", "one two").out == "one two\n"


def test_a_stdin_that_cannot_be_read_is_an_error_one_can_understand(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    ran = subprocess.run(
        [*COMMAND, "ask", "-m", "echo", "x"], stdin=descriptor, capture_output=True, text=True
    )
    os.close(descriptor)
    assert ran.returncode == 2
    assert ran.stderr.startswith("chatterm: stdin cannot be read: Bad file descriptor")
