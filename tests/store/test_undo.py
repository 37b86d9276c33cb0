"""Undo: the last change first, one user's deed at a time, and nothing is ever lost by it."""

from __future__ import annotations

from chatterm.store import ChangeKind, Store
from tests.store.growing import answer, begin, conversation, end, say, texts


def undo(store: Store, chat_id: str) -> ChangeKind | None:
    change = store.undo(chat_id)
    return change.kind if change else None


def test_a_prompt_and_its_answer_are_taken_back_together(store: Store) -> None:
    chat_id, messages = conversation(store, "a", "b", "c", "d")
    change = store.undo(chat_id)
    assert change is not None
    assert (change.kind, change.chat_id, change.message_id) == (
        ChangeKind.ADD,
        chat_id,
        messages[2].id,
    )
    assert texts(store.path(chat_id)) == ["a", "b"]
    assert undo(store, chat_id) is ChangeKind.ADD
    assert store.path(chat_id) == []
    assert undo(store, chat_id) is None
    assert texts(store.tree(chat_id)) == ["a", "b", "c", "d"]


def test_one_more_answer_is_taken_back_alone(store: Store) -> None:
    chat_id, (prompt, _) = conversation(store, "a", "b")
    answer(store, chat_id, prompt, "c")
    assert undo(store, chat_id) is ChangeKind.ANSWER
    assert texts(store.path(chat_id)) == ["a", "b"]


def test_an_answer_after_other_changes_is_a_change_of_its_own(store: Store) -> None:
    chat_id, (prompt,) = conversation(store, "a")
    store.rename(chat_id, "T", by_user=True)
    end(store, begin(store, chat_id, prompt), "b")
    assert undo(store, chat_id) is ChangeKind.ANSWER
    assert undo(store, chat_id) is ChangeKind.RENAME
    assert texts(store.path(chat_id)) == ["a"]


def test_choosing_a_branch_can_be_taken_back(store: Store) -> None:
    chat_id, (prompt, first) = conversation(store, "a", "b")
    answer(store, chat_id, prompt, "c")
    store.set_tip(chat_id, first.id)
    store.set_tip(chat_id, first.id)
    assert undo(store, chat_id) is ChangeKind.SELECT
    assert texts(store.path(chat_id)) == ["a", "c"]


def test_deleted_messages_come_back_and_older_deletions_stay(store: Store) -> None:
    chat_id, messages = conversation(store, "a", "b", "c", "d")
    store.delete_message(messages[3].id)
    store.delete_message(messages[1].id)
    assert texts(store.path(chat_id)) == ["a"]
    assert undo(store, chat_id) is ChangeKind.DELETE_MESSAGE
    assert texts(store.path(chat_id)) == ["a", "b", "c"]
    assert undo(store, chat_id) is ChangeKind.DELETE_MESSAGE
    assert texts(store.path(chat_id)) == ["a", "b", "c", "d"]


def test_a_title_comes_back_with_who_gave_it(store: Store) -> None:
    chat = store.create_chat(title="first")
    store.rename(chat.id, "second", by_user=False)
    store.rename(chat.id, "third", by_user=True)
    assert undo(store, chat.id) is ChangeKind.RENAME
    assert (store.chat(chat.id).title, store.chat(chat.id).title_by_user) == ("second", False)
    assert store.chats(title="second")
    assert undo(store, chat.id) is None


def test_a_chat_comes_back_from_the_trash(store: Store) -> None:
    chat = store.create_chat()
    store.delete_chat(chat.id)
    assert undo(store, chat.id) is ChangeKind.DELETE_CHAT
    assert store.chat(chat.id).deleted_at is None


def test_a_restored_chat_is_not_restored_again_by_undo(store: Store) -> None:
    chat_id, _ = conversation(store, "a")
    store.delete_chat(chat_id)
    store.restore_chat(chat_id)
    assert undo(store, chat_id) is ChangeKind.ADD


def test_each_chat_has_changes_of_its_own(store: Store) -> None:
    first, _ = conversation(store, "a")
    second, _ = conversation(store, "b")
    assert undo(store, first) is ChangeKind.ADD
    assert texts(store.path(second)) == ["b"]
    fork = store.fork(second, store.path(second)[0].id)
    assert undo(store, fork.id) is None


def test_what_was_undone_can_be_built_upon(store: Store) -> None:
    chat_id, (prompt, _) = conversation(store, "a", "b")
    undo(store, chat_id)
    end(store, begin(store, chat_id, prompt), "c")
    say(store, chat_id, "z")
    assert undo(store, chat_id) is ChangeKind.ADD
    assert texts(store.path(chat_id)) == ["a", "c"]
    assert undo(store, chat_id) is ChangeKind.ANSWER
    assert undo(store, chat_id) is None


def test_the_list_takes_titles_and_the_trash_back_and_no_message(store: Store) -> None:
    first, messages = conversation(store, "a", "b")
    second, _ = conversation(store, "c", "d")
    store.rename(first, "T", by_user=True)
    store.delete_chat(second)
    say(store, first, "e", messages[-1])
    changes = [store.undo_listed(first), store.undo_listed(), store.undo_listed()]
    kinds = [(change.chat_id, change.kind) for change in changes if change is not None]
    assert kinds == [(first, ChangeKind.RENAME), (second, ChangeKind.DELETE_CHAT)]
    assert texts(store.path(first)) == ["a", "b", "e"]
    assert undo(store, first) is ChangeKind.ADD
