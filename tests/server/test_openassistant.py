"""The Open-Assistant dialect: its rules, and the defects of its servers that are not copied."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.program import slow_echo
from tests.server.asking import Asking, get
from tests.server.serving import Served, add_user, people, serving


@pytest.fixture
def served(home: Path) -> Iterator[Served]:
    slow_echo(home, words_per_second=20)
    with serving(by_name=True, engine__sequences=1) as running:
        yield running


@pytest.fixture
def ann(served: Served) -> Asking:
    return Asking.by_name(served.url, "ann")


def detail(reply: httpx.Response) -> Any:
    return reply.json()["detail"]


LONG = "one two three four five six seven eight nine ten " * 200
"""Takes until the server is stopped."""


def test_a_chat_takes_its_title_from_the_first_prompt_and_is_listed(ann: Asking) -> None:
    chat_id = ann.new_chat()
    assert ann.said(chat_id, ann.asked(chat_id, "the weight of the moon")) == (
        "the weight of the moon"
    )
    listed = ann.http.get("/chats").json()
    assert listed["next"] is None
    assert listed["chats"][0]["title"] == "the weight of the moon"
    chat = ann.http.get(f"/chats/{chat_id}").json()
    assert [m["role"] for m in chat["messages"]] == ["prompter", "assistant"]
    assert not chat["created_at"].endswith("Z")


def test_regenerating_makes_drafts_and_editing_a_branch(ann: Asking) -> None:
    chat_id = ann.new_chat()
    prompt = ann.prompt(chat_id, "first").json()
    drafts = [ann.answer(chat_id, prompt["id"]).json()["id"] for _ in range(3)]
    assert [ann.said(chat_id, draft) for draft in drafts] == ["first"] * 3
    for text in ("one way", "another way"):
        answer_id = ann.asked(chat_id, text, drafts[1])
        assert ann.said(chat_id, answer_id) == text
    messages = ann.http.get(f"/chats/{chat_id}").json()["messages"]
    assert len([m for m in messages if m["parent_id"] == drafts[1]]) == 2


def test_rules_of_the_tree_are_told(ann: Asking) -> None:
    chat_id = ann.new_chat()
    prompt = ann.prompt(chat_id, "first").json()
    again = ann.prompt(chat_id, "again")
    assert (again.status_code, detail(again)) == (
        400,
        "Trying to add first message to non-empty chat",
    )
    below = ann.prompt(chat_id, "x", prompt["id"])
    assert (below.status_code, detail(below)) == (
        400,
        "Parent message is not an assistant message",
    )
    missing = ann.prompt(chat_id, "x", "nothing")
    assert (missing.status_code, detail(missing)) == (400, "Parent message not found")
    slow = ann.answer(chat_id, prompt["id"], "slow").json()
    waiting = ann.prompt(chat_id, "x", slow["id"])
    assert waiting.status_code in (200, 400)
    answer_of_answer = ann.answer(chat_id, slow["id"])
    assert answer_of_answer.status_code == 400
    unknown = ann.answer(chat_id, prompt["id"], "no such model")
    assert (unknown.status_code, detail(unknown)) == (422, "Model no such model not found")


@pytest.mark.parametrize(
    ("method", "path", "words"),
    [
        ("GET", "/chats/nothing", "Chat not found"),
        ("PUT", "/chats/nothing", "Chat not found"),
        ("DELETE", "/chats/nothing", "Chat not found"),
        ("GET", "/chats/nothing/messages/nothing", "Chat not found"),
        ("GET", "/chats/{chat}/messages/nothing", "Message not found"),
        ("GET", "/chats/{chat}/messages/nothing/events", "Message not found"),
        ("GET", "/no/such/route", "Not Found"),
    ],
)
def test_what_is_not_there_is_404(ann: Asking, method: str, path: str, words: str) -> None:
    chat_id = ann.new_chat()
    body = {"title": "x"} if method == "PUT" else None
    reply = ann.http.request(method, path.replace("{chat}", chat_id), json=body)
    assert (reply.status_code, detail(reply)) == (404, words)


def test_wrong_bodies_are_told_field_by_field(ann: Asking) -> None:
    chat_id = ann.new_chat()
    reply = ann.http.post(f"/chats/{chat_id}/prompter_message", json={"content": None})
    assert reply.status_code == 422
    assert reply.json()["detail"][0]["loc"] == ["body", "content"]
    assert ann.http.post("/chats").status_code == 422
    assert ann.http.put(f"/chats/{chat_id}", json={"title": "x" * 101}).status_code == 422
    prompt = ann.prompt(chat_id, "hi").json()
    odd = ann.answer(chat_id, prompt["id"], sampling_parameters={"temperature": -5})
    assert odd.status_code == 422


def test_every_reader_gets_everything_and_one_that_comes_back_the_rest(
    ann: Asking, served: Served
) -> None:
    bob = Asking.by_name(served.url, "bob")
    busy = bob.new_chat()
    bob.asked(busy, LONG, model="slow")
    chat_id = ann.new_chat()
    answer_id = ann.asked(chat_id, "one two three four five six", model="slow")
    with (
        ann.events(chat_id, answer_id) as whole,
        Asking(served.url, ann.http.headers).events(chat_id, answer_id) as part,
    ):
        heard, seen = [next(whole)], [next(part)]
        assert (heard[0]["event_type"], seen[0]["event_type"]) == ("pending", "pending")
        bob.http.delete(f"/chats/{busy}")
        while len([event for event in seen if event["event_type"] == "token"]) < 2:
            seen.append(next(part))
        heard += whole
    with ann.events(chat_id, answer_id, {"Last-Event-ID": str(seen[-1]["id"])}) as rest:
        seen += rest
    texts = ["".join(e["text"] for e in es if e["event_type"] == "token") for es in (seen, heard)]
    assert texts == ["one two three four five six"] * 2
    assert seen[-1]["message"]["content"] == texts[0]
    assert ann.heard(chat_id, answer_id) == [], "204: it is finished"


def test_places_in_the_queue_are_shown(ann: Asking, served: Served) -> None:
    first, second = ann.new_chat(), ann.new_chat()
    ann.asked(first, LONG, model="slow")
    bob = Asking.by_name(served.url, "bob")
    chat_id = bob.new_chat()
    waiting = bob.asked(chat_id, "hi", model="slow")
    with bob.events(chat_id, waiting) as events:
        event = next(events)
    assert (event["event_type"], event["queue_position"]) == ("pending", 1)
    assert event["queue_size"] == 1
    assert second


def test_a_new_prompt_cancels_what_still_waits_and_its_stream_ends(
    ann: Asking, served: Served
) -> None:
    bob = Asking.by_name(served.url, "bob")
    busy = bob.new_chat()
    bob.asked(busy, LONG, model="slow")
    chat_id = ann.new_chat()
    waits = ann.asked(chat_id, "given up", model="slow")
    other = ann.new_chat()
    ann.asked(other, "wanted", model="slow")
    events = ann.heard(chat_id, waits)
    assert (events[-1]["event_type"], events[-1]["error"]) == ("error", "Cancelled")
    message = ann.message(chat_id, waits)
    assert (message["state"], message["content"]) == ("cancelled", None)


def test_votes_reports_and_evaluations(ann: Asking) -> None:
    chat_id = ann.new_chat()
    prompt = ann.prompt(chat_id, "hi").json()
    one, two = (ann.answer(chat_id, prompt["id"]).json()["id"] for _ in range(2))
    path = f"/chats/{chat_id}/messages/{one}"
    reply = ann.http.post(f"{path}/votes", json={"score": 1})
    assert (reply.status_code, reply.content) == (200, b"")
    assert ann.message(chat_id, one)["score"] == 1
    assert ann.http.post(f"{path}/votes", json={"score": 2}).status_code == 400
    told = ann.http.post(f"{path}/reports", json={"report_type": "spam", "reason": "bad"})
    assert told.status_code == 200
    assert ann.message(chat_id, one)["reports"][0]["reason"] == "bad"
    assert ann.http.post(f"{path}/reports", json={"report_type": "x"}).status_code == 422
    chosen = ann.http.post(f"{path}/message_evals", json={"inferior_message_ids": [two]})
    assert chosen.status_code == 200
    on_prompt = f"/chats/{chat_id}/messages/{prompt['id']}"
    assert ann.http.post(f"{on_prompt}/votes", json={"score": 1}).status_code == 400
    strange = ann.http.post(f"{path}/message_evals", json={"inferior_message_ids": ["x"]})
    assert strange.status_code == 404


def test_pages_go_both_ways(ann: Asking) -> None:
    ids = [ann.new_chat() for _ in range(7)][::-1]
    first = ann.http.get("/chats", params={"limit": 3}).json()
    assert [c["id"] for c in first["chats"]] == ids[:3]
    assert first["prev"] is None
    second = ann.http.get("/chats", params={"limit": 3, "after": first["next"]}).json()
    assert [c["id"] for c in second["chats"]] == ids[3:6]
    back = ann.http.get("/chats", params={"limit": 3, "before": second["prev"]}).json()
    assert [c["id"] for c in back["chats"]] == ids[:3]
    assert (back["prev"], bool(back["next"])) == (None, True)
    last = ann.http.get("/chats", params={"limit": 3, "after": second["next"]}).json()
    assert ([c["id"] for c in last["chats"]], last["next"]) == (ids[6:], None)
    both = ann.http.get("/chats", params={"after": "a", "before": "b"})
    assert (both.status_code, detail(both)) == (400, "Cannot specify both after and before.")
    assert ann.http.get("/chats", params={"after": "é"}).status_code == 400
    assert ann.http.get("/chats", params={"limit": 101}).status_code == 422


def test_chats_are_named_hidden_and_deleted(ann: Asking) -> None:
    chat_id, other = ann.new_chat(), ann.new_chat()
    answer_id = ann.asked(chat_id, "hi")
    ann.heard(chat_id, answer_id)
    reply = ann.http.put(
        f"/chats/{chat_id}",
        json={
            "title": "Moon",
            "hidden": True,
            "allow_data_use": False,
            "active_thread_tail_message_id": answer_id,
        },
    )
    assert (reply.status_code, reply.json()) == (200, None)
    chat = ann.http.get(f"/chats/{chat_id}").json()
    assert (chat["title"], chat["hidden"], chat["allow_data_use"]) == ("Moon", True, False)
    assert chat["active_thread_tail_message_id"] == answer_id
    assert [c["id"] for c in ann.http.get("/chats").json()["chats"]] == [other]
    shown = ann.http.get("/chats", params={"include_hidden": True}).json()["chats"]
    assert shown[1]["active_thread_tail_message_id"] == answer_id
    assert ann.http.put("/chats/hide_all").status_code == 200
    assert ann.http.get("/chats").json()["chats"] == []
    deleted = ann.http.delete(f"/chats/{chat_id}")
    assert (deleted.status_code, deleted.content) == (200, b"")
    assert ann.http.get(f"/chats/{chat_id}").status_code == 404


def test_deleting_a_chat_ends_the_streams_of_its_answers(ann: Asking) -> None:
    chat_id = ann.new_chat()
    answer_id = ann.asked(chat_id, LONG, model="slow")
    other = Asking(str(ann.http.base_url), ann.http.headers)
    with other.events(chat_id, answer_id) as events:
        while next(events)["event_type"] != "token":
            pass
        assert ann.http.delete(f"/chats/{chat_id}").status_code == 200
        assert list(events)[-1]["event_type"] == "error"
    next_chat = ann.new_chat()
    assert ann.said(next_chat, ann.asked(next_chat, "free again", model="slow")) == "free again"


def test_limits_are_told_with_413(home: Path) -> None:
    with serving(by_name=True, message_chars=5, chat_messages=2) as served:
        ann = Asking.by_name(served.url, "ann")
        chat_id = ann.new_chat()
        long = ann.prompt(chat_id, "123456")
        assert (long.status_code, detail(long)) == (413, "Message content exceeds max length")
        answer_id = ann.asked(chat_id, "12345")
        ann.heard(chat_id, answer_id)
        many = ann.prompt(chat_id, "x", answer_id)
        assert many.status_code == 413


def test_a_full_queue_is_503_and_leaves_nothing_behind(home: Path) -> None:
    slow_echo(home, words_per_second=5)
    with serving(by_name=True, engine__sequences=1, queue_size=1, open_jobs=9) as served:
        for name in ("ann", "bob"):
            user = Asking.by_name(served.url, name)
            user.asked(user.new_chat(), LONG, model="slow")
        cora = Asking.by_name(served.url, "cora")
        chat_id = cora.new_chat()
        prompt = cora.prompt(chat_id, "hi").json()
        full = cora.answer(chat_id, prompt["id"], "slow")
        assert (full.status_code, detail(full)) == (
            503,
            "The server is currently busy. Please try again later.",
        )
        assert int(full.headers["retry-after"]) >= 1
        assert len(cora.http.get(f"/chats/{chat_id}").json()["messages"]) == 1


def test_too_many_requests_are_429(home: Path) -> None:
    with serving(requests_per_minute=3) as served:
        replies = [get(f"{served.url}/chats") for _ in range(4)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 429]
    assert "retry-after" in replies[-1].headers


def test_a_trusted_client_speaks_for_its_users_and_for_nobody_else(home: Path) -> None:
    from chatterm.server.keys import Scope

    add_user("ada")
    with people() as known:
        ada = known.users.named("ada")
        assert ada is not None
        _, key = known.keys.add(ada, scopes=[Scope.TRUSTED])
    with serving() as served:

        def header(**changes: str) -> dict[str, str]:
            said = {
                "api_key": key,
                "client": "website",
                "user_id": "1",
                "provider_account_id": "d1",
                "username": "Dora",
                **changes,
            }
            return {"TrustedClient": base64.b64encode(json.dumps(said).encode()).decode()}

        site = Asking(served.url, header())
        first = site.http.post("/chats", json={})
        assert (first.status_code, detail(first)) == (404, "User not found")
        registered = site.http.post("/auth/trusted").json()
        assert registered["display_name"] == "Dora"
        assert site.http.post("/auth/trusted").json() == registered
        chat_id = site.new_chat()
        assert site.said(chat_id, site.asked(chat_id, "hi")) == "hi"
        other = Asking(served.url, header(provider_account_id="d2"))
        other.http.post("/auth/trusted")
        assert other.http.get(f"/chats/{chat_id}").status_code == 404
        wrong = Asking(served.url, header(api_key="ck-wrong"))
        assert (wrong.http.post("/auth/trusted").status_code) == 401
        as_ada = Asking(served.url, header(client="local", provider_account_id="ada"))
        assert as_ada.http.get("/chats").status_code == 404
        garbled = get(f"{served.url}/chats", headers={"TrustedClient": "%%%"})
        assert garbled.status_code == 400


def test_no_address_that_a_user_gives_is_fetched(ann: Asking) -> None:
    reply = ann.http.post("/configs/plugin_config", json={"url": str(ann.http.base_url)})
    assert (reply.status_code, detail(reply)) == (404, "Plugin not found")
    assert ann.http.get("/configs/builtin_plugins").json() == []
    chat_id = ann.new_chat()
    prompt = ann.prompt(chat_id, "hi").json()
    with_plugin = ann.answer(chat_id, prompt["id"], plugins=[{"url": "http://x"}])
    assert with_plugin.status_code == 400
    off = ann.answer(chat_id, prompt["id"], plugins=[{"url": "http://x", "enabled": False}])
    assert off.status_code == 200
