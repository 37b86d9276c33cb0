"""The tree of messages: grown, read, moved in, hidden, copied."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chatterm.errors import NotFound, StoreError
from chatterm.messages import Role, State, Stop, Timings, ToolCall, Usage
from chatterm.params import Params
from chatterm.store import Store
from tests.clocks import Clock
from tests.store.growing import answer, begin, conversation, end, say, texts


def test_a_message_comes_back_as_it_went_in(store: Store) -> None:
    chat_id, (first,) = conversation(store, "hi")
    file = store.attach(b"\x00bytes", "a.bin", "application/octet-stream")
    calls = (ToolCall("1", "add", '{"a": 1}', "2"), ToolCall("2", "sub", "{}"))
    message = store.add(
        chat_id,
        parent_id=first.id,
        role=Role.TOOL,
        text="é\0\n 日本",
        attachments=[file, file],
        tool_calls=calls,
    )
    assert message == store.message(message.id)
    assert (message.role, message.text, message.state) == (Role.TOOL, "é\0\n 日本", State.COMPLETE)
    assert message.attachments == (file, file)
    assert message.tool_calls == calls
    assert store.path(chat_id) == [first, message]


def test_text_that_is_no_unicode_is_kept_as_far_as_it_is(store: Store) -> None:
    chat_id, (message,) = conversation(store, "caf\udce9 \ud83d\ude00")
    assert message.text == "caf\ufffd \U0001f600"
    assert texts(store.path(chat_id)) == [message.text]


def test_the_tip_follows_what_is_added(store: Store) -> None:
    chat_id, messages = conversation(store, "a", "b", "c")
    assert store.chat(chat_id).tip_id == messages[-1].id
    assert texts(store.path(chat_id)) == ["a", "b", "c"]
    assert texts(store.path(chat_id, messages[1].id)) == ["a", "b"]


def test_siblings_stand_beside_each_other_in_order(store: Store) -> None:
    chat_id, (prompt, first) = conversation(store, "a", "b")
    second = answer(store, chat_id, prompt, "c")
    assert store.siblings(first.id) == store.siblings(second.id) == [first, second]
    assert store.children(prompt.id, chat_id) == [first, second]
    assert store.siblings(prompt.id) == store.children(None, chat_id) == [prompt]
    assert texts(store.path(chat_id)) == ["a", "c"]


def test_a_chat_may_begin_in_several_ways(store: Store) -> None:
    chat_id, (first,) = conversation(store, "a")
    second = say(store, chat_id, "b")
    assert store.children(None, chat_id) == [first, second]
    assert texts(store.path(chat_id)) == ["b"]


def test_branches_are_counted_where_there_are_several(store: Store) -> None:
    chat_id, (prompt, first) = conversation(store, "a", "b")
    assert store.branches(chat_id) == {}
    second = answer(store, chat_id, prompt, "c")
    beside = say(store, chat_id, "d")
    store.delete_message(answer(store, chat_id, prompt, "hidden").id)
    assert store.branches(chat_id) == {
        first.id: (1, 2),
        second.id: (2, 2),
        prompt.id: (1, 2),
        beside.id: (2, 2),
    }


def test_the_whole_tree_has_parents_before_children(store: Store, clock: Clock) -> None:
    chat_id, (root, _) = conversation(store, "a", "b")
    clock.now -= 3600  # the clock was set back
    late = answer(store, chat_id, root, "c")
    say(store, chat_id, "d", late)
    assert set(texts(store.tree(chat_id))) == {"a", "b", "c", "d"}
    for nodes in (store.tree(chat_id), store.outline(chat_id)):
        seen: set[str | None] = {None}
        for node in nodes:
            assert node.parent_id in seen
            seen.add(node.id)
    assert store.integrity() == []


def test_the_outline_is_the_tree_without_words(store: Store) -> None:
    chat_id, messages = conversation(store, "a", "b")
    assert [
        (node.id, node.parent_id, node.role, node.state) for node in store.outline(chat_id)
    ] == [(message.id, message.parent_id, message.role, message.state) for message in messages]


def test_more_messages_in_a_second_than_it_has_milliseconds_keep_their_order(
    store: Store, clock: Clock
) -> None:
    clock.step = 0.0
    chat_id = store.create_chat().id
    with store.atomic():
        for number in range(1100):
            say(store, chat_id, str(number))
        clock.now -= 0.5
        say(store, chat_id, "late")
    assert texts(store.children(None, chat_id))[:1100] == [str(number) for number in range(1100)]
    assert store.integrity() == []


def test_messages_go_only_below_messages_of_their_chat(store: Store) -> None:
    _, (stranger,) = conversation(store, "elsewhere")
    chat_id, (prompt,) = conversation(store, "here")
    with pytest.raises(NotFound):
        say(store, chat_id, "lost", stranger)
    with pytest.raises(NotFound):
        store.set_tip(chat_id, stranger.id)
    with pytest.raises(NotFound):
        store.path(chat_id, stranger.id)
    store.delete_message(prompt.id)
    with pytest.raises(NotFound, match="deleted"):
        say(store, chat_id, "lost", prompt)
    assert store.children(None, chat_id) == []


@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.message("X"),
        lambda store: store.siblings("X"),
        lambda store: store.leaf("X"),
        lambda store: store.delete_message("X"),
        lambda store: store.provenance("X"),
        lambda store: store.checkpoint("X", text="", reasoning=""),
        lambda store: store.search("word", before="X"),
    ],
)
def test_every_call_says_so_when_there_is_no_such_message(store: Store, call: object) -> None:
    assert callable(call)
    with pytest.raises(NotFound, match="no message 'X'"):
        call(store)


# The tip


def test_the_leaf_is_where_a_branch_was_left(store: Store) -> None:
    chat_id, (prompt, first) = conversation(store, "a", "b")
    left_at = say(store, chat_id, "c", first)
    newest = say(store, chat_id, "d", first)
    other = answer(store, chat_id, prompt, "e")
    assert store.leaf(first.id) == newest.id
    store.set_tip(chat_id, left_at.id)
    store.set_tip(chat_id, other.id)
    assert store.leaf(first.id) == left_at.id
    assert store.leaf(prompt.id) == store.leaf(other.id) == other.id
    store.delete_message(left_at.id)
    assert store.leaf(first.id) == newest.id


def test_a_chat_can_stand_before_its_first_message(store: Store) -> None:
    chat_id, _ = conversation(store, "a")
    store.set_tip(chat_id, None)
    assert store.path(chat_id) == []
    store.undo(chat_id)
    assert texts(store.path(chat_id)) == ["a"]


# Deleting


def test_deleting_hides_all_that_follows_and_moves_the_tip_up(store: Store) -> None:
    chat_id, messages = conversation(store, "a", "b", "c", "d")
    store.delete_message(messages[2].id)
    assert texts(store.path(chat_id)) == ["a", "b"]
    assert texts(store.tree(chat_id)) == ["a", "b"]
    assert store.message(messages[3].id).text == "d"


def test_deleting_another_branch_leaves_the_tip(store: Store) -> None:
    chat_id, (prompt, first) = conversation(store, "a", "b")
    answer(store, chat_id, prompt, "c")
    store.delete_message(first.id)
    assert texts(store.path(chat_id)) == ["a", "c"]


def test_a_deleted_message_cannot_be_deleted_again(store: Store) -> None:
    _, (prompt, reply) = conversation(store, "a", "b")
    store.delete_message(prompt.id)
    with pytest.raises(NotFound, match="deleted"):
        store.delete_message(reply.id)


# Answers


def test_an_answer_grows_and_then_stands(store: Store) -> None:
    chat_id, (prompt,) = conversation(store, "hi")
    row = store.start_answer(
        chat_id,
        parent_id=prompt.id,
        model="m",
        backend="b",
        params=Params(temperature=0.5, stop=("x",), logit_bias=((1, -2.0),)),
        text="He",
    )
    assert (row.state, row.text, row.role) == (State.WRITING, "He", Role.ASSISTANT)
    store.checkpoint(row.id, text="Hell", reasoning="hm")
    assert (store.message(row.id).text, store.message(row.id).reasoning) == ("Hell", "hm")
    done = store.finish(
        row.id,
        state=State.COMPLETE,
        text="Hello",
        reasoning="hmm",
        tool_calls=[ToolCall("1", "f", "{}")],
        stop=Stop.TOOL,
        usage=Usage(5, 2, 3, 4),
        timings=Timings(1.0, 2.0, 3.0, 4.0, 5.0),
    )
    assert done == store.message(row.id)
    assert (done.text, done.state, done.model) == ("Hello", State.COMPLETE, "m")
    assert done.tool_calls == (ToolCall("1", "f", "{}"),)
    origin = store.provenance(row.id)
    assert origin is not None
    assert (origin.backend, origin.model, origin.stop) == ("b", "m", Stop.TOOL)
    assert origin.params == Params(temperature=0.5, stop=("x",), logit_bias=((1, -2.0),))
    assert origin.usage == Usage(5, 2, 3, 4)
    assert origin.timings == Timings(1.0, 2.0, 3.0, 4.0, 5.0)
    assert origin.finished_at is not None
    assert origin.finished_at > origin.started_at


def test_only_answers_have_a_provenance(store: Store) -> None:
    chat_id, (prompt,) = conversation(store, "hi")
    row = begin(store, chat_id, prompt)
    assert store.provenance(prompt.id) is None
    origin = store.provenance(row.id)
    assert origin is not None
    assert (origin.finished_at, origin.stop) == (None, None)


def test_a_parameter_that_has_gone_since_is_left_out(store: Store, tmp_path: Path) -> None:
    chat_id, (prompt,) = conversation(store, "hi")
    row = begin(store, chat_id, prompt)
    with closing(sqlite3.connect(tmp_path / "chatterm.db")) as db, db:
        db.execute("""UPDATE answers SET params = '{"seed": 7, "magic": 1}'""")
    origin = store.provenance(row.id)
    assert origin is not None
    assert origin.params == Params(seed=7)


@pytest.mark.parametrize("state", [State.COMPLETE, State.STOPPED, State.FAILED])
def test_a_final_answer_never_changes(store: Store, state: State) -> None:
    chat_id, (prompt,) = conversation(store, "hi")
    row = end(store, begin(store, chat_id, prompt), "done", state)
    with pytest.raises(StoreError, match=f"is {state} and can no longer change"):
        store.checkpoint(row.id, text="else", reasoning="")
    with pytest.raises(StoreError, match="can no longer change"):
        end(store, row, "else")
    assert store.message(row.id) == row


def test_an_answer_is_not_finished_by_saying_it_goes_on(store: Store) -> None:
    chat_id, (prompt,) = conversation(store, "hi")
    row = begin(store, chat_id, prompt)
    with pytest.raises(StoreError):
        end(store, row, "text", State.WRITING)
    assert store.message(row.id).state is State.WRITING


@pytest.mark.parametrize(
    "change",
    ["text = 'x'", "state = 'failed'", "reasoning = 'x'", "parent_id = NULL", "role = 'system'"],
)
def test_the_file_itself_refuses_to_change_a_final_message(
    store: Store, tmp_path: Path, change: str
) -> None:
    conversation(store, "a", "b")
    with (
        closing(sqlite3.connect(tmp_path / "chatterm.db")) as db,
        pytest.raises(sqlite3.IntegrityError, match="never"),
    ):
        db.execute(f"UPDATE messages SET {change} WHERE parent_id IS NOT NULL")


# Forks


def test_a_fork_has_copies_and_says_where_they_came_from(store: Store, tmp_path: Path) -> None:
    file_chat, (prompt,) = conversation(store, "a")
    reply = answer(store, file_chat, prompt, "b", model="m")
    say(store, file_chat, "c", reply)
    fork = store.fork(file_chat, reply.id)
    copies = store.path(fork.id)
    assert texts(copies) == ["a", "b"]
    assert (fork.forked_from, fork.model, fork.tip_id) == (file_chat, "m", copies[-1].id)
    assert {copy.id for copy in copies}.isdisjoint({prompt.id, reply.id})
    assert [copy.created_at for copy in copies] == [prompt.created_at, reply.created_at]
    origin = store.provenance(copies[1].id)
    assert origin is not None
    assert origin.model == "m"
    again = store.fork(fork.id, copies[1].id)
    with closing(sqlite3.connect(tmp_path / "chatterm.db")) as db:
        sources = db.execute(
            "SELECT copied_from FROM messages WHERE chat_id = ? ORDER BY n", (again.id,)
        ).fetchall()
    assert sources == [(prompt.id,), (reply.id,)]


def test_a_fork_keeps_files_and_tool_calls(store: Store) -> None:
    chat_id = store.create_chat().id
    file = store.attach(b"x", "x.txt", "text/plain")
    call = ToolCall("1", "f", "{}", "r")
    message = store.add(
        chat_id, parent_id=None, role=Role.USER, text="t", attachments=[file], tool_calls=[call]
    )
    copy = store.path(store.fork(chat_id, message.id).id)[0]
    assert (copy.attachments, copy.tool_calls) == ((file,), (call,))


def test_an_answer_that_is_being_written_cannot_be_forked(store: Store) -> None:
    chat_id, (prompt,) = conversation(store, "a")
    row = begin(store, chat_id, prompt)
    with pytest.raises(StoreError, match="still being written"):
        store.fork(chat_id, row.id)
    assert len(store.chats()) == 1


# Whole steps


def test_what_fails_inside_atomic_leaves_nothing_behind(store: Store) -> None:
    chat_id, (prompt,) = conversation(store, "a")
    with pytest.raises(ZeroDivisionError), store.atomic():
        say(store, chat_id, "b", prompt)
        raise ZeroDivisionError
    assert texts(store.tree(chat_id)) == ["a"]


def test_an_inner_step_can_fail_alone(store: Store) -> None:
    chat_id, (prompt,) = conversation(store, "a")
    with store.atomic():
        kept = say(store, chat_id, "b", prompt)
        with pytest.raises(ZeroDivisionError), store.atomic():
            say(store, chat_id, "c", kept)
            raise ZeroDivisionError
    assert texts(store.tree(chat_id)) == ["a", "b"]


def test_plain_sql_shows_what_each_chat_shows(store: Store, tmp_path: Path) -> None:
    chat_id, (prompt, _) = conversation(store, "a", "b", title="T")
    answer(store, chat_id, prompt, "c", model="m")
    other, _ = conversation(store, "z")
    trashed, _ = conversation(store, "y")
    store.delete_chat(trashed)
    with closing(sqlite3.connect(tmp_path / "chatterm.db")) as db:
        rows = db.execute(
            "SELECT chat_id, title, position, role, text, model FROM chat_path"
        ).fetchall()
    assert rows == [
        (chat_id, "T", 1, "user", "a", ""),
        (chat_id, "T", 2, "assistant", "c", "m"),
        (other, "", 1, "user", "z", ""),
    ]


def test_a_chat_in_memory_works_and_leaves_no_file(tmp_path: Path, clock: Clock) -> None:
    ids = iter(f"{number:026}" for number in range(100))
    with Store.open(None, clock=clock, new_id=lambda: next(ids)) as store:
        chat_id, _ = conversation(store, "a", "b")
        assert texts(store.path(chat_id)) == ["a", "b"]
        assert len(store.search("b")) == 1
        assert store.integrity() == []
    assert list(tmp_path.glob("**/*.db*")) == []
