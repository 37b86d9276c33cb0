"""`chatterm chats`: listing, showing, changing, deleting, as real processes."""

from __future__ import annotations

import pytest

from chatterm.messages import Role
from tests.cli.program import ask, chatterm, new_chat, opened_store
from tests.cli.terminal import in_a_terminal


def listed(*options: str) -> list[str]:
    return [chat["id"] for chat in chatterm("chats", "list", "--json", *options).json]


def messages(chat_id: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = chatterm("chats", "show", chat_id, "--json").json["messages"]
    return found


def test_the_list_is_narrowed_by_tag_model_time_text_and_pin() -> None:
    work, home = new_chat("about the garden"), new_chat("about the kitchen")
    assert chatterm("chats", "tag", work, "Work").out == "work\n"
    assert chatterm("chats", "pin", work).code == 0
    assert chatterm("chats", "rename", home, "Résumé").code == 0
    assert listed("--tag", "work") == listed("--pinned") == listed("--text", "gard*") == [work]
    assert listed("--text", "kitchen") == listed("--text", "resume") == [home]
    assert listed("--model", "echo", "--since", "1d") == [home, work]
    assert listed("--model", "other") == listed("--since", "2099") == []
    assert "no such chats" in chatterm("chats", "list", "--tag", "none").err


def test_pages_follow_each_other() -> None:
    made = [new_chat(f"number {n}") for n in range(3)]
    assert listed("-n", "2") == made[:0:-1]
    assert listed("-n", "2", "--before", made[1]) == [made[0]]


@pytest.mark.parametrize("option", [["--since", "yesterday"], ["--limit", "0"], ["--tag", ""]])
def test_an_option_that_means_nothing_is_refused(option: list[str]) -> None:
    ran = chatterm("chats", "list", *option)
    assert ran.code in (2, 6)
    assert "hint: " in ran.err


def test_a_title_the_user_gave_stays() -> None:
    chat_id = new_chat("first words")
    chatterm("chats", "rename", chat_id, "My", "own  title")
    (chat,) = chatterm("chats", "list", "--json").json
    assert chat["title"] == "My own title"
    assert chatterm("chats", "rename", chat_id, " ").code == 2


def test_tags_come_and_go() -> None:
    chat_id = new_chat("hello")
    assert chatterm("chats", "tag", chat_id, "b", "a", "--json").json == ["a", "b"]
    assert chatterm("chats", "tag", chat_id, "-r", "a").out == "b\n"
    assert chatterm("chats", "tag", chat_id, 'no"tag').code == 6


def test_a_fork_goes_up_to_a_message() -> None:
    chat_id = new_chat("one")
    ask("--chat", chat_id, "two")
    answer = messages(chat_id)[1]
    ran = chatterm("chats", "fork", chat_id, "--at", str(answer["id"])[-8:])
    fork = ran.out.strip()
    assert [message["text"] for message in messages(fork)] == ["one", "one"]
    whole = chatterm("chats", "fork", chat_id, "--json").json["chat_id"]
    assert len(messages(whole)) == 4
    assert chatterm("chats", "fork", chat_id, "--at", "XXXX").code == 6


def test_votes_are_kept_and_taken_back() -> None:
    answer = str(messages(new_chat("good question"))[1]["id"])
    for score, seen in [("up", 1), ("down", -1), ("none", 0)]:
        assert chatterm("chats", "vote", answer[-10:], score).code == 0
        (chat_id,) = listed()
        assert messages(chat_id)[1]["vote"] == seen
    assert chatterm("chats", "vote", answer, "maybe").code == 2


def test_the_tree_shows_where_branches_part() -> None:
    chat_id = new_chat("a question")
    first = messages(chat_id)[0]
    with opened_store() as store:
        store.add(chat_id, parent_id=str(first["id"]), role=Role.ASSISTANT, text="another\nanswer")
    lines = chatterm("chats", "show", chat_id, "--tree").out.splitlines()
    assert [line[2:5] for line in lines[2:]] == ["├─ ", "└─ "]
    assert lines[2].startswith("  ") and lines[3].startswith("* ")
    assert lines[3].endswith("assistant: another answer")
    whole = chatterm("chats", "show", chat_id, "--tree", "--json").json
    assert len(whole["messages"]) == 3
    assert whole["tip_id"] == whole["messages"][-1]["id"]


def test_a_chat_is_rendered_on_a_terminal_and_raw_in_a_pipe() -> None:
    chat_id = new_chat("**bold** \x1b[31mred")
    assert "**bold** \x1b[31mred" in chatterm("chats", "show", chat_id).out
    code, screen = in_a_terminal("chats", "show", chat_id)
    assert code == 0
    assert "**" not in screen.partition("user")[2]
    assert "bold" in screen
    assert "\x1b[31m" not in screen


def test_deleted_chats_wait_in_the_trash() -> None:
    kept, gone = new_chat("kept"), new_chat("gone")
    assert chatterm("chats", "delete", gone[-9:]).code == 0
    assert (listed(), listed("--trash")) == ([kept], [gone])
    assert chatterm("chats", "show", gone).code == 0
    assert chatterm("chats", "restore", gone).code == 0
    assert set(listed()) == {kept, gone}
    assert "the trash is empty" in chatterm("chats", "list", "--trash").err


def test_what_cannot_be_undone_wants_a_yes() -> None:
    chat_id = new_chat("precious")
    refused = chatterm("chats", "delete", chat_id, "--forever")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert listed() == [chat_id]
    assert chatterm("chats", "delete", chat_id, "--forever", "--yes").code == 0
    assert listed() == listed("--trash") == []


def test_on_a_terminal_it_is_asked() -> None:
    chat_id = new_chat("precious")
    doomed = ["chats", "delete", chat_id, "--forever"]
    code, screen = in_a_terminal(*doomed, keys=b"n\n", until=b"[y/N]")
    assert code == 2
    assert "Remove the chat 'precious' for good?" in screen
    assert listed() == [chat_id]
    assert in_a_terminal(*doomed, keys=b"y\n", until=b"[y/N]")[0] == 0
    assert listed() == []


def test_prune_empties_the_trash_of_what_is_old() -> None:
    chat_id = new_chat("old")
    chatterm("chats", "delete", chat_id)
    assert "0 chats" in chatterm("chats", "prune").err
    assert chatterm("chats", "prune", "--days", "0").code == 2
    assert "1 chat removed" in chatterm("chats", "prune", "--days", "0", "-y").err
    assert listed("--trash") == []


def test_an_ambiguous_id_lists_its_candidates() -> None:
    made = [new_chat(f"chat {n}") for n in range(2)]
    ran = chatterm("chats", "delete", made[0][:2])
    assert ran.code == 6
    assert all(chat_id in ran.err for chat_id in made)
    assert "chat 0" in ran.err
