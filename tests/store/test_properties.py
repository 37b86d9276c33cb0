"""Whatever is done, in whatever order: it stays a tree, undo is exact, and no word is lost."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chatterm.ids import ulid_factory
from chatterm.messages import Role, State
from chatterm.store import ChangeKind, Store
from tests.clocks import Clock
from tests.store.growing import begin, end

_TEXTS = st.text(alphabet=st.sampled_from("ab é日本 "), max_size=6)
_PICKS = st.integers(min_value=0, max_value=10_000)


@dataclass(frozen=True)
class Shown:
    """What a chat shows, as far as a change can alter it."""

    tip_id: str | None
    title: str
    deleted: bool
    visible: frozenset[str]


@dataclass
class Known:
    """What the test knows of a chat: its journal, with what it showed before each change."""

    journal: list[tuple[ChangeKind, str | None, Shown]] = field(default_factory=list)


class Chatting(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="chatterm-test-"))
        self.clock = Clock()
        self.path = self.folder / "chatterm.db"
        self.store = Store.open(self.path, clock=self.clock, new_id=ulid_factory(self.clock))
        self.reader = sqlite3.connect(self.path)
        self.known: dict[str, Known] = {}
        self.written: dict[str, str] = {}

    @initialize()
    def begin_with_a_chat(self) -> None:
        self.create_chat()

    @rule()
    def create_chat(self) -> None:
        self.known[self.store.create_chat().id] = Known()

    @rule(chat=_PICKS, parent=_PICKS, text=_TEXTS, step=st.sampled_from([0.001, 0.0, -5.0]))
    def add(self, chat: int, parent: int, text: str, step: float) -> None:
        chat_id = self._chat(chat)
        self.clock.now += step
        shown = self._shown(chat_id)
        parent_id = self._message(chat_id, parent)
        message = self.store.add(chat_id, parent_id=parent_id, role=Role.USER, text=text)
        self.written[message.id] = text
        self._journal(chat_id, ChangeKind.ADD, message.id, shown)

    @rule(
        chat=_PICKS,
        parent=_PICKS,
        text=_TEXTS,
        state=st.sampled_from([State.COMPLETE, State.STOPPED, State.FAILED]),
    )
    def answer(self, chat: int, parent: int, text: str, state: State) -> None:
        chat_id = self._chat(chat)
        parent_id = self._message(chat_id, parent)
        if parent_id is None:
            return
        shown = self._shown(chat_id)
        row = begin(self.store, chat_id, self.store.message(parent_id))
        self.store.checkpoint(row.id, text="half", reasoning="")
        end(self.store, row, text, state)
        self.written[row.id] = text
        journal = self.known[chat_id].journal
        follows = journal and journal[-1][:2] == (ChangeKind.ADD, parent_id)
        if not (follows and shown.tip_id == parent_id):
            self._journal(chat_id, ChangeKind.ANSWER, row.id, shown)

    @rule(chat=_PICKS, place=_PICKS)
    def set_tip(self, chat: int, place: int) -> None:
        chat_id = self._chat(chat)
        shown = self._shown(chat_id)
        message_id = self._message(chat_id, place)
        self.store.set_tip(chat_id, message_id)
        if message_id != shown.tip_id:
            self._journal(chat_id, ChangeKind.SELECT, message_id, shown)

    @rule(chat=_PICKS, place=_PICKS)
    def delete_message(self, chat: int, place: int) -> None:
        chat_id = self._chat(chat)
        message_id = self._message(chat_id, place)
        if message_id is not None:
            shown = self._shown(chat_id)
            self.store.delete_message(message_id)
            self._journal(chat_id, ChangeKind.DELETE_MESSAGE, message_id, shown)

    @rule(chat=_PICKS, place=_PICKS)
    def fork(self, chat: int, place: int) -> None:
        chat_id = self._chat(chat)
        message_id = self._message(chat_id, place)
        if message_id is not None:
            path = self.store.path(chat_id, message_id)
            fork = self.store.fork(chat_id, message_id)
            self.known[fork.id] = Known()
            copies = self.store.path(fork.id)
            assert [copy.text for copy in copies] == [message.text for message in path]
            self.written |= {copy.id: copy.text for copy in copies}

    @rule(chat=_PICKS, title=_TEXTS)
    def rename(self, chat: int, title: str) -> None:
        chat_id = self._chat(chat)
        shown = self._shown(chat_id)
        self.store.rename(chat_id, title, by_user=True)
        self._journal(chat_id, ChangeKind.RENAME, None, shown)

    @rule(chat=_PICKS)
    def delete_chat(self, chat: int) -> None:
        chat_id = self._chat(chat)
        shown = self._shown(chat_id)
        self.store.delete_chat(chat_id)
        if not shown.deleted:
            self._journal(chat_id, ChangeKind.DELETE_CHAT, None, shown)

    @rule(chat=_PICKS)
    def restore(self, chat: int) -> None:
        chat_id = self._chat(chat)
        self.store.restore_chat(chat_id)
        known = self.known[chat_id]
        known.journal = [entry for entry in known.journal if entry[0] != ChangeKind.DELETE_CHAT]

    @rule(chat=_PICKS)
    def undo(self, chat: int) -> None:
        chat_id = self._chat(chat)
        change = self.store.undo(chat_id)
        journal = self.known[chat_id].journal
        if not journal:
            assert change is None
            return
        kind, message_id, before = journal.pop()
        assert change is not None
        assert (change.kind, change.message_id) == (kind, message_id)
        now = self._shown(chat_id)
        match kind:
            case ChangeKind.RENAME:
                assert now.title == before.title
            case ChangeKind.DELETE_CHAT:
                assert not now.deleted
            case ChangeKind.DELETE_MESSAGE:
                assert now.tip_id == before.tip_id
                # More may be there than before: what was added since and undone stays in the tree.
                assert now.visible >= before.visible
            case _:
                assert now.tip_id == before.tip_id

    @precondition(lambda self: len(self.known) > 1)
    @rule(chat=_PICKS)
    def delete_forever(self, chat: int) -> None:
        chat_id = self._chat(chat)
        gone = {row[0] for row in self._rows("SELECT id FROM messages WHERE chat_id = ?", chat_id)}
        self.store.delete_forever(chat_id)
        del self.known[chat_id]
        self.written = {key: text for key, text in self.written.items() if key not in gone}

    @invariant()
    def it_is_sound(self) -> None:
        assert self.store.integrity() == []

    @invariant()
    def every_path_goes_from_a_root_to_the_tip(self) -> None:
        for chat_id in self.known:
            tip_id = self.store.chat(chat_id).tip_id
            path = self.store.path(chat_id)
            parents = [None, *(message.id for message in path)]
            assert [message.parent_id for message in path] == parents[:-1]
            assert parents[-1] == tip_id
            visible = {node.id for node in self.store.outline(chat_id)}
            assert visible.issuperset(message.id for message in path)

    @invariant()
    def no_word_is_lost(self) -> None:
        assert dict(self._rows("SELECT id, text FROM messages")) == self.written

    @invariant()
    def the_index_is_what_it_would_be_if_built_anew(self) -> None:
        assert index_of(self.reader) == rebuilt_index(self.reader)

    def teardown(self) -> None:
        self.reader.close()
        self.store.close()
        shutil.rmtree(self.folder)

    def _rows(self, sql: str, *values: object) -> list[tuple[str, str]]:
        return self.reader.execute(sql, values).fetchall()

    def _chat(self, pick: int) -> str:
        return list(self.known)[pick % len(self.known)]

    def _message(self, chat_id: str, pick: int) -> str | None:
        visible = [None, *(node.id for node in self.store.outline(chat_id))]
        return visible[pick % len(visible)]

    def _shown(self, chat_id: str) -> Shown:
        chat = self.store.chat(chat_id)
        visible = frozenset(node.id for node in self.store.outline(chat_id))
        return Shown(chat.tip_id, chat.title, chat.deleted_at is not None, visible)

    def _journal(
        self, chat_id: str, kind: ChangeKind, message_id: str | None, before: Shown
    ) -> None:
        self.known[chat_id].journal.append((kind, message_id, before))


def index_of(db: sqlite3.Connection) -> list[tuple[object, ...]]:
    """Every token of the search index with its place."""
    db.execute(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.tokens"
        " USING fts5vocab('main', 'messages_fts', 'instance')"
    )
    return sorted(db.execute("SELECT term, doc, col, offset FROM temp.tokens").fetchall())


def rebuilt_index(db: sqlite3.Connection) -> list[tuple[object, ...]]:
    rows = db.execute(
        "SELECT n, text, ngrams, role, model, chat_id FROM messages WHERE state <> 'writing'"
    ).fetchall()
    with closing(sqlite3.connect(":memory:")) as fresh:
        fresh.execute(
            "CREATE VIRTUAL TABLE messages_fts USING fts5 (text, ngrams, role, model, chat_id,"
            " tokenize = 'unicode61 remove_diacritics 2')"
        )
        fresh.executemany(
            "INSERT INTO messages_fts (rowid, text, ngrams, role, model, chat_id)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )
        return index_of(fresh)


ChattingTest: Callable[..., object] = Chatting.TestCase
Chatting.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
