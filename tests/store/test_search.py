"""Search: what is found, in what order, and how it is shown."""

from __future__ import annotations

import datetime
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatterm.messages import Role
from chatterm.store import Hit, Store
from tests.clocks import Clock
from tests.store.growing import answer, begin, conversation, end, say, texts


def found(store: Store, line: str) -> list[str]:
    """The texts of the messages that were found, which here are short enough to be whole."""
    return [hit.snippet for hit in store.search(line)]


def marked(hit: Hit) -> list[str]:
    return [hit.snippet[start:end] for start, end in hit.marks]


def test_a_hit_says_where_it_is_and_marks_the_match(store: Store) -> None:
    chat_id, (_, reply) = conversation(store, "one two", "two, THREE\nand two", title="T")
    (hit,) = store.search("two three")
    assert hit == Hit(
        message_id=reply.id,
        chat_id=chat_id,
        chat_title="T",
        role=Role.ASSISTANT,
        model="echo",
        created_at=reply.created_at,
        snippet="two, THREE and two",
        marks=((0, 3), (5, 10), (15, 18)),
    )


def test_the_newest_comes_first_and_pages_follow(store: Store) -> None:
    _, messages = conversation(store, *[f"word {number}" for number in range(7)])
    seen: list[str] = []
    before = None
    while page := store.search("word", limit=3, before=before):
        seen += [hit.message_id for hit in page]
        before = page[-1].message_id
    assert seen == [message.id for message in messages][::-1]


@pytest.mark.parametrize(
    ("line", "texts_found"),
    [
        ("quick", ["the quick brown fox"]),
        ("QUICK fox", ["the quick brown fox"]),
        ("quick dog", []),
        ('"quick brown"', ["the quick brown fox"]),
        ('"brown quick"', []),
        ('"brown fox', ["the quick brown fox"]),
        ("qui", []),
        ("qui*", ["the quick brown fox"]),
        ('"quick br"*', ["the quick brown fox"]),
        ("q*", []),
        ("creme brulee", ["Crème brûlée"]),
        ("CRÈME", ["Crème brûlée"]),
        ("don't", ["don't panic"]),
        ("foo_bar", ["call foo_bar(x)"]),
        ("foo_ba*", ["call foo_bar(x)"]),
        ("foo_b*", []),
        ("AND", []),
        ("", []),
        ("   ", []),
        ('""', []),
        ("***", []),
        ("!?", []),
        ("quick !?", ["the quick brown fox"]),
        ("role", []),
        ("note:this", ["note: this"]),
    ],
)
def test_words_phrases_and_prefixes(store: Store, line: str, texts_found: list[str]) -> None:
    chat_id = store.create_chat().id
    for text in ["the quick brown fox", "Crème brûlée", "don't panic", "call foo_bar(x)"]:
        say(store, chat_id, text)
    say(store, chat_id, "note: this")
    assert found(store, line) == texts_found


@pytest.mark.parametrize(
    ("line", "texts_found"),
    [
        ("勉強", ["Pythonで日本語を勉強する"]),
        ("日本語を勉強", ["Pythonで日本語を勉強する"]),
        ("強", ["Pythonで日本語を勉強する"]),
        ("す", ["Pythonで日本語を勉強する"]),
        ("る", ["がんばる", "Pythonで日本語を勉強する"]),
        ("本日", []),
        ("勉強日本", []),
        ("勉強 日本", ["Pythonで日本語を勉強する"]),
        ("python", ["Pythonで日本語を勉強する"]),
        ("pyth*", ["Pythonで日本語を勉強する"]),
        ("Pythonで日", ["Pythonで日本語を勉強する"]),
        ("Python日本", []),
        ("日本*", ["Pythonで日本語を勉強する"]),
        ("*日本**", ["Pythonで日本語を勉強する"]),
        ('"日本語"', ["Pythonで日本語を勉強する"]),
        ("학교", ["학교에 간다"]),
        ("\u304b\u3099", ["がんばる"]),
    ],
)
def test_scripts_without_spaces_are_found_by_any_part(
    store: Store, line: str, texts_found: list[str]
) -> None:
    chat_id = store.create_chat().id
    for text in ["Pythonで日本語を勉強する", "학교에 간다", "がんばる", "plain"]:
        say(store, chat_id, text)
    assert found(store, line) == texts_found


def test_a_match_in_such_a_script_is_marked_too(store: Store) -> None:
    conversation(store, "あ" * 300 + "日本語とpython、" + "い" * 300)
    (hit,) = store.search("日本語 PYTHON")
    assert marked(hit) == ["日本語", "python"]
    assert hit.snippet.startswith("…")
    assert len(hit.snippet) <= 200


def test_the_ends_of_a_long_word_do_not_make_a_long_snippet(store: Store) -> None:
    conversation(store, "x" * 5000 + " needle " + "y" * 5000)
    (hit,) = store.search("needle")
    assert len(hit.snippet) <= 200
    assert marked(hit) == ["needle"]


# Filters


def test_filters_narrow_by_role_and_model(store: Store) -> None:
    chat_id, (prompt,) = conversation(store, "word by user")
    answer(store, chat_id, prompt, "word by qwen", model="remote/qwen2.5-7b")
    assert found(store, "role:user word") == ["word by user"]
    assert found(store, "Role:Assistant word") == ["word by qwen"]
    assert found(store, "word model:qwen") == ["word by qwen"]
    assert found(store, "word model:qwen2.5") == ["word by qwen"]
    assert found(store, 'word model:"remote/qwen2.5-7b"') == ["word by qwen"]
    assert found(store, "word model:llama") == []
    assert found(store, "role:nobody") == []
    assert found(store, "role:user") == ["word by user"]
    assert found(store, "user") == ["word by user"]


@pytest.mark.parametrize("most", [0, 200])
def test_filters_narrow_by_tag_be_it_on_few_chats_or_many(
    store: Store, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr("chatterm.store.search._MOST_CHATS", most)
    conversation(store, "word plain")
    work, _ = conversation(store, "word work")
    both, _ = conversation(store, "word both")
    store.tag(work, "work")
    store.tag(both, "work")
    store.tag(both, "my home")
    assert found(store, "tag:work word") == ["word both", "word work"]
    assert found(store, 'tag:Work tag:"my  home" word') == ["word both"]
    assert found(store, "tag:work") == ["word both", "word work"]
    assert found(store, "tag:none word") == []
    store.untag(both, "work")
    assert found(store, "tag:work word") == ["word work"]


def test_a_tag_on_two_hundred_chats_is_still_one_search(store: Store) -> None:
    with store.atomic():
        for _ in range(200):
            chat_id, _ = conversation(store, "word")
            store.tag(chat_id, "many")
    assert len(store.search("tag:many word", limit=1000)) == 200


def test_filters_narrow_by_time(store: Store, clock: Clock) -> None:
    day = 86400.0
    chat_id = store.create_chat().id
    old = say(store, chat_id, "word old")
    clock.now += 40 * day
    say(store, chat_id, "word new", old)
    clock.now += day
    assert found(store, "since:2d word") == ["word new"]
    assert found(store, "since:6w word") == ["word new", "word old"]
    assert found(store, "since:1m") == ["word new"]
    assert found(store, "since:1y since:2d") == ["word new"]
    date = datetime.datetime.fromtimestamp(clock.now - 10 * day)
    assert found(store, f"since:{date:%Y-%m-%d} word") == ["word new"]
    assert found(store, f"since:{date.year - 1} word") == ["word new", "word old"]
    assert found(store, f"since:{date.year + 2} word") == []


def test_filters_narrow_by_the_end_of_a_time(store: Store, clock: Clock) -> None:
    chat_id = store.create_chat().id
    old = say(store, chat_id, "word old")
    clock.now += 40 * 86400.0
    say(store, chat_id, "word new", old)
    assert found(store, "before:2d word") == found(store, "before:2d before:1d") == ["word old"]
    assert found(store, "since:50d before:0d word") == ["word new", "word old"]
    assert found(store, "before:1y") == []


@pytest.mark.parametrize("most", [0, 200])
def test_filters_narrow_by_the_title(
    store: Store, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr("chatterm.store.search._MOST_CHATS", most)
    conversation(store, "word one", title="Plans for the Café")
    conversation(store, "word two", title="Other plans")
    assert found(store, "title:cafe word") == ["word one"]
    assert found(store, 'title:"plans for" title:THE') == ["word one"]
    assert found(store, "title:plans") == ["word two", "word one"]
    assert found(store, "title:none word") == []


@pytest.mark.parametrize("value", ["2026-13", "2026-02-30", "yesterday", "99999x", "0000"])
def test_what_is_no_date_is_words(store: Store, value: str) -> None:
    conversation(store, f"the answer is since: {value} or so")
    assert len(store.search(f"since:{value} answer")) == 1


def test_a_search_can_stay_in_one_chat(store: Store) -> None:
    chat_id, _ = conversation(store, "word here")
    conversation(store, "word there")
    assert [hit.snippet for hit in store.search("word", chat_id=chat_id)] == ["word here"]


# What is not found


def test_an_answer_is_found_once_it_is_finished(store: Store) -> None:
    chat_id, (prompt,) = conversation(store, "hi")
    row = begin(store, chat_id, prompt)
    store.checkpoint(row.id, text="unfinished word", reasoning="")
    assert found(store, "word") == []
    assert found(store, "since:1d") == ["hi"]
    end(store, row, "finished word")
    assert found(store, "word") == ["finished word"]
    assert found(store, "unfinished") == []


def test_the_trash_and_deleted_messages_are_not_found(store: Store) -> None:
    chat_id, (_, reply) = conversation(store, "word one", "word two")
    store.delete_message(reply.id)
    assert found(store, "word") == ["word one"]
    store.undo(chat_id)
    assert len(found(store, "word")) == 2
    store.delete_chat(chat_id)
    assert found(store, "word") == []
    store.restore_chat(chat_id)
    assert len(found(store, "word")) == 2


def test_of_all_copies_of_a_message_the_oldest_living_one_is_found(store: Store) -> None:
    chat_id, (message,) = conversation(store, "word")
    first = store.fork(chat_id, message.id)
    second = store.fork(first.id, store.path(first.id)[0].id)

    def chats_found() -> list[str]:
        return [hit.chat_id for hit in store.search("word")]

    assert chats_found() == [chat_id]
    store.delete_chat(chat_id)
    assert chats_found() == [first.id]
    store.delete_forever(chat_id)
    assert chats_found() == [first.id]
    store.delete_message(store.path(first.id)[0].id)
    assert chats_found() == [second.id]


# Cost


def test_a_page_costs_the_same_however_many_there_are_to_find(store: Store) -> None:
    chat_id = store.create_chat().id
    costs: list[int] = []
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    for _ in range(2):
        with store.atomic():
            for _ in range(1500):
                say(store, chat_id, "the same common word")
        steps = 0
        store._db.connection.set_progress_handler(count, 10)
        assert len(store.search("common word role:user", limit=20)) == 20
        store._db.connection.set_progress_handler(None, 0)
        costs.append(steps)
    assert costs[1] <= costs[0] * 1.2


def test_a_checkpoint_does_not_touch_the_index(store: Store, tmp_path: Path) -> None:
    chat_id, (prompt,) = conversation(store, "hi")
    row = begin(store, chat_id, prompt)

    def index_pages() -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(tmp_path / "chatterm.db")) as db:
            return db.execute("SELECT id, block FROM messages_fts_data").fetchall()

    before = index_pages()
    store.checkpoint(row.id, text="some more words", reasoning="")
    assert index_pages() == before
    end(store, row, "some more words")
    assert index_pages() != before


def test_filters_narrow_while_the_line_is_still_typed(store: Store) -> None:
    chat_id, _ = conversation(store, "word")
    store.rename(chat_id, "plans for spring", by_user=True)
    store.tag(chat_id, "work")
    conversation(store, "word elsewhere")
    for line in ("tag:work*", "title:pla*", 'title:"plans for"*', "tag:work wo*"):
        assert found(store, line) == ["word"]
    assert len(found(store, "since:1d*")) == 2
    assert found(store, "before:1d*") == []


# Anything may be typed

_BITS = st.sampled_from(
    [
        "role:",
        "model:",
        "tag:",
        "title:",
        "since:",
        "before:",
        *'"*():^-+;\0\ud800日é ',
        "word",
        "7d",
        "--",
        "日本",
    ]
)
_OPERATORS = st.sampled_from(["NEAR", "AND", "OR", "NOT", "{text}", "text:", "rowid", "MATCH"])
_LINES = st.one_of(st.text(), st.lists(_BITS | _OPERATORS, max_size=12).map("".join))


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(line=_LINES)
def test_every_input_is_a_search(store: Store, line: str) -> None:
    if not store.chats():
        conversation(store, "some word 日本語", "another é")
    for hit in store.search(line):
        places = [0, *(place for mark in hit.marks for place in mark), len(hit.snippet)]
        assert places == sorted(places)


@pytest.mark.parametrize(
    "line",
    [
        "a日" * 500,
        "word " * 500,
        "x" * 100_000,
        '"' * 999,
        "(" * 500,
        " ".join(map(str, range(400))),
    ],
)
def test_long_input_is_a_search_too(store: Store, line: str) -> None:
    conversation(store, "word")
    store.search(line)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    text=st.text(alphabet=st.sampled_from("aé 日本語がb1_-"), min_size=1, max_size=30),
    data=st.data(),
)
def test_every_word_of_a_text_finds_it(store: Store, text: str, data: st.DataObject) -> None:
    words = [word for word in text.split() if any(map(str.isalnum, word))]
    _, (message,) = conversation(store, text)
    if words:
        line = data.draw(st.sampled_from(words))
        assert message.id in [hit.message_id for hit in store.search(line, limit=10_000)]


def test_growing_text_never_takes_more_than_linear_time_to_cut(store: Store) -> None:
    conversation(store, "x" * 300_000 + " 日本")
    assert len(texts(store.path(store.search("日本")[0].chat_id))) == 1
