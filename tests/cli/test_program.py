"""The program around its commands: version, help, errors, chats, search."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from chatterm import __version__
from chatterm.cli.program import GROUPS
from tests.cli.program import ask, chatterm
from tests.cli.terminal import in_a_terminal

COMMANDS = [
    [],
    ["ask"],
    ["chat"],
    ["chats"],
    *(["chats", name] for name in GROUPS["chats"][1]),
    ["search"],
    ["config"],
    ["paths"],
]


def test_version() -> None:
    ran = chatterm("--version")
    assert (ran.code, ran.out, ran.err) == (0, f"chatterm {__version__}\n", "")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_fits_a_screen(command: list[str]) -> None:
    ran = chatterm(*command, "--help")
    assert ran.code == 0
    assert "Usage: chatterm" in ran.out
    assert len(ran.out.splitlines()) < 45


def test_without_a_terminal_it_says_what_to_use() -> None:
    ran = chatterm()
    assert ran.code == 2
    assert "chatterm ask" in ran.err


def test_chats_are_listed_latest_first() -> None:
    assert ask("the first").code == 0
    assert ask("the second").code == 0
    listed = chatterm("chats", "list", "--json").json
    assert [chat["title"] for chat in listed] == ["the second", "the first"]
    lines = chatterm("chats", "list").out.splitlines()
    assert [line.split("  ")[-1] for line in lines] == ["the second", "the first"]


def test_a_group_without_a_command_shows_its_help() -> None:
    ran = chatterm("chats")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Usage: chatterm chats")


def test_an_empty_list_is_empty_on_stdout_and_says_so_on_stderr() -> None:
    ran = chatterm("chats", "list")
    assert ran.out == ""
    assert "no chats yet" in ran.err
    assert chatterm("chats", "list", "--json").json == []


def test_a_chat_is_shown_by_any_unique_part_of_its_id() -> None:
    chat_id = ask("--json", "hello there").json["chat_id"]
    shown = chatterm("chats", "show", chat_id[-10:])
    assert shown.out.startswith("# hello there\n")
    assert shown.out.count("hello there") == 3
    as_json = chatterm("chats", "show", chat_id, "--json").json
    assert [message["role"] for message in as_json["messages"]] == ["user", "assistant"]


def test_a_chat_that_is_not_there_is_exit_6() -> None:
    ran = chatterm("chats", "show", "nothing")
    assert ran.code == 6
    assert "hint: " in ran.err


def test_search_finds_a_message_and_marks_the_match() -> None:
    ask("the quick brown fox")
    ask("something else")
    (hit, *rest) = chatterm("search", "brown", "--json").json
    assert len(rest) == 1, "the prompt and its echo"
    (start, end) = hit["marks"][0]
    assert hit["snippet"][start:end] == "brown"
    assert "[brown]" in chatterm("search", "brown").out
    assert chatterm("search", "nowhere").out == ""


@pytest.mark.parametrize("query", ['"', "a AND", "NEAR(", "*", "col:x", "'; DROP TABLE messages"])
def test_any_query_is_a_search(query: str) -> None:
    ask("hello")
    assert chatterm("search", query).code == 0


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="no sqlite3 program")
def test_the_database_reads_with_any_sqlite_tool(home: Path) -> None:
    ask("plain words")
    sql = "SELECT role, text FROM chat_path ORDER BY position"
    database = home / "data" / "chatterm.db"
    ran = subprocess.run(["sqlite3", str(database), sql], capture_output=True, text=True)
    assert ran.stdout == "user|plain words\nassistant|plain words\n"


def test_files_and_folders_are_private(home: Path) -> None:
    ask("hello")
    database = home / "data" / "chatterm.db"
    assert database.stat().st_mode & 0o777 == 0o600
    assert database.parent.stat().st_mode & 0o777 == 0o700


def test_a_database_that_is_none_is_exit_6_and_left_alone(home: Path) -> None:
    (home / "data").mkdir(parents=True)
    database = home / "data" / "chatterm.db"
    database.write_bytes(b"this is no database" * 100)
    ran = ask("hello")
    assert ran.code == 6
    assert "Traceback" not in ran.err
    assert database.read_bytes() == b"this is no database" * 100


def test_a_broken_config_is_exit_2_with_its_line(home: Path) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text('model = "echo"\nsystem = \n')
    ran = ask("hello")
    assert ran.code == 2
    assert "config.toml" in ran.err
    assert "line 2" in ran.err


def test_a_bug_is_exit_1_without_a_traceback(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception nobody expects, made by breaking an import of the command."""
    broken = home / "broken"
    (broken / "chatterm_breaks").mkdir(parents=True)
    (broken / "sitecustomize.py").write_text(
        "import sys\nsys.modules['chatterm.cli.answering'] = None\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(broken))
    ran = ask("hello")
    assert ran.code == 1
    assert ran.err.startswith("chatterm: a bug: ")
    assert "Traceback" not in ran.err
    monkeypatch.setenv("CHATTERM_DEBUG", "1")
    assert "Traceback" in ask("hello").err


def test_completion_scripts_are_offered() -> None:
    assert "--show-completion" in chatterm("--help").out


def test_on_a_terminal_no_escape_sequence_of_a_model_gets_through() -> None:
    code, screen = in_a_terminal("ask", "-m", "echo", "a\x1b[31mred\x07 \x9b2J b")
    assert code == 0
    ours = re.compile(r"\x1b\[(?:\?2026[hl]|\?7[hl]|J|\d+A)")
    assert "\x1b" not in ours.sub("", screen)
    assert "\x07" not in screen
    assert "\x9b" not in screen
    assert "␛[31mred" in screen


def test_a_chat_line_by_line() -> None:
    code, screen = in_a_terminal(
        "chat", "--plain", "-m", "echo", keys=b"hello you\n\x04", until=b"> "
    )
    assert code == 0
    assert len(re.findall("hello you", screen)) == 2, "typed, then answered"
    (chat,) = json.loads(chatterm("chats", "list", "--json").out)
    assert chat["title"] == "hello you"


def test_python_reads_the_view_too(home: Path) -> None:
    ask("x")
    connection = sqlite3.connect(home / "data" / "chatterm.db")
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT count(*) FROM chat_path").fetchone() == (2,)
    finally:
        connection.close()
