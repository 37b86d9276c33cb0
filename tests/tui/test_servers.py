"""Chats that lie on a server, in the full-screen program: listed, read, changed, kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import pytest

from chatterm.catalog import RemoteEntry
from chatterm.config import Config, NetworkOptions
from chatterm.messages import Role, State
from chatterm.remote.auth import Credentials, CredentialStore
from chatterm.remote.openassistant.api import Api
from chatterm.remote.openassistant.backend import OpenAssistantBackend
from chatterm.session import ChatSession
from chatterm.store import Store
from chatterm.tui.screens.asking import Asking
from chatterm.tui.widgets.chatlist import ChatList
from chatterm.tui.widgets.rows import Row, Rows
from tests.remote.talking import MODEL, backend_to
from tests.scripted import drained
from tests.servers.openassistant import (
    GENERATIONS,
    Abort,
    Fault,
    Finish,
    OpenAssistant,
    Plugin,
    Say,
    Wait,
)
from tests.tui.driving import Program, a_store, program

NETWORK = NetworkOptions(connect_seconds=2, reply_seconds=2, first_seconds=5, idle_seconds=2)


@pytest.fixture
async def server() -> AsyncIterator[OpenAssistant]:
    async with OpenAssistant() as started:
        yield started


@asynccontextmanager
async def logged_in(
    server: OpenAssistant, store: Store, home: Path, *, user: str = "ann", offline: bool = False
) -> AsyncIterator[Program]:
    """The program of somebody who is logged in to the server."""
    keep_login(server, home, user)
    config = Config(model=MODEL, network=NETWORK, offline=offline)
    remotes = {"lab": RemoteEntry("lab", "openassistant", server.url)}
    async with program(store, home, config=config, remotes=remotes) as run:
        yield run


def keep_login(server: OpenAssistant, home: Path, user: str, provider: str = "debug") -> None:
    token = server._token(user, "bearer")["access_token"]
    home.joinpath("data").mkdir(parents=True, exist_ok=True)
    CredentialStore(home / "data" / "credentials.json").put(
        "lab", Credentials(server.url, token, user=user, provider=provider)
    )


@asynccontextmanager
async def another_machine(server: OpenAssistant, tmp_path: Path) -> AsyncIterator[ChatSession]:
    """The same user elsewhere, in a chat of two turns whose second has two answers."""
    backend: OpenAssistantBackend = await backend_to(server, tmp_path)
    with a_store(tmp_path / "elsewhere.db") as store:
        session = ChatSession(store, backend, model=MODEL)
        try:
            yield session
        finally:
            await backend.aclose()


async def branching(session: ChatSession) -> Api:
    await drained(session.send("first words"))
    await drained(session.send("second"))
    assert session.answer_id is not None
    await drained(session.regenerate(session.answer_id))
    assert isinstance(session.backend, OpenAssistantBackend)
    return session.backend.api


def rows(run: Program) -> list[Row]:
    return [row for row in run.screen.query_one(ChatList).query_one(Rows).rows if row.key]


async def test_chats_of_a_server_stand_in_the_list_and_are_kept_with_their_trees(
    server: OpenAssistant, store: Store, home: Path, tmp_path: Path
) -> None:
    async with another_machine(server, tmp_path) as session:
        await branching(session)
    before = server.log
    async with logged_in(server, store, home) as run:
        asked = server.log[len(before) :]
        assert "GET /chats" not in asked, "nothing is asked before the list is wanted"
        await run.press("ctrl+b")
        await run.until(lambda: len(store.chats()) == 1 and len(rows(run)) == 1)
        await run.until(lambda: rows(run)[0].right.startswith("lab"))
        assert (rows(run)[0].title, rows(run)[0].dim) == ("first words", False)
        await run.press("enter")
        assert run.texts() == ["first words", "first words", "second", "second"]
        assert "on lab" in run.text_of("TitleBar")
        await run.press("escape", "tab")
        newest = run.path()[-1].id
        await run.press("left")
        assert run.path()[-1].id != newest
        await run.until(lambda: next(iter(server.chats.values())).tail == server.answers()[1].id)


async def test_without_a_network_there_is_what_was_kept_and_nothing_is_asked(
    server: OpenAssistant, store: Store, home: Path, tmp_path: Path
) -> None:
    async with another_machine(server, tmp_path) as session:
        await branching(session)
    async with logged_in(server, store, home) as run:
        await run.press("ctrl+b")
        await run.until(lambda: len(store.chats()) == 1)
    asked = len(server.requests)
    async with logged_in(server, store, home, offline=True) as run:
        await run.press("ctrl+b")
        assert [row.right.split()[0] for row in rows(run)] == ["lab"]
        await run.press("enter")
        assert run.texts()[-1] == "second"
        assert len(server.requests) == asked
    await server.stop()
    async with logged_in(server, store, home) as run:
        await run.press("ctrl+b")
        shown = run.screen.query_one(ChatList).query_one(Rows)
        await run.until(lambda: any("lab" in row.title for row in shown.rows if not row.key))
        await run.press("enter")
        assert run.texts()[-1] == "second"


async def test_a_chat_that_is_only_listed_is_fetched_when_it_is_opened(
    server: OpenAssistant, store: Store, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatterm.tui.servers.KEPT_AT_ONCE", 0)
    async with another_machine(server, tmp_path) as session:
        await branching(session)
    async with logged_in(server, store, home) as run:
        await run.press("ctrl+b")
        await run.until(lambda: len(rows(run)) == 1)
        assert rows(run)[0].dim
        assert store.chats() == []
        await run.type("words")
        await run.until(lambda: len(rows(run)) == 1 and rows(run)[0].dim)
        await run.press("enter")
        await run.until(lambda: run.texts()[:1] == ["first words"])
        assert len(store.chats()) == 1


async def test_what_another_client_added_comes_when_the_chat_is_opened(
    server: OpenAssistant, store: Store, home: Path, tmp_path: Path
) -> None:
    async with another_machine(server, tmp_path) as session:
        await branching(session)
        async with logged_in(server, store, home) as run:
            await run.press("ctrl+b")
            await run.until(lambda: len(store.chats()) == 1)
            await drained(session.send("third"))
            await run.press("enter")
            await run.until(lambda: run.texts()[-2:] == ["third", "third"])
            assert "2 new messages from lab" in run.status
            await run.press("escape")
            await run.say("fourth")
            assert run.texts()[-1] == "fourth"
    assert len(server.chats) == 1
    assert server.prompts()[-1].parent_id == server.answers()[-2].id


async def test_going_on_renaming_putting_away_and_back_are_known_there(
    server: OpenAssistant, store: Store, home: Path
) -> None:
    async with logged_in(server, store, home) as run:
        await run.say("hello")
        (chat,) = server.chats.values()
        await run.type("/title Better name")
        await run.press("enter")
        await run.until(lambda: chat.title == "Better name")
        await run.press("ctrl+b", "ctrl+x")
        await run.until(lambda: chat.hidden)
        await run.press("ctrl+z")
        await run.until(lambda: not chat.hidden)
        await run.press("ctrl+z")
        await run.until(lambda: chat.title == "hello")


async def test_votes_reports_and_preferences_reach_the_server(
    server: OpenAssistant, store: Store, home: Path
) -> None:
    async with logged_in(server, store, home) as run:
        await run.say("hello")
        await run.press("tab", "r")
        await run.answered()
        first, second = server.answers()
        await run.press("G", "plus")
        await run.until(lambda: second.score == 1)
        assert "▲" in "\n".join(run.lines())
        await run.press("plus")
        await run.until(lambda: second.score == 0)
        await run.press("minus")
        await run.until(lambda: second.score == -1)
        assert list(store.votes(run.talk.chat_id or "").values()) == [-1]
        await run.screen.run_action("screen.prefer")
        await run.until(lambda: any("message_evals" in line for line in server.log))
        assert server.sent("/message_evals")[-1] == {"inferior_message_ids": [first.id]}
        await run.screen.run_action("screen.report")
        await run.pilot.pause()
        await run.press("enter")
        await run.type("wrong")
        await run.press("enter")
        await run.until(lambda: bool(second.reports))
        assert (second.reports[0]["report_type"], second.reports[0]["reason"]) == (
            "feedback",
            "wrong",
        )


async def test_deleting_there_is_asked_for_and_what_is_here_stays(
    server: OpenAssistant, store: Store, home: Path
) -> None:
    async with logged_in(server, store, home) as run:
        await run.say("hello")
        await run.screen.run_action("screen.delete_there")
        await run.pilot.pause()
        assert isinstance(run.app.screen, Asking)
        await run.type("no")
        await run.press("enter")
        assert len(server.chats) == 1
        await run.screen.run_action("screen.delete_there")
        await run.pilot.pause()
        await run.type("yes")
        await run.press("enter")
        await run.until(lambda: not server.chats)
        assert run.texts() == ["hello", "hello"]


async def test_what_an_old_server_cannot_do_is_said(store: Store, home: Path) -> None:
    async with GENERATIONS["G3"]() as server, logged_in(server, store, home) as run:
        await run.say("hello")
        await run.type("/title Better name")
        await run.press("enter")
        await run.until(lambda: bool(run.app._notifications))
        said = next(iter(run.app._notifications)).message
        assert "the new title is here alone: lab is too old to change chats" in said
        await run.press("tab", "r")
        await run.answered()
        assert "begins a new chat for this" in run.text_of("Banner")
        assert len(server.chats) == 2


async def test_the_place_in_the_queue_and_a_plugins_steps_are_shown(
    server: OpenAssistant, store: Store, home: Path
) -> None:
    server.pause = 0.05
    plugin = Plugin("search", "weather", "it rains")
    server.next.append([Wait(2, 3), *[Wait(2, 3)] * 20, plugin, *[Say("x")] * 20, Finish("x" * 20)])
    async with logged_in(server, store, home) as run:
        await run.type("hello")
        await run.press("enter")
        await run.until(lambda: "waiting: 2 of 3" in run.status)
        await run.until(lambda: "search(weather)" in run.text_of("Banner"))
        await run.answered()
        assert run.texts()[-1] == "x" * 20


async def test_a_login_that_is_over_gives_the_text_back_and_says_what_to_type(
    server: OpenAssistant, store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.debug_allowed = False
    async with logged_in(server, store, home) as run:
        server.expire()
        await run.say("do not lose me")
        assert run.path()[-1].state is State.FAILED
        shown = " ".join("\n".join(run.lines()).replace("▌", " ").split())
        assert "does not let you in any more: Token expired" in shown
        assert "chatterm login lab" in shown
        assert "/log-in" in shown
        assert run.composer.text == "do not lose me"

        def log_in(name: str) -> int:
            assert name == "lab"
            keep_login(server, home, "ann")
            return 0

        monkeypatch.setattr("chatterm.tui.logging_in.run_login", log_in)
        models = home / "config" / "models.toml"
        models.parent.mkdir(parents=True, exist_ok=True)
        models.write_text(f'[remotes.lab]\nkind = "openassistant"\nurl = "{server.url}"\n')
        monkeypatch.setattr(type(run.app), "suspend", _nothing)
        await run.screen.run_action("screen.log_in")
        await run.until(lambda: "logged in" in run.status)
        await run.press("enter")
        await run.answered()
        assert run.texts() == ["do not lose me", "do not lose me"]
        assert run.composer.text == ""
        prompts = [m for m in store.tree(run.talk.chat_id or "") if m.role is Role.USER]
        assert len(prompts) == 1


def _nothing(_: object) -> object:
    return nullcontext()


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", "/prompter_message", 500),
        Fault("POST", "/assistant_message", 503, b'{"detail":"busy"}'),
        Fault("POST", "/prompter_message", 413, b'{"detail":"too long"}'),
    ],
)
async def test_a_prompt_that_got_no_word_is_in_the_composer_again_and_enter_tries_again(
    server: OpenAssistant, store: Store, home: Path, fault: Fault
) -> None:
    server.faults += [fault] * 3
    async with logged_in(server, store, home) as run:
        await run.say("precious")
        assert run.path()[-1].error
        assert run.composer.text == "precious"
        assert "tries again" in " ".join(run.text_of("Banner").split())
        server.faults.clear()
        await run.press("enter")
        await run.answered()
        assert run.texts() == ["precious", "precious"]
        assert len(store.siblings(run.path()[0].id)) == 1


async def test_who_types_on_does_not_add_to_the_prompt_that_came_back(
    server: OpenAssistant, store: Store, home: Path
) -> None:
    server.faults.append(Fault("POST", "/prompter_message", 500))
    async with logged_in(server, store, home) as run:
        await run.say("first")
        assert run.composer.text == "first"
        await run.say("other")
        assert run.texts() == ["other", "other"]


async def test_what_came_before_a_worker_was_lost_stays_under_a_card(
    server: OpenAssistant, store: Store, home: Path
) -> None:
    server.next.append([Say("half an"), Abort("CUDA out of memory")])
    async with logged_in(server, store, home) as run:
        await run.say("hello")
        assert run.texts()[-1] == "half an"
        assert "CUDA out of memory" in "\n".join(run.lines())
        assert run.composer.text == ""
        await run.press("tab", "r")
        await run.answered()
        assert run.texts() == ["hello", "hello"]


async def test_a_chat_being_answered_is_left_alone_by_what_looks_at_the_server(
    server: OpenAssistant, store: Store, home: Path
) -> None:
    server.pause = 0.15
    async with logged_in(server, store, home) as run:
        await run.type("a b c d e f g h i j k l m n o p")
        await run.press("enter")
        await run.until(lambda: bool(run.talk.writing and run.talk.writing.tokens))
        await run.press("ctrl+b")
        await run.until(lambda: "GET /chats" in server.log)
        await run.press("escape")
        await run.answered()
        assert len(store.tree(run.talk.chat_id or "")) == 2
        assert run.screen.servers.problems == {}
