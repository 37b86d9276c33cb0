"""``chatterm chat --plain``: a chat line by line, with commands, templates and files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import ask, chatterm
from tests.cli.terminal import in_a_terminal
from tests.ggufs import make_gguf


def talk(*lines: str, args: tuple[str, ...] = (), until: bytes = b"> ") -> str:
    """What stood on the screen; each line is typed, and then the chat is left."""
    keys = "".join(f"{line}\n" for line in (*lines, "/quit")).encode()
    code, screen = in_a_terminal("chat", "--plain", "-m", "echo", *args, keys=keys, until=until)
    assert code == 0
    return screen.replace("\r\n", "\n")


def chats() -> list[dict[str, Any]]:
    return list(json.loads(chatterm("chats", "list", "--json").out))


def prompts(chat: dict[str, Any]) -> list[str]:
    shown = chatterm("chats", "show", "--json", chat["id"]).json
    return [one["text"] for one in shown["messages"] if one["role"] == "user"]


def test_commands_change_the_chat_and_its_model() -> None:
    screen = talk(
        "hello", "/title A new name", "/tag work", "/new-chat", "again", "/undo", "/model"
    )
    assert "a new chat" in screen
    assert "the message is taken back" in screen
    assert "echo answers; /model NAME" in screen
    (named,) = [chat for chat in chats() if chat["title"] == "A new name"]
    assert named["tags"] == ["work"]


def test_answers_are_given_again_and_prompts_edited() -> None:
    screen = talk("one", "/regenerate", "/edit two", "/set max_tokens 1", "three four", "/chats")
    assert screen.count("\rone\n") == 2
    (chat,) = chats()
    assert f"{chat['id']}" in screen
    assert prompts(chat) == ["two", "three four"]
    assert screen.rstrip().count("three four") == 1, "typed, and answered by one word"


def test_older_messages_are_summed_up_where_they_no_longer_fit(tmp_path: Path) -> None:
    model = make_gguf(tmp_path / "small.gguf")
    options = ("-m", str(model), "-o", "context=512", "-o", "max_tokens=40", "-o", "temperature=0")
    prompts = ["Tell me of the whales and of the sea."] * 8
    screen = talk(*prompts, "/summarise", args=options)
    assert "messages are left out of this answer" in screen
    assert "/summarise puts a summary in their place" in screen
    shown = chatterm("chats", "show", "--json", chats()[0]["id"]).json["messages"]
    assert len(shown) == 17, "nothing is gone"
    assert f"this stands for the first {shown[-1]['summarises']} messages" in screen
    assert "summary (" in chatterm("chats", "show", chats()[0]["id"]).out
    assert chatterm("engine", "stop").code == 0


def test_another_chat_is_found_and_gone_on_in() -> None:
    ask("-m", "echo", "the needle")
    (chat,) = chats()
    screen = talk("/search needle", f"/chat {chat['id']}", "more")
    assert f"in {chat['title']}" in screen
    assert len(chats()) == 1
    assert prompts(chats()[0]) == ["the needle", "more"]


def test_a_template_asks_for_what_it_needs() -> None:
    assert chatterm("templates", "new", "tr", "Into {{to}}: {{input}}").code == 0
    screen = talk("/tr", "Dutch", "good day", "/tr to=German good night")
    assert "to: " in screen
    assert "input: " in screen
    assert prompts(chats()[0]) == ["Into Dutch: good day", "Into German: good night"]
    talk("good evening", args=("-t", "tr", "-p", "to=French"), until=b"input: ")
    assert prompts(chats()[0]) == ["Into French: good evening"]


def test_a_preset_is_what_the_chat_begins_with() -> None:
    assert chatterm("templates", "new", "brief", "-s", "Be brief.", "-o", "max_tokens=1").code == 0
    talk("two words", args=("-t", "brief"))
    shown = chatterm("chats", "show", "--json", chats()[0]["id"]).json["messages"]
    assert [(one["role"], one["text"]) for one in shown] == [
        ("system", "Be brief."),
        ("user", "two words"),
        ("assistant", "two"),
    ]


def test_files_go_along_and_lines_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes.txt").write_text("from the file")
    monkeypatch.chdir(tmp_path)
    screen = talk("read @notes.txt and\\", "this")
    assert "from the file" in screen
    assert prompts(chats()[0]) == ["read @notes.txt and\nthis"]


def test_what_cannot_be_done_is_said_and_the_chat_goes_on() -> None:
    screen = talk("/undo", "/titel", "/title", "/model nobody", "/tag x", "still here")
    assert "this chat has no messages yet" in screen
    assert "there is no command /titel" in screen
    assert "did you mean title?" in screen
    assert "/title needs words" in screen
    assert "there is no model" in screen
    assert prompts(chats()[0]) == ["still here"]
