"""What is taken away leaves the file, step by step, and after a restart; what is old goes too."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import openai
import pytest

from chatterm.ids import ulid_factory
from chatterm.messages import Role
from chatterm.paths import Paths
from chatterm.server.people import People, people_in
from chatterm.server.records import Records, open_records
from chatterm.server.sweeping import chats_of, sweep, take_away_account, take_away_chat
from chatterm.server.users import User
from tests.clocks import Clock
from tests.server.asking import Asking, get
from tests.server.serving import serving

DAY = 86400.0


@pytest.fixture
def records(tmp_path: Path, clock: Clock) -> Iterator[Records]:
    with closing(opened(tmp_path / "server.db", clock)) as found:
        yield found


def opened(path: Path, clock: Clock) -> Records:
    return open_records(path, clock=clock, new_id=ulid_factory())


def chat_of(records: Records, user: User, text: str) -> str:
    chat = records.store.create_chat()
    records.db.run(
        "INSERT INTO server_chats (chat_id, user_id, dialect) VALUES (?, ?, 'openassistant')",
        (chat.id, user.id),
    )
    records.store.add(chat.id, parent_id=None, role=Role.USER, text=text)
    return chat.id


def response_of(records: Records, user: User, name: str, at: float, after: str = "") -> None:
    records.db.run(
        "INSERT INTO server_responses (id, user_id, created_at, status, previous_id, body, input)"
        " VALUES (?, ?, ?, 'completed', ?, ?, '[]')",
        (name, user.id, at, after or None, json.dumps({"id": name})),
    )


def responses(records: Records) -> set[str]:
    return {name for (name,) in records.db.rows("SELECT id FROM server_responses")}


def swept(records: Records, days: float | None = None) -> None:
    for _ in sweep(records, keep_seconds=None if days is None else days * DAY):
        continue


def added(people: People, name: str) -> User:
    return people.users.vouched("debug", name, name)


def file_says(folder: Path, word: str) -> bool:
    files = [path for path in folder.glob("server.db*") if path.is_file()]
    return any(word.encode() in path.read_bytes() for path in files)


def test_every_word_of_an_account_leaves_the_file_and_others_keep_theirs(
    records: Records, tmp_path: Path
) -> None:
    people = people_in(records)
    ann, bob = added(people, "ann"), added(people, "bob")
    for at in range(3):
        chat_of(records, ann, f"xylophone {at}")
        response_of(records, ann, f"xylophone-{at}", 1.0)
    kept = chat_of(records, bob, "marimba")
    response_of(records, bob, "marimba", 1.0)
    assert file_says(tmp_path, "xylophone")
    take_away_account(records, people, ann)
    assert people.users.get(ann.id) is None
    swept(records)
    assert not file_says(tmp_path, "xylophone")
    assert chats_of(records, ann) == []
    assert chats_of(records, bob) == [kept]
    assert responses(records) == {"marimba"}


def test_a_sweep_that_was_cut_off_goes_on_after_a_restart(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "server.db"
    with closing(opened(path, clock)) as records:
        people = people_in(records)
        ann = added(people, "ann")
        for at in range(5):
            chat_of(records, ann, f"xylophone {at}")
        take_away_account(records, people, ann)
        steps = sweep(records, keep_seconds=None)
        next(steps)
        assert len(chats_of(records, ann)) == 4
    with closing(opened(path, clock)) as records:
        swept(records)
        assert chats_of(records, ann) == []
    assert not file_says(tmp_path, "xylophone")


def test_chats_that_somebody_else_removes_meanwhile_are_passed_over(records: Records) -> None:
    ann = added(people_in(records), "ann")
    one, two = (chat_of(records, ann, text) for text in ("one", "two"))
    for chat_id in (one, two):
        take_away_chat(records, chat_id)
    steps = sweep(records, keep_seconds=None)
    next(steps)
    records.store.delete_forever(two)
    for _ in steps:
        continue
    assert chats_of(records, ann) == []


def test_responses_go_when_they_are_old_unless_a_newer_one_goes_on_from_them(
    records: Records, clock: Clock
) -> None:
    ann = added(people_in(records), "ann")
    now = clock.now = 100 * DAY
    response_of(records, ann, "old", now - 31 * DAY)
    response_of(records, ann, "old beginning", now - 40 * DAY)
    response_of(records, ann, "old middle", now - 35 * DAY, after="old beginning")
    response_of(records, ann, "young end", now - 2 * DAY, after="old middle")
    response_of(records, ann, "old first", now - 50 * DAY)
    response_of(records, ann, "old second", now - 45 * DAY, after="old first")
    swept(records)
    swept(records, days=30)
    assert responses(records) == {"old beginning", "old middle", "young end"}
    clock.now += 30 * DAY
    swept(records, days=30)
    assert responses(records) == set()


def test_a_running_server_forgets_old_responses_and_completions_but_no_conversation(
    home: Path,
) -> None:
    with serving() as served, openai.OpenAI(base_url=f"{served.url}/v1", api_key="any") as client:
        conversation = client.conversations.create()
        answer = client.responses.create(
            model="echo", input="marimba", conversation=conversation.id
        )
        asked = client.chat.completions.create(
            model="echo", messages=[{"role": "user", "content": "hi"}], store=True
        )
    with file() as records:
        for table in ("server_responses", "server_completions", "server_conversations"):
            records.db.run(f"UPDATE {table} SET created_at = ?", (time.time() - 31 * DAY,))
    with (
        serving(responses_days=0) as served,
        openai.OpenAI(base_url=f"{served.url}/v1", api_key="any") as client,
    ):
        assert client.responses.retrieve(answer.id).output_text == "marimba"
    with serving() as served, openai.OpenAI(base_url=f"{served.url}/v1", api_key="any") as client:
        swept_by(served.url)
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(answer.id)
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.retrieve(asked.id)
        items = client.conversations.items.list(conversation.id).data
        assert len(items) == 2


def swept_by(url: str) -> None:
    """Deleting a chat waits for the sweep before it, which began with the server."""
    asking = Asking(url)
    assert asking.http.delete(f"/chats/{asking.new_chat()}").status_code == 200


@contextmanager
def file() -> Iterator[Records]:
    path = Paths.from_environment(os.environ).server_database
    with closing(open_records(path, clock=time.time, new_id=ulid_factory())) as records:
        yield records


def test_a_deleted_account_is_out_of_the_file_when_its_owner_is_told(home: Path) -> None:
    with serving(by_name=True) as served:
        ann, bob = (Asking.by_name(served.url, name) for name in ("ann", "bob"))
        texts = {ann: "xylophone", bob: "marimba"}
        chats = {one: one.new_chat() for one in texts}
        for one, text in texts.items():
            one.said(chats[one], one.asked(chats[one], text))
        assert ann.http.delete("/account/").status_code == 200
        folder = Paths.from_environment(os.environ).server_database.parent
        assert not file_says(folder, "xylophone")
        assert file_says(folder, "marimba")
        assert len(bob.http.get(f"/chats/{chats[bob]}").json()["messages"]) == 2
        assert get(f"{served.url}/health").status_code == 200
