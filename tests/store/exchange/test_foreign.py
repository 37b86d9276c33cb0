"""Files of other programs become chats: with their branches, times and files, and only once."""

from __future__ import annotations

import datetime
import gzip
import json
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chatterm.errors import ConfigError
from chatterm.messages import Role, State
from chatterm.store import Store
from chatterm.store.exchange import formats
from chatterm.store.exchange.values import PortableChat, PortableMessage
from tests.store.exchange import foreign
from tests.store.growing import conversation

NOW = 1_800_000_000.0


def write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def make(name: str, folder: Path) -> Path:
    match name:
        case "chatgpt":
            return write(folder / "conversations.json", [foreign.chatgpt_conversation()])
        case "chatgpt-zip":
            return foreign.chatgpt_zip(folder / "export.zip")
        case "claude":
            return write(folder / "conversations.json", foreign.claude_conversations())
        case "llm":
            return foreign.llm_log(folder / "logs.db")
        case "llm-old":
            return foreign.llm_log(folder / "logs.db", newer=False)
        case "oterm":
            return foreign.oterm_store(folder / "store.db", "Hello", "Hi", "More")
        case "elia":
            return foreign.elia_database(folder / "elia.sqlite")
        case "aichat-session":
            return write(folder / "things.yaml", foreign.AICHAT_SESSION)
        case "aichat-log":
            return write(folder / "messages.md", foreign.AICHAT_LOG)
        case _:
            return write(folder / "trees.jsonl", json.dumps(foreign.OASST_TREE) + "\n")


FILES = [
    "chatgpt", "chatgpt-zip", "claude", "llm", "llm-old", "oterm", "elia", "aichat-session",
    "aichat-log", "oasst",
]  # fmt: skip


def read(path: Path, now: float = NOW) -> list[PortableChat]:
    return list(formats.read(path, now))


def said(chat: PortableChat) -> list[tuple[str, str]]:
    return [(one.message.role.value, one.message.text) for one in chat.path()]


def by_text(chat: PortableChat, text: str) -> PortableMessage:
    (found,) = (one for one in chat.messages if one.message.text == text)
    return found


def utc(*parts: int) -> float:
    return datetime.datetime(*parts, tzinfo=datetime.UTC).timestamp()  # type: ignore[misc,arg-type]


@pytest.mark.parametrize("name", FILES)
def test_importing_twice_adds_nothing(store: Store, tmp_path: Path, name: str) -> None:
    path = make(name, tmp_path)
    before = path.read_bytes()
    first = store.import_chats(formats.read(path, NOW))
    assert first.new_chats > 0
    assert first.messages > 0
    shown = [store.portable(chat.id) for chat in store.chats()]
    again = store.import_chats(formats.read(path, NOW + 1000))
    assert (again.new_chats, again.grown_chats, again.messages) == (0, 0, 0)
    assert again.known_chats == first.new_chats
    assert [store.portable(chat.id) for chat in store.chats()] == shown
    assert store.integrity() == []
    assert path.read_bytes() == before, "the foreign file is only read"


@pytest.mark.parametrize("name", FILES)
def test_the_format_may_be_said_and_must_then_be_right(tmp_path: Path, name: str) -> None:
    path = make(name, tmp_path)
    form = name.partition("-")[0]
    assert list(formats.read(path, NOW, form)) == read(path)
    with pytest.raises(ConfigError, match="format markdown"):
        list(formats.read(path, NOW, "markdown"))


def test_chatgpt_keeps_branches_thoughts_tools_and_drops_what_nobody_said(tmp_path: Path) -> None:
    (chat,) = read(make("chatgpt", tmp_path))
    assert (chat.chat.title, chat.chat.model, chat.chat.tags) == (
        "Cats and dogs", "gpt-4o", ("archived",),
    )  # fmt: skip
    assert (chat.chat.created_at, chat.chat.updated_at) == (1700000000.0, 1700000023.0)
    assert said(chat) == [
        ("user", "What is this?"),
        ("assistant", "A cat."),
        ("user", "Count it"),
        ("assistant", ""),
        ("tool", "1\n"),
        ("assistant", "One"),
    ]
    cat, dog = by_text(chat, "A cat."), by_text(chat, "A dog.")
    assert cat.message.parent_id == dog.message.parent_id == chat.path()[0].message.id
    assert cat.message.reasoning == "Looking\nIt is a cat."
    assert (cat.message.model, cat.message.created_at) == ("gpt-4o", 1700000002.0)
    (call,) = by_text(chat, "").message.tool_calls
    assert (call.name, json.loads(call.arguments)) == ("python", {"input": "print(1)"})
    assert by_text(chat, "One").message.state is State.STOPPED


def test_chatgpts_archive_brings_its_pictures(tmp_path: Path) -> None:
    (chat,) = read(make("chatgpt-zip", tmp_path))
    (picture,) = chat.path()[0].message.attachments
    assert (picture.name, picture.media_type) == ("file-Abc123-cat.png", "image/png")
    assert chat.files[picture.digest] == foreign.PIXEL


def test_claude_keeps_branches_thoughts_tools_and_attached_texts(tmp_path: Path) -> None:
    notes, old = read(make("claude", tmp_path))
    assert said(notes) == [("user", "Read it"), ("assistant", "Done.")]
    first = by_text(notes, "It says notes.").message
    assert first.reasoning == "Hm."
    assert [(call.name, call.result) for call in first.tool_calls] == [("view", "notes")]
    assert first.created_at == utc(2026, 6, 12, 10, 1, 0, 123456)
    (file,) = notes.path()[0].message.attachments
    assert (file.name, notes.files[file.digest]) == ("notes.txt", b"notes")
    assert said(old) == [("user", "Hello"), ("assistant", "Good day")]
    assert old.chat.title == "Hello", "the first words, as it has no name"


def test_llm_of_both_generations(tmp_path: Path) -> None:
    chats = {chat.chat.title: chat for chat in read(make("llm", tmp_path))}
    assert set(chats) == {"Pelicans", "Walruses", "a walrus", "alone"}
    assert said(chats["Pelicans"]) == [
        ("system", "Be brief"),
        ("user", "a name"),
        ("assistant", "Percy"),
        ("user", "A LONG TEXT\nwhy"),
        ("assistant", "It suits"),
    ]
    answer = by_text(chats["Pelicans"], "It suits").message
    assert (answer.model, answer.reasoning) == ("gpt-4o-mini", "Well")
    assert answer.created_at == utc(2025, 3, 1, 12, 0, 3, 500000)
    (file,) = by_text(chats["Pelicans"], "a name").message.attachments
    assert (file.name, file.media_type) == ("p.png", "image/png")
    assert said(chats["Walruses"]) == [
        ("user", "a walrus"),
        ("assistant", "Wally"),
        ("user", "see A LONG TEXT"),
        ("assistant", "I see"),
    ]
    wally = by_text(chats["Walruses"], "Wally").message
    assert (wally.model, wally.reasoning, wally.tool_calls[0].name) == ("m1", "hm", "look")
    assert said(chats["a walrus"])[-1] == ("user", "another thread")


def test_llm_of_the_older_generation_alone(tmp_path: Path) -> None:
    chats = {chat.chat.title: chat for chat in read(make("llm-old", tmp_path))}
    assert set(chats) == {"Pelicans", "Walruses", "alone"}
    (call,) = by_text(chats["Walruses"], "Wally").message.tool_calls
    assert (call.name, call.arguments, call.result) == ("look", '{"a": 1}', "seen")


def test_oterm_keeps_system_prompts_and_pictures(tmp_path: Path) -> None:
    (chat,) = read(make("oterm", tmp_path))
    assert said(chat) == [
        ("system", "Be kind"), ("user", "Hello"), ("assistant", "Hi"), ("user", "More"),
    ]  # fmt: skip
    assert chat.chat.created_at == NOW, "it knows no times"
    (file,) = by_text(chat, "Hello").message.attachments
    assert (file.name, chat.files[file.digest]) == ("image-1.png", foreign.PIXEL)
    assert by_text(chat, "Hi").message.model == "llama3.2:latest"


def test_databases_that_number_alike_stay_apart_and_one_that_grew_grows(
    store: Store, tmp_path: Path
) -> None:
    paths = [
        foreign.oterm_store(tmp_path / "a.db", "Hello", "Hi"),
        foreign.oterm_store(tmp_path / "b.db", "Hello", "Hi", "More"),
        foreign.oterm_store(tmp_path / "c.db", "Other", "Yes"),
    ]
    reports = [store.import_chats(formats.read(path, NOW)) for path in paths]
    assert [(one.new_chats, one.grown_chats, one.messages) for one in reports] == [
        (1, 0, 3), (0, 1, 1), (1, 0, 3),
    ]  # fmt: skip
    (grown,) = store.chats(text="More")
    assert [message.text for message in store.path(grown.id)][-1] == "More"


def test_elia_times_are_utc(tmp_path: Path) -> None:
    (chat,) = read(make("elia", tmp_path))
    assert said(chat) == [("system", "Be kind"), ("user", "Hello"), ("assistant", "Hi")]
    assert chat.chat.created_at == utc(2024, 10, 10, 12)
    assert by_text(chat, "Hi").message.created_at == utc(2024, 10, 10, 12, 0, 5)
    assert chat.chat.tags == ("archived",)


def test_aichat_sessions(tmp_path: Path) -> None:
    (chat,) = read(make("aichat-session", tmp_path))
    assert (chat.chat.title, chat.chat.model) == ("things", "openai:gpt-4o")
    assert said(chat) == [
        ("user", "An old\nquestion\n"),
        ("assistant", "An old answer"),
        ("system", 'Summary: it was about "things"'),
        ("user", "What is in it?"),
        ("assistant", ""),
        ("assistant", "A list:\n- one"),
    ]
    (call,) = by_text(chat, "").message.tool_calls
    assert (call.id, call.name, call.result) == ("call_1", "look", "seen")


def test_aichats_log_of_messages(tmp_path: Path) -> None:
    first, second = read(make("aichat-log", tmp_path))
    assert said(first) == [
        ("user", "how to list\nfiles"), ("assistant", "Use:\n\n```\nls\n--------\n```"),
    ]  # fmt: skip
    assert first.chat.created_at == utc(2025, 2, 3, 9, 11, 12)
    assert said(second) == [("user", "hello"), ("assistant", "Hi")]


@pytest.mark.parametrize("packed", [False, True])
def test_open_assistant_trees(tmp_path: Path, packed: bool) -> None:
    path = make("oasst", tmp_path)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    (chat,) = read(path)
    assert said(chat) == [
        ("user", "Why can't we divide by 0?"), ("assistant", "Answer of rank 0"),
    ]  # fmt: skip
    votes = {one.message.text: one.vote for one in chat.messages}
    assert votes == {
        "Why can't we divide by 0?": 1,
        "Answer of rank 0": 1,
        "Answer of rank 1": 0,
        "Answer of rank 2": -1,
    }
    assert chat.chat.created_at == utc(2023, 2, 5, 14, 23, 50, 983374)


def test_open_assistant_messages_and_threads_are_put_together(tmp_path: Path) -> None:
    def message(key: str, parent: str | None, role: str) -> dict[str, Any]:
        about = {"message_id": key, "text": key, "role": role, "lang": "en"}
        return about | ({"parent_id": parent} if parent else {})

    lines = [
        message("c", "b", "prompter"),
        message("b", "a", "assistant"),
        message("lost", "gone", "assistant"),
        {
            "thread_id": "d",
            "thread": [message("a", None, "prompter"), message("d", None, "assistant")],
        },
    ]
    path = write(tmp_path / "m.jsonl", "\n".join(map(json.dumps, lines)))
    chats = {chat.messages[0].message.text: chat for chat in read(path)}
    assert set(chats) == {"a", "lost"}
    texts = {one.message.text: one.message for one in chats["a"].messages}
    assert set(texts) == {"a", "b", "c", "d"}
    assert texts["b"].parent_id == texts["d"].parent_id == texts["a"].id
    assert texts["a"].role is Role.USER


def test_no_foreign_file_is_taken_for_another(tmp_path: Path) -> None:
    for content in ["", "hello", "{}", "[1]", '{"a": 1}\n{"b": 2}', "a: 1\nmodel: x", "# Title\n"]:
        path = write(tmp_path / "file", content)
        with pytest.raises(ConfigError, match=r"known here|no JSON"):
            read(path)
    (tmp_path / "file").write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(ConfigError, match="no UTF-8"):
        read(tmp_path / "file")
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path)


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("cat.png", foreign.PIXEL)
    with pytest.raises(ConfigError, match=r"no conversations.json in this archive"):
        read(tmp_path / "photos.zip")


def test_a_role_that_cannot_be_a_tag_is_left_out(store: Store, tmp_path: Path) -> None:
    log = foreign.AICHAT_LOG.replace("(%shell%)", '("odd" role)')
    store.import_chats(formats.read(write(tmp_path / "messages.md", log), NOW))
    assert [chat.tags for chat in store.chats()] == [(), ()]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ('"state": "writing"', "line 4.state: a message in a file must be finished"),
        ('"state": "done"', "this must be one of writing, complete"),
        ('"state": "complete", "id": "a b"', "an id has capital letters"),
        ('"state": "complete", oops', "line 4: this comment is damaged"),
    ],
)
def test_a_damaged_markdown_file_is_named_with_its_line(
    store: Store, tmp_path: Path, change: str, why: str
) -> None:
    chat_id, _ = conversation(store, "words")
    text = "".join(formats.writer("markdown")([store.portable(chat_id)]))
    path = write(tmp_path / "a.md", text.replace('"state": "complete"', change))
    with pytest.raises(ConfigError, match=why):
        read(path)


def test_words_that_were_changed_by_hand_are_read(store: Store, tmp_path: Path) -> None:
    chat_id, _ = conversation(store, "a question", "an answer")
    text = "".join(formats.writer("markdown")([store.portable(chat_id)]))
    text = text.replace("an answer\n", "a better\n\nanswer\n").replace("\n", "\r\n")
    (chat,) = read(write(tmp_path / "a.md", text))
    assert said(chat) == [("user", "a question"), ("assistant", "a better\n\nanswer")]


def test_our_own_database_is_told_what_to_do_with(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="chats export"):
        read(tmp_path / "chatterm.db")


@pytest.mark.parametrize("name", FILES)
def test_a_foreign_file_cut_off_imports_nothing(store: Store, tmp_path: Path, name: str) -> None:
    path = make(name, tmp_path)
    data = path.read_bytes()
    cut = tmp_path / "cut" / path.name
    cut.parent.mkdir()
    for part in (3, 5, 7):
        cut.write_bytes(data[: len(data) * part // 10])
        try:
            store.import_chats(formats.read(cut, NOW))
        except ConfigError as error:
            assert error.hint
            assert store.chats() == []
        else:
            # YAML and a log of messages may end anywhere and still be whole.
            assert name.startswith("aichat")
            return


def damaged() -> Iterator[tuple[str, Any, str]]:
    chat = foreign.chatgpt_conversation()
    chat["mapping"]["u2"]["message"]["author"]["role"] = "boss"
    yield "role", [foreign.chatgpt_conversation(), chat], r"conversations\[1\].mapping.u2"
    chat = foreign.chatgpt_conversation()
    chat["mapping"]["u1"]["parent"] = "a3"
    yield "circle", [chat], "circle"
    chat = foreign.chatgpt_conversation()
    del chat["mapping"]["u2"]
    yield "parent", [chat], "missing"
    first, second = foreign.claude_conversations()
    second["chat_messages"][1]["created_at"] = "soon"
    yield (
        "date",
        [first, second],
        r"conversations\[1\].chat_messages\[1\].created_at: this is no date",
    )
    first, second = foreign.claude_conversations()
    first["chat_messages"][1]["parent_message_uuid"] = "nowhere"
    yield "follows", [first], "the message it follows is missing"
    tree = json.loads(json.dumps(foreign.OASST_TREE))
    tree["prompt"]["replies"][1]["text"] = None
    yield "text", tree, r"replies\[1\].text: this must be a text, not missing"


@pytest.mark.parametrize(("name", "data", "why"), list(damaged()))
def test_what_is_damaged_is_named_with_its_place(
    store: Store, tmp_path: Path, name: str, data: Any, why: str
) -> None:
    path = write(tmp_path / f"{name}.json", data)
    with pytest.raises(ConfigError, match=why) as failure:
        store.import_chats(formats.read(path, NOW))
    assert str(path) in failure.value.message
    assert failure.value.hint == "nothing was imported"
    assert store.chats() == []


def test_a_deeply_nested_file_is_refused_and_not_a_crash(tmp_path: Path) -> None:
    path = write(tmp_path / "deep.json", '{"prompt":' * 100_000)
    with pytest.raises(ConfigError, match="nested too deeply"):
        read(path)


def test_a_database_that_is_damaged_is_refused(tmp_path: Path) -> None:
    path = make("elia", tmp_path)
    data = bytearray(path.read_bytes())
    data[100:4096] = bytes(3996)
    path.write_bytes(data)
    with pytest.raises(ConfigError, match="cannot be read"):
        read(path)
    import sqlite3

    with closing(sqlite3.connect(tmp_path / "other.db")) as db:
        db.execute("CREATE TABLE t (x)")
    with pytest.raises(ConfigError, match="llm, oterm or elia"):
        read(tmp_path / "other.db")
