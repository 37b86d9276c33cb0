"""`chatterm chats export` and `import`, as real processes."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import get_args

import pytest

from chatterm.cli import exchange
from chatterm.store.exchange import formats
from tests.cli.program import chatterm, new_chat, opened_store
from tests.cli.terminal import in_a_terminal
from tests.store.exchange import foreign


def titles(*options: str) -> list[str]:
    return [chat["title"] for chat in chatterm("chats", "list", "--json", *options).json]


def test_the_options_name_the_formats_that_there_are() -> None:
    assert get_args(exchange.Written) == formats.WRITTEN
    assert get_args(exchange.Read) == formats.READ


def test_all_chats_go_to_a_private_file_and_come_back(tmp_path: Path) -> None:
    made = [new_chat(f"chat {n}") for n in range(3)]
    chatterm("chats", "delete", made[0])
    file = tmp_path / "chats.json"
    ran = chatterm("chats", "export", "--all", "--trash", "-o", str(file))
    assert (ran.code, ran.out) == (0, "")
    assert "3 chats written" in ran.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.glob(".chats*")) == []
    chatterm("chats", "delete", "--forever", "--yes", *made)
    assert titles() == []
    ran = chatterm("chats", "import", str(file), "--json")
    assert ran.json == {"new_chats": 3, "grown_chats": 0, "known_chats": 0, "messages": 6}
    assert titles() == ["chat 2", "chat 1"]
    assert titles("--trash") == ["chat 0"]
    assert "3 known already; 0 messages added" in chatterm("chats", "import", str(file)).err


@pytest.mark.parametrize(
    ("form", "begins"),
    [
        ("markdown", "<!-- chatterm chat "),
        ("json", '{"format": "chatterm"'),
        ("html", "<!DOCTYPE html>"),
        ("jsonl", '{"messages": '),
        ("oasst", '{"message_tree_id": '),
        ("preferences", ""),
    ],
)
def test_every_format_goes_to_stdout(form: str, begins: str) -> None:
    chat_id = new_chat("hello")
    ran = chatterm("chats", "export", chat_id[-9:], "--format", form)
    assert ran.code == 0
    assert ran.out.startswith(begins)


def test_the_name_of_the_file_says_the_format(tmp_path: Path) -> None:
    chat_id = new_chat("hello")
    for name, begins in [("a.md", "<!--"), ("a.HTML", "<!DOC"), ("a.jsonl", '{"messages"')]:
        assert chatterm("chats", "export", chat_id, "-o", str(tmp_path / name)).code == 0
        assert (tmp_path / name).read_text().startswith(begins)
    ran = chatterm("chats", "export", chat_id, "-o", str(tmp_path / "a.doc"))
    assert ran.code == 2
    assert "--format" in ran.err


def test_a_tag_chooses_chats() -> None:
    chatterm("chats", "tag", new_chat("tagged"), "work")
    new_chat("other")
    lines = chatterm("chats", "export", "--tag", "work", "--format", "jsonl").out.splitlines()
    assert [json.loads(line)["messages"][0]["content"] for line in lines] == ["tagged"]


@pytest.mark.parametrize("args", [[], ["x", "--all"], ["--all", "--tag", "t"]])
def test_it_must_be_clear_which_chats_are_meant(args: list[str]) -> None:
    ran = chatterm("chats", "export", *args)
    assert ran.code == 2
    assert "which chats?" in ran.err


def test_a_file_is_not_replaced_unasked(tmp_path: Path) -> None:
    new_chat("hello")
    file = tmp_path / "a.md"
    file.write_text("mine")
    command = ["chats", "export", "--all", "-o", str(file)]
    assert chatterm(*command).code == 2
    assert in_a_terminal(*command, keys=b"n\n", until=b"[y/N]")[0] == 2
    assert file.read_text() == "mine"
    assert chatterm(*command, "--yes").code == 0
    assert "hello" in file.read_text()


def test_a_file_that_cannot_be_written_is_exit_2(tmp_path: Path) -> None:
    new_chat("hello")
    ran = chatterm("chats", "export", "--all", "-o", str(tmp_path / "nowhere" / "a.md"))
    assert ran.code == 2
    assert "cannot be written" in ran.err


def test_anonymous_exports_name_nobody() -> None:
    new_chat("I am Zorblax Quux, mail z.quux@firma.de, see /home/zorblax/a/b.txt, Frobnitz")
    ran = chatterm(
        "chats", "export", "--all", "--anonymize", "--name", "Frobnitz", "--format", "json"
    )
    assert ran.code == 0
    for trace in ("zorblax", "quux", "firma", "frobnitz"):
        assert trace not in ran.out.lower()


def test_one_damaged_file_among_several_imports_nothing(tmp_path: Path) -> None:
    good = foreign.elia_database(tmp_path / "elia.sqlite")
    bad = tmp_path / "conversations.json"
    bad.write_text(json.dumps([*foreign.claude_conversations(), {"chat_messages": 5}]))
    ran = chatterm("chats", "import", str(good), str(bad))
    assert ran.code == 2
    assert "conversations[2]" in ran.err
    assert "hint: nothing was imported" in ran.err
    assert titles() == []
    assert chatterm("chats", "import", str(good), "--format", "llm").code == 2
    assert chatterm("chats", "import", str(good)).code == 0
    assert titles() == ["Greetings"]


def test_imported_words_are_found_and_can_be_removed_without_a_trace(
    tmp_path: Path, home: Path
) -> None:
    file = tmp_path / "conversations.json"
    text = json.dumps(foreign.claude_conversations()).replace("It says notes", "Xylozquartz")
    file.write_text(text)
    chatterm("chats", "import", str(file))
    (hit,) = chatterm("search", "xylozquartz", "--json").json
    data = home / "data"
    with opened_store() as store:
        store.set_draft(hit["chat_id"], "xylozquartz draft")
        store.rename(hit["chat_id"], "xylozquartz title", by_user=True)
        store.rename(hit["chat_id"], "another title", by_user=True)
        store.delete_message(hit["message_id"])
    assert chatterm("chats", "delete", hit["chat_id"], "--forever", "--yes").code == 0
    left = b"".join(path.read_bytes() for path in data.glob("chatterm.db*") if path.is_file())
    assert b"ylozquartz" not in left
