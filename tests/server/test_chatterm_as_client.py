"""This program talking to its own server: logged in, asked, branched, judged, taken in."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from chatterm.backend import open_backend
from chatterm.catalog import load_catalog
from chatterm.config_reading import load_config
from chatterm.events import Notice
from chatterm.ids import ulid_factory
from chatterm.messages import Role, State
from chatterm.paths import Paths
from chatterm.session import ChatSession
from chatterm.store import Store
from tests.cli.program import Ran, chatterm, opened_store, slow_echo
from tests.scripted import drained
from tests.server.asking import get, post, request
from tests.server.serving import Served, add_user, people, serving


def logged_in(served: Served, *args: str, stdin: str = "") -> Ran:
    ran = chatterm("login", served.url, "--as", "lab", *args, stdin=stdin)
    assert ran.code == 0, ran.err
    return ran


def backend(model: str) -> Any:
    """What answers with that model, as this home has it."""
    paths = Paths.from_environment(os.environ)
    return open_backend(
        model,
        config=load_config(paths, os.environ),
        catalog=load_catalog(paths.user_models_file),
        paths=paths,
    )


def got(served: Served, path: str) -> Any:
    return get(served.url + path).raise_for_status().json()


def test_it_knows_its_own_server_and_asks_nothing_on_this_machine() -> None:
    with serving() as served:
        ran = logged_in(served)
        assert "is a server of chatterm, by its /openapi.json" in ran.err
        assert chatterm("ask", "-m", "lab/echo", "hello there").out == "hello there\n"
        listed = chatterm("remotes", "list", "--json").json[0]
        assert (listed["kind"], listed["state"]) == ("openassistant", "ready")
        assert "lab/guide" in [model["name"] for model in listed["models"]]


def test_the_guide_answers_through_it() -> None:
    with serving(engine__keep_alive=30.0) as served:
        logged_in(served)
        ran = chatterm("ask", "-m", "lab/guide", "how do I quit?")
        assert ran.code == 0, ran.err
        assert "Ctrl+C" in ran.out


async def test_regenerating_and_editing_are_siblings_there_too() -> None:
    with serving() as served:
        logged_in(served)
        with opened_store() as store:
            asked = backend("lab/echo")
            session = ChatSession(store, asked, model="lab/echo")
            told = await drained(session.send("first"))
            first = session.answer_id
            assert first is not None
            told += await drained(session.regenerate(first))
            told += await drained(session.send("second"))
            assert session.chat_id is not None
            second = next(m for m in store.path(session.chat_id) if m.text == "second")
            told += await drained(session.edit(second.id, "third"))
            await asked.aclose()
            assert not [event for event in told if isinstance(event, Notice)]
            assert store.message(session.answer_id or "").text == "third"
        chats = got(served, "/chats")["chats"]
        assert len(chats) == 1, "nothing needed a chat of its own"
        messages = got(served, f"/chats/{chats[0]['id']}")["messages"]
        prompts = [m["content"] for m in messages if m["role"] == "prompter"]
        assert prompts == ["first", "second", "third"]
        assert len([m for m in messages if m["role"] == "assistant"]) == 4


def test_chats_are_named_hidden_judged_reported_deleted_and_taken_in(home: Path) -> None:
    with serving() as served:
        logged_in(served)
        chatterm("ask", "-m", "lab/echo", "the moon")
        chat = get(f"{served.url}/chats").json()["chats"][0]
        with opened_store() as store:
            local = store.chats()[0]
            answer = store.path(local.id)[-1]
        assert answer.role is Role.ASSISTANT
        for args in (
            ("remotes", "vote", "lab", answer.id, "up"),
            ("remotes", "report", "lab", answer.id, "It is wrong."),
            ("remotes", "change", "lab", chat["id"], "--title", "Moon", "--hide"),
        ):
            ran = chatterm(*args)
            assert ran.code == 0, (args, ran.err)
        there = get(f"{served.url}/chats/{chat['id']}").json()
        assert (there["title"], there["hidden"]) == ("Moon", True)
        assert there["messages"][-1]["score"] == 1
        assert there["messages"][-1]["reports"][0]["reason"] == "It is wrong."
        request("PUT", f"{served.url}/chats/{chat['id']}", json={"hidden": False})
        (home / "data" / "chatterm.db").unlink()
        assert chatterm("remotes", "sync", "lab").code == 0
        with opened_store() as store:
            taken = store.chats()[0]
            assert taken.title == "Moon"
            assert [m.text for m in store.path(taken.id)] == ["the moon", "the moon"]
        ran = chatterm("remotes", "change", "lab", chat["id"], "--delete")
        assert ran.code == 0, ran.err
        assert get(f"{served.url}/chats/{chat['id']}").status_code == 404


def test_a_password_is_asked_for_and_the_login_ends_with_logout(home: Path) -> None:
    add_user("ada", "correct horse")
    with serving() as served:
        without = chatterm("login", served.url, "--user", "ada")
        assert without.code == 2, "nobody is at the terminal"
        login = post(
            f"{served.url}/auth/login", json={"username": "ada", "password": "correct horse"}
        )
        logged_in(served, "--key-stdin", stdin=login.text)
        assert chatterm("ask", "-m", "lab/echo", "hi").out == "hi\n"
        assert chatterm("logout", "lab").code == 0
        token = login.json()["access_token"]["access_token"]
        reply = get(f"{served.url}/auth/check", headers={"Authorization": f"Bearer {token}"})
        assert reply.status_code == 401


def test_a_key_of_the_server_opens_it(home: Path) -> None:
    key = add_user("ada")
    with serving() as served:
        logged_in(served, "--key-stdin", stdin=key)
        assert chatterm("ask", "-m", "lab/echo", "hi").out == "hi\n"


def test_an_expired_login_is_refreshed_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    add_user("ada", "correct horse")
    with serving() as served:
        login = post(
            f"{served.url}/auth/login", json={"username": "ada", "password": "correct horse"}
        )
        logged_in(served, "--key-stdin", stdin=login.text)
        with people() as known:
            known.logins._db.run("UPDATE server_tokens SET expires_at = 0 WHERE kind = 'access'")
        for text in ("once", "twice"):
            assert chatterm("ask", "-m", "lab/echo", text).out == f"{text}\n"
        with people() as known:
            known.logins._db.run("UPDATE server_tokens SET expires_at = 0 WHERE kind = 'access'")
        assert chatterm("ask", "-m", "lab/echo", "thrice").out == "thrice\n"


async def test_an_answer_is_followed_over_a_cut_without_saying_anything_twice(
    home: Path,
) -> None:
    slow_echo(home, words_per_second=20)
    with serving() as served:
        logged_in(served)
        # The new entry of the remote stands beside the slow model now.
        with Store.open(None, clock=time.time, new_id=ulid_factory()) as store:
            asked = backend("lab/slow")
            session = ChatSession(store, asked, model="lab/slow")
            words = " ".join(str(number) for number in range(20))
            seen = 0
            async for _ in session.send(words):
                seen += 1
                if seen == 6:
                    served.server.jobs.listeners.append(lambda job: None)
                    for connection in list(
                        asked.api.access.http._made._transport._pool.connections
                    ):
                        await connection.aclose()
            answer = store.message(session.answer_id or "")
            await asked.aclose()
    assert (answer.state, answer.text) == (State.COMPLETE, words)
