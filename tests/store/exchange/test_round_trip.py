"""Exported and imported again, a store is the same; imported twice, it is still the same."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatterm.errors import ConfigError
from chatterm.ids import ulid_factory
from chatterm.messages import Role, State, Stop, Timings, ToolCall, Usage
from chatterm.params import Params
from chatterm.store import Chat, Store
from chatterm.store.exchange import formats
from chatterm.store.exchange.values import ImportReport, PortableChat, PortableMessage
from tests.clocks import Clock
from tests.store.growing import conversation

_TEXTS = st.text(max_size=30) | st.sampled_from(
    [
        "---",
        "<!-- chatterm message {} -->",
        "\r\n\\",
        "日本語 é\0",
        "# a\n\n## b\n",
        "</pre>",
        "\n\n",
    ]
)
_NAMES = st.text(alphabet="abc é", min_size=1, max_size=5).filter(str.strip)
_FINAL = st.sampled_from([State.COMPLETE, State.STOPPED, State.FAILED])
_COUNTS = st.integers(min_value=0, max_value=10**6)
_MOMENTS = st.none() | st.floats(min_value=0, max_value=1e9)


def open_store(path: Path | None, clock: Clock) -> Store:
    return Store.open(path, clock=clock, new_id=ulid_factory(clock))


@st.composite
def grown_stores(draw: st.DrawFn) -> Store:
    """A store in memory in which anything may have happened."""
    clock = Clock()
    store = open_store(None, clock)
    for _ in range(draw(st.integers(min_value=0, max_value=3))):
        _grow_chat(draw, store, clock)
    return store


def _grow_chat(draw: st.DrawFn, store: Store, clock: Clock) -> None:
    chat_id = store.create_chat(title=draw(_NAMES), model=draw(_NAMES)).id
    for _ in range(draw(st.integers(min_value=0, max_value=6))):
        clock.now += draw(st.sampled_from([0.0, 1.5, 4000.0, -900.0]))
        places = [None, *(node.id for node in store.outline(chat_id))]
        parent_id = draw(st.sampled_from(places))
        if parent_id is None or draw(st.booleans()):
            files = [
                store.attach(draw(st.binary(max_size=9)), draw(_TEXTS), "text/plain")
                for _ in range(draw(st.integers(min_value=0, max_value=2)))
            ]
            role = draw(st.sampled_from([Role.SYSTEM, Role.USER, Role.TOOL]))
            store.add(chat_id, parent_id=parent_id, role=role, text=draw(_TEXTS), attachments=files)
        else:
            _answer(draw, store, chat_id, parent_id)
    for node in store.outline(chat_id):
        if node.id in {shown.id for shown in store.outline(chat_id)}:
            _change_message(draw, store, chat_id, node.id)
    for act in draw(st.sets(st.sampled_from(["tag", "pin", "name", "trash", "fork", "link"]))):
        _change_chat(draw, store, chat_id, act)


def _change_message(draw: st.DrawFn, store: Store, chat_id: str, message_id: str) -> None:
    match draw(st.sampled_from(["", "", "", "up", "down", "link", "tip", "delete"])):
        case "up" | "down" as score:
            store.vote(message_id, 1 if score == "up" else -1)
        case "link":
            store.link(message_id, draw(_NAMES), draw(_NAMES))
        case "tip":
            store.set_tip(chat_id, message_id)
        case "delete":
            store.delete_message(message_id)


def _change_chat(draw: st.DrawFn, store: Store, chat_id: str, act: str) -> None:
    tip_id = store.chat(chat_id).tip_id
    match act:
        case "tag":
            store.tag(chat_id, draw(_NAMES))
        case "pin":
            store.pin(chat_id)
        case "name":
            store.rename(chat_id, draw(_NAMES), by_user=True)
        case "trash":
            store.delete_chat(chat_id)
        case "link":
            store.link(chat_id, draw(_NAMES), draw(_NAMES))
        case "fork" if tip_id is not None:
            store.fork(chat_id, tip_id)


def _answer(draw: st.DrawFn, store: Store, chat_id: str, parent_id: str) -> None:
    params = Params(seed=draw(st.none() | st.integers(0, 99)), temperature=draw(st.just(0.7)))
    row = store.start_answer(
        chat_id, parent_id=parent_id, model=draw(_NAMES), backend=draw(_NAMES), params=params
    )
    calls = st.builds(ToolCall, _NAMES, _NAMES, st.just("{}"), st.none() | _TEXTS)
    store.finish(
        row.id,
        state=draw(_FINAL),
        text=draw(_TEXTS),
        reasoning=draw(_TEXTS),
        error=draw(_TEXTS),
        tool_calls=draw(st.lists(calls, max_size=2)),
        stop=draw(st.none() | st.sampled_from(list(Stop))),
        usage=Usage(*(draw(_COUNTS) for _ in range(4))),
        timings=Timings(*(draw(_MOMENTS) for _ in range(5))),
    )


def contents(store: Store) -> list[PortableChat]:
    chats = [*store.chats(limit=100), *store.chats(limit=100, deleted=True)]
    return sorted((store.portable(chat.id) for chat in chats), key=lambda one: one.chat.id)


def exported(chats: list[PortableChat], form: str, folder: Path) -> Path:
    path = folder / "chats"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(formats.writer(form)(chats))
    return path


@settings(max_examples=150, deadline=None)
@given(grown=grown_stores())
def test_a_store_that_was_exported_and_imported_is_the_same(grown: Store) -> None:
    before = contents(grown)
    with tempfile.TemporaryDirectory() as folder:
        path = exported(before, "json", Path(folder))
        with open_store(None, Clock()) as other:
            report = other.import_chats(formats.read(path, 0.0))
            assert report.new_chats == len(before)
            assert report.messages == sum(len(one.messages) for one in before)
            assert contents(other) == before
            assert other.integrity() == []
            assert other.search("since:1900") == grown.search("since:1900")
            again = other.import_chats(formats.read(path, 0.0))
            assert again == ImportReport(known_chats=len(before))
            assert contents(other) == before
        # Into the store it came from, it adds nothing either.
        assert grown.import_chats(formats.read(path, 0.0)).messages == 0
        assert contents(grown) == before
    grown.close()


@settings(max_examples=100, deadline=None)
@given(grown=grown_stores())
def test_every_format_can_be_written_of_any_store(grown: Store) -> None:
    before = contents(grown)
    for form in formats.WRITTEN:
        text = "".join(formats.writer(form)(before))
        if form in ("jsonl", "preferences", "oasst"):
            for line in text.split("\n")[:-1]:
                assert isinstance(json.loads(line), dict)
    with tempfile.TemporaryDirectory() as folder:
        path = exported(before or [_EMPTY], "markdown", Path(folder))
        shown = [[_words(one) for one in chat.path()] for chat in before or [_EMPTY]]
        read = [[_words(one) for one in chat.path()] for chat in formats.read(path, 0.0)]
        assert read == shown
    grown.close()


_EMPTY = PortableChat(Chat("A", "", False, None, "", 0.0, 0.0))


def _words(one: PortableMessage) -> tuple[object, ...]:
    message = one.message
    return message.id, message.role, message.text, message.created_at, message.state, message.model


def test_a_chat_that_has_grown_gets_what_is_new(store: Store, tmp_path: Path) -> None:
    chat_id, messages = conversation(store, "one", "two")
    store.tag(chat_id, "mine")
    with open_store(None, Clock()) as other:
        other.import_chats([store.portable(chat_id)])
        other.rename(chat_id, "My own", by_user=True)
        third = store.add(chat_id, parent_id=messages[-1].id, role=Role.USER, text="three")
        assert other.import_chats([store.portable(chat_id)]) == ImportReport(
            grown_chats=1, messages=1
        )
        chat = other.chat(chat_id)
        assert (chat.title, chat.tip_id) == ("My own", third.id)
        assert [hit.message_id for hit in other.search("three")] == [third.id]


def test_what_was_deleted_here_stays_deleted(store: Store) -> None:
    chat_id, messages = conversation(store, "one", "two", "three")
    before = store.portable(chat_id)
    store.delete_message(messages[1].id)
    assert store.import_chats([before]).messages == 0
    assert [node.id for node in store.outline(chat_id)] == [messages[0].id]


def test_a_branch_chosen_here_stays_chosen(store: Store) -> None:
    chat_id, messages = conversation(store, "one", "two")
    with open_store(None, Clock()) as other:
        other.import_chats([store.portable(chat_id)])
        own = other.add(chat_id, parent_id=messages[0].id, role=Role.ASSISTANT, text="mine")
        store.add(chat_id, parent_id=messages[1].id, role=Role.USER, text="three")
        assert other.import_chats([store.portable(chat_id)]).messages == 1
        assert other.chat(chat_id).tip_id == own.id


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"version": 2}, "version: this chatterm reads version 1"),
        ({"version": None}, "version: this must be 1"),
        ({"chats": {}}, "chats: this must be a list"),
        ({"chats": [1]}, r"chats\[0\]: this must be an object"),
        ({"chats": [{"id": "x y"}]}, r"chats\[0\].id: an id has capital letters"),
        ({"chats": [{"id": "A", "tip_id": "B"}]}, "tip_id: this is no message of the chat"),
        (
            {"chats": [{"id": "A", "messages": [{"id": "B", "role": "user", "text": 5}]}]},
            r"chats\[0\].messages\[0\].text: this must be a text, not 5",
        ),
        (
            {"chats": [{"id": "A", "messages": [{"id": "B", "role": "boss", "text": ""}]}]},
            "role: this must be one of system, user, assistant, tool",
        ),
        (
            {"chats": [{"id": "A", "messages": [{"id": "B", "parent_id": "C", "role": "user",
             "text": ""}]}]},
            "parent_id is no message before it",
        ),
        (
            {"chats": [{"id": "A", "messages": [{"id": "B", "role": "user", "text": "",
             "attachments": [{"digest": "00", "name": "a.txt", "media_type": "", "size": 1}]}]}]},
            "message B: the file 'a.txt' is missing",
        ),
        ({"chats": [{"id": "A", "created_at": 1e300}]}, "created_at: this is no time"),
        ({"chats": [{"id": "A", "files": {"00": "%%"}}]}, "files.00: this is no base64"),
    ],
)  # fmt: skip
def test_a_damaged_file_imports_nothing_and_says_where(
    store: Store, tmp_path: Path, change: dict[str, object], why: str
) -> None:
    good = {"id": "GOOD", "title": "good"}
    data = {"format": "chatterm", "version": 1, "chats": []} | change
    if isinstance(data["chats"], list) and data["chats"][:1] != [1]:
        data["chats"] = [*data["chats"], good]
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(data))
    with pytest.raises(ConfigError, match=why):
        store.import_chats(formats.read(path, 0.0))
    assert store.chats() == []


def test_a_file_cut_off_anywhere_imports_nothing(store: Store, tmp_path: Path) -> None:
    conversation(store, "one", "two", title="t")
    text = exported(contents(store), "json", tmp_path).read_text()
    with open_store(None, Clock()) as other:
        for end in range(0, len(text) - 4, 37):
            path = tmp_path / "cut"
            path.write_text(text[:end])
            with pytest.raises(ConfigError):
                other.import_chats(formats.read(path, 0.0))
        assert other.chats() == []
