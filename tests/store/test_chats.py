"""Chats: made, found, listed, named, tagged, put away."""

from __future__ import annotations

import pytest

from chatterm.errors import NotFound, StoreError
from chatterm.store import Chat, Store
from tests.clocks import Clock
from tests.store.growing import answer, conversation, say


def ids(chats: list[Chat]) -> list[str]:
    return [chat.id for chat in chats]


def test_a_new_chat_is_empty_and_stands_nowhere(store: Store) -> None:
    chat = store.create_chat(title="Plans", model="echo")
    assert chat == store.chat(chat.id)
    assert (chat.title, chat.model, chat.tip_id, chat.message_count) == ("Plans", "echo", None, 0)
    assert store.path(chat.id) == []


def test_the_chat_written_in_last_comes_first(store: Store) -> None:
    first, second = store.create_chat(), store.create_chat()
    assert ids(store.chats()) == [second.id, first.id]
    say(store, first.id, "hello again")
    assert ids(store.chats()) == [first.id, second.id]


def test_pages_follow_each_other_without_gap_or_overlap(store: Store) -> None:
    made = [store.create_chat().id for _ in range(7)]
    seen: list[str] = []
    last = None
    while page := store.chats(limit=3, before=last):
        seen += ids(page)
        last = page[-1]
    assert seen == made[::-1]


def test_pages_hold_when_chats_share_one_moment(store: Store, clock: Clock) -> None:
    clock.step = 0.0
    made = {store.create_chat().id for _ in range(5)}
    first = store.chats(limit=3)
    assert made == set(ids(first) + ids(store.chats(before=first[-1])))


def test_a_chat_knows_the_model_that_was_asked_last(store: Store) -> None:
    chat_id, (prompt,) = conversation(store, "hi")
    answer(store, chat_id, prompt, "hello", model="qwen")
    assert store.chat(chat_id).model == "qwen"
    assert ids(store.chats(model="qwen")) == [chat_id]
    assert store.chats(model="other") == []


@pytest.mark.parametrize("part", ["RÉSUMÉ", "resume", "sumé", "my r", ""])
def test_a_title_is_found_by_any_part_whatever_case_and_accents(store: Store, part: str) -> None:
    chat = store.create_chat(title="My Résumé")
    assert ids(store.chats(title=part)) == [chat.id]
    assert store.chats(title="resume%") == []


def test_lists_can_be_narrowed_by_time_and_pin(store: Store) -> None:
    old, new = store.create_chat(), store.create_chat()
    store.pin(old.id)
    assert ids(store.chats(since=new.updated_at)) == [new.id]
    assert ids(store.chats(pinned=True)) == [old.id]
    assert ids(store.chats(pinned=False)) == [new.id]
    store.pin(old.id, pinned=False)
    assert store.chats(pinned=True) == []


def test_the_count_leaves_deleted_messages_out(store: Store) -> None:
    chat_id, messages = conversation(store, "a", "b", "c")
    store.delete_message(messages[1].id)
    assert store.chat(chat_id).message_count == 1


# Titles and tags


def test_an_automatic_title_never_replaces_one_the_user_gave(store: Store) -> None:
    chat = store.create_chat(title="first words")
    store.rename(chat.id, "A better one", by_user=False)
    store.rename(chat.id, "Mine", by_user=True)
    store.rename(chat.id, "Even better", by_user=False)
    assert (store.chat(chat.id).title, store.chat(chat.id).title_by_user) == ("Mine", True)


def test_tags_are_one_case_and_listed_in_order(store: Store) -> None:
    chat = store.create_chat()
    for tag in ["Work", "  home  office ", "work"]:
        store.tag(chat.id, tag)
    assert store.chat(chat.id).tags == ("home office", "work")
    assert ids(store.chats(tag="WORK")) == [chat.id]
    store.untag(chat.id, "Work")
    assert store.chats(tag="work") == []


@pytest.mark.parametrize("frequent_from", [1, 100])
def test_tagged_chats_come_newest_first_be_they_few_or_many(
    store: Store, monkeypatch: pytest.MonkeyPatch, frequent_from: int
) -> None:
    monkeypatch.setattr("chatterm.store.chats._MANY_CHATS", frequent_from)
    made = [store.create_chat().id for _ in range(4)]
    for chat_id in made[::2]:
        store.tag(chat_id, "even")
    assert ids(store.chats(tag="even")) == made[::2][::-1]


@pytest.mark.parametrize("tag", ["", "  ", 'a"b', "a\x07b"])
def test_what_cannot_be_searched_for_cannot_be_a_tag(store: Store, tag: str) -> None:
    chat = store.create_chat()
    with pytest.raises(StoreError, match="cannot be a tag"):
        store.tag(chat.id, tag)


# Finding


def test_a_chat_is_found_by_its_id_or_by_either_end_of_it(store: Store) -> None:
    chat = store.create_chat()
    for ref in [chat.id, chat.id.lower(), chat.id[:12], chat.id[-6:].lower(), f" {chat.id} "]:
        assert store.find_chat(ref) == chat


def test_a_part_of_several_ids_names_them(store: Store) -> None:
    chats = [store.create_chat(title=f"number {number}") for number in range(7)]
    with pytest.raises(StoreError, match="several") as caught:
        store.find_chat(chats[0].id[:4])
    assert f"{chats[6].id} number 6" in caught.value.hint
    assert caught.value.hint.endswith("and others")


@pytest.mark.parametrize("ref", ["", "%", "_", "01_", "NOSUCHCHAT", "é", "a b", "' OR 1"])
def test_what_no_id_can_be_is_not_found(store: Store, ref: str) -> None:
    store.create_chat()
    with pytest.raises(NotFound) as caught:
        store.find_chat(ref)
    assert caught.value.hint


def test_parts_of_ids_look_in_the_list_or_in_the_trash(store: Store) -> None:
    chat = store.create_chat()
    store.delete_chat(chat.id)
    with pytest.raises(NotFound):
        store.find_chat(chat.id[-6:])
    assert store.find_chat(chat.id[-6:], deleted=True).id == chat.id
    assert store.find_chat(chat.id).id == chat.id


@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.chat("X"),
        lambda store: store.path("X"),
        lambda store: store.rename("X", "t", by_user=True),
        lambda store: store.tag("X", "t"),
        lambda store: store.pin("X"),
        lambda store: store.delete_chat("X"),
        lambda store: store.restore_chat("X"),
        lambda store: store.delete_forever("X"),
        lambda store: store.undo("X"),
        lambda store: store.set_draft("X", "t"),
        lambda store: store.remember_terminal("tty", "X"),
        lambda store: say(store, "X", "t"),
    ],
)
def test_every_call_says_so_when_there_is_no_such_chat(store: Store, call: object) -> None:
    assert callable(call)
    with pytest.raises(NotFound, match="no chat 'X'"):
        call(store)


# The trash


def test_a_deleted_chat_leaves_the_list_and_comes_back_whole(store: Store) -> None:
    chat_id, messages = conversation(store, "a", "b")
    store.delete_chat(chat_id)
    assert store.chats() == []
    assert ids(store.chats(deleted=True)) == [chat_id]
    assert store.chat(chat_id).deleted_at is not None
    store.restore_chat(chat_id)
    assert ids(store.chats()) == [chat_id]
    assert store.path(chat_id) == messages


def test_the_trash_shows_what_was_deleted_last_first(store: Store) -> None:
    made = [store.create_chat().id for _ in range(4)]
    for chat_id in made:
        store.delete_chat(chat_id)
    first = store.chats(limit=3, deleted=True)
    assert ids(first) == made[:0:-1]
    assert ids(store.chats(before=first[-1], deleted=True)) == made[:1]


def test_deleting_twice_is_deleting_once(store: Store) -> None:
    chat = store.create_chat()
    store.delete_chat(chat.id)
    deleted_at = store.chat(chat.id).deleted_at
    store.delete_chat(chat.id)
    assert store.chat(chat.id).deleted_at == deleted_at
    store.undo(chat.id)
    assert store.undo(chat.id) is None


def test_chats_are_found_by_words_of_a_message_or_any_part_of_the_title(store: Store) -> None:
    first, _ = conversation(store, "the quick brown fox", title="Animals")
    second, reply = conversation(store, "about foxes", "quick", title="Quick notes")
    assert ids(store.chats(text="quick")) == [second, first]
    assert ids(store.chats(text='"quick brown"')) == [first]
    assert ids(store.chats(text="anim")) == [first]
    assert ids(store.chats(text="brown foxes")) == []
    assert ids(store.chats(text="!?")) == []
    store.rename(second, "?!?", by_user=True)
    store.delete_message(reply[1].id)
    assert ids(store.chats(text="!?")) == [second]
    assert ids(store.chats(text="quick")) == [first]


def test_a_message_is_found_by_a_part_of_its_id(store: Store) -> None:
    chat_id, messages = conversation(store, "one", "two")
    other, _ = conversation(store, "three")
    wanted = messages[1].id
    assert store.find_message(wanted) == wanted
    assert store.find_message(wanted[:10].lower(), chat_id=chat_id) == wanted
    with pytest.raises(NotFound, match="several messages"):
        store.find_message(wanted[:4])
    with pytest.raises(NotFound, match="no message"):
        store.find_message(wanted, chat_id=other)
    with pytest.raises(NotFound):
        store.find_message("%")
    store.delete_message(wanted)
    with pytest.raises(NotFound):
        store.find_message(wanted)


def test_a_chat_is_found_by_a_part_from_the_middle(store: Store) -> None:
    chat_id = store.create_chat().id
    assert store.find_chat(chat_id[3:-3]).id == chat_id


def test_votes_are_given_changed_and_taken_back(store: Store) -> None:
    chat_id, (prompt, good) = conversation(store, "q", "a")
    bad = answer(store, chat_id, prompt, "b")
    store.vote(good.id, 1)
    store.vote(bad.id, 1)
    store.vote(bad.id, -1)
    assert store.votes(chat_id) == {good.id: 1, bad.id: -1}
    store.vote(good.id, 0)
    store.delete_message(bad.id)
    assert store.votes(chat_id) == {}
    with pytest.raises(StoreError, match="a vote is"):
        store.vote(good.id, 5)
    with pytest.raises(NotFound):
        store.vote("nothing", 1)
