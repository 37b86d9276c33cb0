"""What goes wrong between here and an Open-Assistant server, and how each of it ends.

However it ends, every prompt is stored, what came of an answer is kept, and it can be tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from chatterm.errors import BadReply, Busy, Refused, RemoteError, Unreachable
from chatterm.events import Event, Replaced, TextDelta
from chatterm.messages import State
from chatterm.remote._http import Cut as Broken
from chatterm.session import ChatSession
from chatterm.store import Store
from tests.contract.suite import check_order, text_of
from tests.remote.connections import QUICK
from tests.remote.talking import MODEL, Talk, backend_to, notices, talking
from tests.scripted import drained
from tests.servers.openassistant import (
    COMMENT,
    GENERATIONS,
    PING,
    Abort,
    Become,
    Cut,
    Do,
    End,
    Fault,
    Finish,
    OpenAssistant,
    Raw,
    Say,
    Step,
    Wait,
)
from tests.servers.wire import Connection, Request, WireServer

WORDS = ["One ", "two ", "three ", "🎉."]
TEXT = "".join(WORDS)
INSIDE = b'data: {"event_type": "tok'


@pytest.fixture
async def talk(store: Store, tmp_path: Path) -> AsyncIterator[Talk]:
    async with talking(OpenAssistant(), store, tmp_path) as begun:
        yield begun


@pytest.fixture(params=GENERATIONS)
async def any_talk(
    request: pytest.FixtureRequest, store: Store, tmp_path: Path
) -> AsyncIterator[Talk]:
    async with talking(GENERATIONS[request.param](), store, tmp_path) as begun:
        yield begun


def broken_at(at: int, *breaks: Step) -> list[Step]:
    """The whole answer with something in between."""
    steps: list[Step] = [Wait(), *(Say(word) for word in WORDS), Finish(TEXT)]
    return [*steps[:at], *breaks, *steps[at:]]


def check_whole(talk: Talk, events: list[Event]) -> None:
    """The answer is whole, and nothing of it was shown twice."""
    check_order(events)
    assert text_of(events) == TEXT
    assert not any(isinstance(event, Replaced) for event in events)
    assert (talk.answer.text, talk.answer.state) == (TEXT, State.COMPLETE)


@pytest.mark.parametrize("at", range(len(WORDS) + 2))
@pytest.mark.parametrize(
    "breaks", [Cut(), Cut(INSIDE), Cut(b"d"), End()], ids=["between", "inside", "one byte", "end"]
)
async def test_a_stream_that_breaks_goes_on_where_it_was(
    any_talk: Talk, at: int, breaks: Step
) -> None:
    any_talk.server.next.append(broken_at(at, breaks))
    check_whole(any_talk, await any_talk.say("count"))
    any_talk.check_nothing_is_lost("count")


@pytest.mark.parametrize("breaks", [Cut(), End()])
async def test_an_answer_that_was_finished_meanwhile_is_fetched(
    any_talk: Talk, breaks: Step
) -> None:
    any_talk.server.next.append([Say("One "), Become("complete", TEXT), breaks])
    check_whole(any_talk, await any_talk.say("count"))


async def test_an_event_that_was_lost_in_the_break_is_mended_by_the_final_text(talk: Talk) -> None:
    lost: list[Step] = [
        Say("One "),
        Cut(b'data: {"event_type": "token", "text": "tw'),
        Say("three"),
    ]
    talk.server.next.append([*lost, Finish("One two three")])
    events = await talk.say("count")
    assert [e for e in events if isinstance(e, Replaced)] == [Replaced("One two three")]
    assert talk.answer.text == "One two three"


async def test_a_server_that_restarts_in_the_middle_is_waited_for(any_talk: Talk) -> None:
    server = any_talk.server

    async def restart() -> None:
        await server.stop()
        await asyncio.sleep(0.2)
        await server.start()

    server.next.append(broken_at(3, Do(restart), Wait()))
    server.pause = 0.02
    check_whole(any_talk, await any_talk.say("count"))


async def test_a_server_that_stays_away_fails_the_answer_and_keeps_what_came(talk: Talk) -> None:
    talk.server.next.append([Say("One "), Do(talk.server.stop), Wait()])
    talk.server.pause = 0.02
    error = await talk.fail("count")
    assert isinstance(error, Unreachable)
    assert (talk.answer.text, talk.answer.state) == ("One ", State.FAILED)
    talk.check_nothing_is_lost("count")


@pytest.mark.parametrize("state", ["cancelled", "timeout", "aborted_by_worker"])
@pytest.mark.parametrize("said", [[], [Say("One ")]], ids=["before a token", "after a token"])
async def test_a_stream_that_never_ends_is_looked_behind(
    any_talk: Talk, state: str, said: list[Step]
) -> None:
    any_talk.server.next.append([*said, Become(state)])
    error = await any_talk.fail("count")
    assert isinstance(error, RemoteError)
    assert "regenerate" in error.hint
    assert any_talk.answer.text == "".join(s.text for s in said if isinstance(s, Say))
    assert any_talk.answer.error == error.message
    any_talk.check_nothing_is_lost("count")
    await drained(any_talk.session.regenerate(any_talk.answer.id))
    assert any_talk.answer.text == "count"


@pytest.mark.parametrize("ping", [PING, COMMENT])
async def test_pings_do_not_pass_for_news(talk: Talk, ping: Raw) -> None:
    talk.server.next.append([Say("One "), Become("timeout"), *[ping] * 50])
    talk.server.pause = 0.02
    assert "no worker took the answer in time" in (await talk.fail("count")).message


async def test_a_chat_deleted_under_a_stream_fails_the_answer(any_talk: Talk) -> None:
    server = any_talk.server
    server.next.append([Say("One "), Do(lambda: server.delete(next(iter(server.chats))))])
    error = await any_talk.fail("count")
    assert "does not have this answer any more" in error.message
    assert any_talk.answer.text == "One "
    any_talk.check_nothing_is_lost("count")


async def test_a_flood_without_end_is_ended(store: Store, tmp_path: Path) -> None:
    limits = replace(QUICK, answer=0.3)
    async with talking(OpenAssistant(pause=0.005), store, tmp_path, limits=limits) as talk:
        talk.server.next.append([Say("x")] * 10_000)
        assert "end within" in (await talk.fail("count")).message
        assert set(talk.answer.text) == {"x"}


async def test_silence_that_is_work_is_waited_through(talk: Talk) -> None:
    talk.server.pause = 0.35
    talk.server.next.append([Say("One "), Wait(), Finish("One two")])
    await talk.say("count")
    assert talk.answer.text == "One two"
    checks = [line for line in talk.server.log if line == "GET /chats/*/messages/*"]
    assert checks


async def test_a_model_without_a_worker_is_said_once(talk: Talk) -> None:
    talk.server.workers = False
    talk.server.next.append([*[Wait()] * 20, Say("hi"), Finish("hi")])
    talk.server.pause = 0.03
    told = notices(await talk.say("hello"))
    assert told[0] == "no worker of lab serves this model now; it waits for one"


async def test_a_message_that_the_server_swallowed_is_wondered_about_once(talk: Talk) -> None:
    talk.server.next.append([*[Wait(0, 0)] * 40, Say("hi"), Finish("hi")])
    talk.server.pause = 0.03
    told = notices(await talk.say("hello"))
    assert told == ["lab has not begun yet; if that goes on, stop and regenerate"]


async def test_a_token_that_a_server_repeats_is_not_shown(talk: Talk) -> None:
    await talk.say("one")
    (token,) = {r.headers["authorization"][7:] for r in talk.server.requests if "chats" in r.path}
    words = b'{"detail":"cannot use %s"}' % token.encode()
    talk.server.faults.append(Fault("POST", "prompter_message", 418, words))
    error = await talk.fail("two")
    assert "cannot use ..." in error.message
    assert token not in error.message + error.hint + talk.answer.error


async def test_a_worker_lost_before_the_first_token_is_no_news(talk: Talk) -> None:
    talk.server.next.append([Wait(1, 1), Wait(0, 1), Wait(1, 1), *broken_at(0)])
    check_whole(talk, await talk.say("count"))


async def test_a_worker_lost_after_the_first_token_fails_with_its_words(any_talk: Talk) -> None:
    any_talk.server.next.append([Say("One "), Abort("CUDA out of memory")])
    error = await any_talk.fail("count")
    assert "CUDA out of memory" in error.message
    assert any_talk.answer.text == "One "
    await any_talk.say("and now?")
    assert any_talk.answer.text.endswith("and now?")
    any_talk.check_nothing_is_lost("count", "and now?")


async def test_two_readers_of_one_answer_both_end_with_all_of_it(
    store: Store, tmp_path: Path
) -> None:
    async with talking(OpenAssistant(pause=0.02), store, tmp_path) as talk:
        words = [f"{number} " for number in range(12)]
        talk.server.next.append([*(Say(word) for word in words), Finish("".join(words))])
        other = await backend_to(talk.server, tmp_path)

        async def read_too() -> str:
            while not talk.server.answers():
                await asyncio.sleep(0.005)
            from chatterm.remote.openassistant.following import Following
            from tests.remote.talking import WATCH

            answer = talk.server.answers()[0]
            message = await other.api.message(answer.chat_id, answer.id)
            assert message is not None
            following = Following(other.api, answer.chat_id, message, WATCH)
            return text_of([event async for event in following.events()])

        mine, theirs = await asyncio.gather(talk.say("count"), read_too())
        assert text_of(mine) == theirs == "".join(words)
        streamed = [e.text for e in mine if isinstance(e, TextDelta)]
        assert len(streamed) < len(words), "both readers were given every token"
        await other.aclose()


async def test_a_token_that_expires_is_refreshed_where_the_server_can(
    store: Store, tmp_path: Path
) -> None:
    async with talking(OpenAssistant(refreshes=True), store, tmp_path) as talk:
        await talk.say("one")
        talk.server.expire()
        assert notices(await talk.say("two")) == []
        assert "GET /auth/refresh" in talk.server.log
        assert "GET /auth/callback/debug" not in talk.server.log
        assert talk.texts == ["one", "one", "two", "two"]


async def test_a_refresh_that_is_refused_logs_in_again_without_a_word(any_talk: Talk) -> None:
    await any_talk.say("one")
    any_talk.server.expire()
    assert notices(await any_talk.say("two")) == []
    assert any_talk.texts == ["one", "one", "two", "two"]
    assert len(any_talk.server.prompts()) == 2


async def test_a_token_that_expires_in_mid_answer_does_not_cut_it(any_talk: Talk) -> None:
    any_talk.server.next.append(broken_at(3, Do(any_talk.server.expire), Cut()))
    check_whole(any_talk, await any_talk.say("count"))


async def test_a_login_that_is_over_says_so_and_the_prompt_waits(
    talk: Talk, store: Store, tmp_path: Path
) -> None:
    await talk.say("one")
    talk.server.expire()
    talk.server.debug_allowed = False
    error = await talk.fail("two")
    assert isinstance(error, Refused)
    assert "chatterm login lab" in error.hint
    talk.check_nothing_is_lost("one", "two")
    assert talk.answer.state is State.FAILED

    talk.server.debug_allowed = True
    (tmp_path / "credentials-ann.json").unlink()
    again = await backend_to(talk.server, tmp_path)
    session = ChatSession(store, again, model=MODEL, chat_id=talk.session.chat_id)
    assert notices(await drained(session.regenerate(talk.answer.id))) == []
    assert [m.text for m in session.path()] == ["one", "one", "two", "two"]
    await again.aclose()


async def test_a_token_of_the_wrong_kind_is_replaced(talk: Talk) -> None:
    refused = Fault("POST", "/chats", 400, b'{"detail":"Invalid token type"}')
    talk.server.faults.append(refused)
    await talk.say("one")
    assert talk.answer.text == "one"


@pytest.mark.parametrize("step", ["/chats", "prompter_message", "assistant_message"])
async def test_an_empty_500_fails_the_answer_and_can_be_tried_again(talk: Talk, step: str) -> None:
    talk.server.faults.append(Fault("POST", step, 500))
    error = await talk.fail("hello")
    assert isinstance(error, RemoteError)
    assert error.hint
    talk.check_nothing_is_lost("hello")
    await drained(talk.session.regenerate(talk.answer.id))
    assert talk.answer.text == "hello"
    assert [p.content for p in talk.server.prompts()] == ["hello"]


async def test_a_full_queue_is_waited_for_and_then_told(talk: Talk) -> None:
    full = b'{"detail":"The server is currently busy. Please try again later."}'
    talk.server.faults += [Fault("POST", "assistant_message", 503, full)] * 2
    assert len(notices(await talk.say("hello"))) == 2
    talk.server.faults += [Fault("POST", "assistant_message", 503, full)] * 3
    error = await talk.fail("more")
    assert isinstance(error, Busy)
    talk.check_nothing_is_lost("hello", "more")


async def test_a_limit_said_in_words_is_kept_to(talk: Talk) -> None:
    words = b'{"detail":"Too Many Requests. Retry After 0 seconds."}'
    talk.server.faults.append(Fault("POST", "assistant_message", 429, words))
    await talk.say("hello")
    assert talk.answer.text == "hello"
    words = b'{"detail":"Too Many Requests. Retry After 500 seconds."}'
    talk.server.faults.append(Fault("POST", "assistant_message", 429, words))
    error = await talk.fail("more")
    assert isinstance(error, Busy)
    assert error.hint == "try again in 500 s"


async def test_a_limit_that_the_server_words_as_a_crash_is_explained(talk: Talk) -> None:
    crash = Fault("POST", "assistant_message", 500, b"Internal Server Error", "text/plain")
    talk.server.faults.append(crash)
    error = await talk.fail("hello")
    assert "many answers" in error.message
    assert "regenerate" in error.hint


async def test_a_chat_deleted_elsewhere_is_begun_anew_with_what_was_said(any_talk: Talk) -> None:
    await any_talk.say("one")
    any_talk.server.delete(next(iter(any_talk.server.chats)))
    told = notices(await any_talk.say("two"))
    assert "begins a new chat" in told[0]
    assert any_talk.texts[:3] == ["one", "one", "two"]
    sent = any_talk.server.prompts()[0].content
    assert sent is not None
    assert "User: one" in sent
    assert notices(await any_talk.say("three")) == []
    assert len(any_talk.server.chats) == 1


async def test_regenerating_in_a_chat_deleted_elsewhere_begins_it_anew(talk: Talk) -> None:
    await talk.say("one")
    talk.server.delete(next(iter(talk.server.chats)))
    told = notices(await drained(talk.session.regenerate(talk.answer.id)))
    assert "begins a new chat" in told[0]
    assert talk.texts == ["one", "one"]


@pytest.mark.parametrize("step", ["prompter_message", "assistant_message", "/messages"])
@pytest.mark.parametrize("turn", [1, 2])
async def test_a_reply_that_was_lost_creates_nothing_twice(
    store: Store, tmp_path: Path, step: str, turn: int
) -> None:
    server = GENERATIONS["G4" if step == "/messages" else "G5"]()
    async with talking(server, store, tmp_path) as talk:
        prompts = ["one", "two"][:turn]
        for prompt in prompts[:-1]:
            await talk.say(prompt)
        server.faults.append(Fault("POST", step, is_done=True))
        await talk.say(prompts[-1])
        assert talk.texts == [text for prompt in prompts for text in (prompt, prompt)]
        assert [p.content for p in server.prompts()] == prompts
        assert len(server.answers()) == turn


@pytest.mark.parametrize("step", ["prompter_message", "assistant_message", "/messages"])
async def test_a_request_that_never_arrived_can_be_tried_again(
    store: Store, tmp_path: Path, step: str
) -> None:
    server = GENERATIONS["G4" if step == "/messages" else "G5"]()
    async with talking(server, store, tmp_path) as talk:
        server.faults += [Fault("POST", step)] * 2
        error = await talk.fail("hello")
        assert isinstance(error, Broken)
        assert "your text is kept" in error.hint
        server.faults.clear()
        await drained(talk.session.regenerate(talk.answer.id))
        assert talk.answer.text == "hello"
        assert [p.content for p in server.prompts()] == ["hello"]


async def drip(_: Request, connection: Connection) -> None:
    await connection.raw(b"HTTP/1.1 200 OK\r\n")
    while True:
        await connection.raw(b"x: y\r\n")
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("path_end", ["prompter_message", "events"])
async def test_headers_that_drip_do_not_hold_an_answer_for_ever(
    store: Store, tmp_path: Path, path_end: str
) -> None:
    limits = replace(QUICK, reply=0.3, first=0.3)
    async with talking(OpenAssistant(), store, tmp_path, limits=limits) as talk:
        plain = talk.server.handle

        async def handle(request: Request, connection: Connection) -> None:
            if request.path.endswith(path_end):
                await drip(request, connection)
            else:
                await plain(request, connection)

        talk.server.next.append([Wait()] * 100)
        talk.server.handle = handle
        error = await talk.fail("hello")
        assert isinstance(error, RemoteError)
        talk.check_nothing_is_lost("hello")


async def test_a_page_in_place_of_events_is_told(talk: Talk) -> None:
    talk.server.faults += [Fault("GET", "/events", 200, b"<html>proxy</html>", "text/html")]
    error = await talk.fail("hello")
    assert isinstance(error, BadReply)
    assert "text/html" in error.message


async def test_a_page_in_place_of_events_is_no_matter_when_the_answer_is_there(talk: Talk) -> None:
    talk.server.faults += [Fault("GET", "/events", 502, b"<html>", "text/html")]
    await talk.say("hello")
    assert talk.answer.text == "hello"


@pytest.mark.parametrize("step", [("POST", "prompter_message"), ("GET", "/events")])
async def test_a_redirect_to_another_host_ends_it_and_tells_that_host_nothing(
    talk: Talk, step: tuple[str, str]
) -> None:
    async def listen(_: Request, connection: Connection) -> None:
        await connection.reply(200, b"{}", [("content-length", "2")])

    async with WireServer(listen) as elsewhere:
        there = ("location", f"{elsewhere.url}/steal")
        talk.server.faults.append(Fault(*step, 307, headers=(there,)))
        error = await talk.fail("hello")
        assert "redirects to another host" in error.message
        assert elsewhere.requests == []
    talk.check_nothing_is_lost("hello")


async def test_an_event_that_is_no_json_ends_it_unless_the_answer_is_there(talk: Talk) -> None:
    talk.server.next.append([Say("One "), Raw(b"data: {oops\r\n\r\n"), Wait()])
    error = await talk.fail("count")
    assert isinstance(error, BadReply)
    talk.server.next.append(
        [Say("One "), Become("complete", TEXT), Raw(b"data: {oops\r\n\r\n"), Wait()]
    )
    await drained(talk.session.regenerate(talk.answer.id))
    assert talk.answer.text == TEXT


async def test_stopping_lets_go_of_the_connection(talk: Talk) -> None:
    talk.server.next.append([Say("One "), *[Wait()] * 1000])
    talk.server.pause = 0.02
    events = talk.session.send("count")
    async for event in events:
        if isinstance(event, TextDelta):
            break
    async with asyncio.timeout(5):
        await events.aclose()
        await talk.server.idle.wait()
    assert talk.server.closed_by_client == 1
    assert talk.answer.state is State.STOPPED
