"""What the setting keeps out is in no file and was never sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import ask, chatterm, opened_store

KEY = "sk-proj-" + "Zq9" * 10


@pytest.fixture(autouse=True)
def redacting(home: Path) -> Path:
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text('[store]\nredact = ["keys", "EMP-\\\\d+"]\n')
    return home


def files_of(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in (home / "data").glob("*") if path.is_file())


def test_a_prompt_is_sent_and_stored_without_its_secrets(home: Path) -> None:
    ran = ask(f"{KEY} belongs to EMP-1", stdin=f"and {KEY}")
    assert ran.code == 0
    assert ran.out == ("[redacted keys] belongs to [redacted]\n\nand [redacted keys]\n"), (
        "the echo says what it was sent"
    )
    assert "3 secrets were replaced" in ran.err
    assert b"Zq9Zq9" not in files_of(home)
    (chat,) = chatterm("chats", "list", "--json").json
    assert chat["title"].startswith("[redacted keys] belongs")


def test_so_are_system_prompts_and_attached_texts(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "secret.env"
    file.write_text(f"A={KEY}\n")
    assert ask("-s", f"use {KEY}", "-f", str(file), "what is in it?").code == 0
    assert b"Zq9Zq9" not in files_of(home)


def test_nothing_is_said_where_nothing_was_found() -> None:
    assert ask("hello").err == ""


def test_a_temporary_chat_is_redacted_too() -> None:
    assert ask("--temporary", KEY).out == "[redacted keys]\n"


def test_a_dry_run_shows_what_would_be_sent(tmp_path: Path) -> None:
    file = tmp_path / "secret.env"
    file.write_text(f"A={KEY}\n")
    ran = ask("--dry-run", "-s", f"use {KEY}", "-f", str(file), f"my {KEY}")
    assert ran.code == 0
    assert ran.out.count("[redacted keys]") == 3
    assert KEY not in ran.out


def test_titles_and_imports_are_redacted(home: Path, tmp_path: Path) -> None:
    chat_id = ask("--json", "hello").json["chat_id"]
    chatterm("chats", "rename", chat_id, f"my {KEY}")
    with opened_store() as store:
        chat = store.portable(chat_id)
    assert chat.chat.title == "my [redacted keys]"
    export = json.loads(chatterm("chats", "export", chat_id, "--format", "json").out)
    export["chats"][0]["id"] = "OTHER"
    export["chats"][0]["tip_id"] = "B"
    export["chats"][0]["messages"] = [{"id": "B", "role": "user", "text": f"key {KEY}"}]
    file = tmp_path / "chats.json"
    file.write_text(json.dumps(export))
    assert chatterm("chats", "import", str(file)).code == 0
    assert b"Zq9Zq9" not in files_of(home)


def test_a_broken_pattern_stops_before_anything_is_stored(home: Path) -> None:
    (home / "config" / "config.toml").write_text('[store]\nredact = ["("]\n')
    ran = ask("hello")
    assert ran.code == 2
    assert "store.redact" in ran.err
    assert chatterm("chats", "list", "--json").json == []
