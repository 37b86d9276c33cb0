"""Talking with Open-Assistant servers of every generation: turns, branches, names, judgements."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chatterm.attachments.content import Content
from chatterm.errors import ModelError, Refused
from chatterm.events import Done, Linked, Notice, Queued, Replaced, TextDelta
from chatterm.messages import State
from chatterm.params import Params
from chatterm.remote.auth import CredentialStore
from chatterm.remote.detect import Prober
from chatterm.remote.openassistant.access import Access, tokens_of
from chatterm.remote.openassistant.signals import Failed, Final, Pending, Token, signal_of
from chatterm.session import ChatSession
from chatterm.store import Store
from tests.remote.connections import http_to
from tests.remote.talking import MODEL, Talk, backend_to, notices, talking
from tests.scripted import drained
from tests.servers.openassistant import (
    GENERATIONS,
    Become,
    Finish,
    OpenAssistant,
    Plugin,
    Raw,
    Say,
    Wait,
)


@pytest.fixture(params=GENERATIONS)
async def talk(request: pytest.FixtureRequest, store: Store, tmp_path: Path) -> AsyncIterator[Talk]:
    """A chat with a server of each generation."""
    async with talking(GENERATIONS[request.param](), store, tmp_path) as begun:
        yield begun


@pytest.fixture
async def last(store: Store, tmp_path: Path) -> AsyncIterator[Talk]:
    """A chat with a server of the last generation."""
    async with talking(OpenAssistant(), store, tmp_path) as begun:
        yield begun


async def test_twenty_turns_are_one_chat_on_the_server(talk: Talk) -> None:
    prompts = [f"turn {number}, äöü 漢字 🎉" for number in range(20)]
    for prompt in prompts:
        events = await talk.say(prompt)
        assert isinstance(events[-1], Done)
        assert notices(events) == []
    assert talk.texts == [text for prompt in prompts for text in (prompt, prompt)]
    assert len(talk.server.chats) == 1
    assert len(talk.server.messages) == 40
    talk.check_nothing_is_lost(*prompts)


async def test_twenty_turns_with_branches_are_kept_whole_and_walked(talk: Talk) -> None:
    """Every second turn is answered again, every fifth prompt edited; all is walked."""
    for number in range(20):
        prompt = f"turn {number}"
        await talk.say(prompt)
        if number % 2:
            await drained(talk.session.regenerate(talk.answer.id))
        if number % 5 == 4:
            await drained(talk.session.edit(talk.session.path()[-2].id, f"edited {number}"))
    assert talk.session.chat_id is not None
    tree = talk.store.tree(talk.session.chat_id)
    assert all(message.state is State.COMPLETE for message in tree)
    assert len([m for m in tree if m.role.value == "user"]) == 24
    assert len([m for m in tree if m.role.value == "assistant"]) == 34
    path = talk.session.path()
    assert len(path) == 40
    for message in tree:
        talk.session.select(message.id)
        assert message.id in {shown.id for shown in talk.session.path()}
    links = talk.store.links("lab", [message.id for message in tree])
    assert set(links) == {message.id for message in tree}
    if talk.server.split:
        assert len(talk.server.chats) == 1


async def test_turns_share_one_connection(talk: Talk) -> None:
    for turn in range(3):
        await talk.say(f"turn {turn}")
    assert talk.server.connections == 1


async def test_a_turn_takes_no_request_too_many(last: Talk) -> None:
    await last.say("one")
    last.server.requests.clear()
    await last.say("two")
    assert last.server.log == [
        "POST /chats/*/prompter_message",
        "POST /chats/*/assistant_message",
        "GET /chats/*/messages/*/events",
    ]


async def test_regenerating_is_a_sibling_where_the_server_can(last: Talk) -> None:
    await last.say("hello")
    events = await drained(last.session.regenerate(last.answer.id))
    assert notices(events) == []
    assert [p.content for p in last.server.prompts()] == ["hello"]
    assert len({a.parent_id for a in last.server.answers()}) == 1
    assert len(last.server.answers()) == 2
    assert last.answer.text == "hello"


@pytest.mark.parametrize("generation", ["G4", "G3", "G2"])
async def test_regenerating_is_said_to_send_again_where_the_server_cannot(
    generation: str, store: Store, tmp_path: Path
) -> None:
    async with talking(GENERATIONS[generation](), store, tmp_path) as talk:
        await talk.say("one")
        await talk.say("two")
        second = talk.answer
        events = await drained(talk.session.regenerate(second.id))
        assert notices(events) == ["lab cannot answer a prompt again, so it was sent once more"]
        assert talk.texts == ["one", "one", "two", "two"]
        assert len(talk.server.chats) == 1
        talk.session.select(second.id)
        assert notices(await talk.say("three")) == []


async def test_editing_a_prompt_is_a_sibling(talk: Talk) -> None:
    await talk.say("one")
    await talk.say("two")
    second = talk.session.path()[2]
    assert notices(await drained(talk.session.edit(second.id, "other"))) == []
    assert talk.texts == ["one", "one", "other", "other"]
    parents = [p.parent_id for p in talk.server.prompts()]
    assert parents[1] == parents[2]
    assert len(talk.server.chats) == 1


async def test_editing_the_first_prompt_begins_a_new_chat_and_says_so(talk: Talk) -> None:
    await talk.say("one")
    first = talk.session.path()[0]
    events = await drained(talk.session.edit(first.id, "other"))
    assert "begins a new chat" in notices(events)[0]
    assert talk.texts == ["other", "other"]
    assert len(talk.server.chats) == 2
    assert notices(await talk.say("more")) == []
    assert len(talk.server.chats) == 2


async def test_answers_of_another_model_are_taken_along_as_words(last: Talk) -> None:
    await last.say("one")
    edited = last.session.edit(last.answer.id, "what another said")
    await drained(edited)
    events = await last.say("two")
    assert "begins a new chat" in notices(events)[0]
    sent = last.server.prompts()[-1].content
    assert sent is not None
    for words in ("User: one", "Assistant: what another said", "two"):
        assert words in sent
    assert notices(await last.say("three")) == []


async def test_a_system_prompt_goes_where_the_server_takes_it(store: Store, tmp_path: Path) -> None:
    async with talking(OpenAssistant(), store, tmp_path, system="Be brief.") as talk:
        assert notices(await talk.say("hello")) == []
        assert talk.server.sent("assistant_message")[0]["system_prompt"] == "Be brief."
        assert talk.server.prompts()[0].content == "hello"


async def test_a_system_prompt_an_old_server_cannot_take_stands_before_the_first_message(
    store: Store, tmp_path: Path
) -> None:
    async with talking(GENERATIONS["G3"](), store, tmp_path, system="Be brief.") as talk:
        assert "takes no system prompt" in notices(await talk.say("hello"))[0]
        await talk.say("more")
        assert [p.content for p in talk.server.prompts()] == ["Be brief.\n\nhello", "more"]


async def test_sampling_is_the_servers_first_choice_unless_told_otherwise(
    store: Store, tmp_path: Path
) -> None:
    async with OpenAssistant() as server:
        backend = await backend_to(server, tmp_path)
        params = Params(temperature=0.1, repeat_penalty=1.5, max_tokens=9, seed=7)
        session = ChatSession(store, backend, model=MODEL, params=params)
        events = await drained(session.send("hello"))
        assert notices(events) == ["lab cannot set seed"]
        assert server.sent("assistant_message")[0]["sampling_parameters"] == {
            "top_k": 50,
            "top_p": 0.95,
            "temperature": 0.1,
            "repetition_penalty": 1.5,
            "max_new_tokens": 9,
        }
        await backend.aclose()


async def test_work_parameters_name_the_model_on_an_old_server(
    store: Store, tmp_path: Path
) -> None:
    async with talking(GENERATIONS["G3"](), store, tmp_path) as talk:
        await talk.say("hello")
        work = talk.server.sent("/messages")[0]["work_parameters"]
        assert work == {"top_k": 50, "top_p": 0.9, "temperature": 1.0, "model_name": "_lorem"}


async def test_an_unknown_model_is_refused_before_anything_is_created(last: Talk) -> None:
    session = ChatSession(last.store, last.backend, model="lab/_loren")
    with pytest.raises(ModelError) as caught:
        await drained(session.send("hello"))
    assert caught.value.hint == "did you mean _lorem?"
    assert last.server.chats == {}


async def test_the_models_are_those_the_server_names(last: Talk) -> None:
    names = [info.name for info in await last.backend.models()]
    assert names == ["lab/_lorem", "lab/OA_SFT_Pythia_12B"]


async def test_what_such_a_server_cannot_do_is_refused(last: Talk) -> None:
    await last.say("hello")
    with pytest.raises(Refused, match="cannot go on"):
        await drained(last.session.continue_(last.answer.id))
    picture = Content("cat.png", "image/png", b"\x89PNG")
    with pytest.raises(ModelError, match="takes no pictures"):
        await drained(last.session.send("What is it?", [picture]))


async def test_pending_is_shown_as_a_place_in_the_queue(last: Talk) -> None:
    last.server.next.append(
        [Wait(3, 5), Wait(3, 5), Wait(1, 2), Wait(0, 0), Say("hi"), Wait(1, 1), Finish("hi")]
    )
    events = await last.say("hello")
    assert [e for e in events if isinstance(e, Queued)] == [
        Queued(2, 5),
        Queued(0, 2),
        Queued(0, 0),
    ]


async def test_plugin_steps_are_notices_said_once(last: Talk) -> None:
    step = Plugin("search", "cats", "found 3")
    last.server.next.append([step, step, Say("Cats."), Finish("Cats.")])
    events = await last.say("hello")
    assert [e for e in events if isinstance(e, Notice)] == [
        Notice("plugin", "search(cats) · found 3")
    ]
    assert last.answer.text == "Cats."


@pytest.mark.parametrize(
    ("streamed", "stored", "event"),
    [
        (["Hello ", "you "], "Hello you", Replaced("Hello you")),
        (["Hello "], "Hello you", TextDelta("you")),
        ([], "Hello", TextDelta("Hello")),
        (["thinking aloud"], "", Replaced("")),
        (["Hello"], "Hello", TextDelta("Hello")),
        (["", "Hel", "", "lo"], "Hello", TextDelta("lo")),
    ],
)
async def test_the_final_text_counts(
    last: Talk, streamed: list[str], stored: str, event: object
) -> None:
    last.server.next.append([*(Say(text) for text in streamed), Finish(stored)])
    events = await last.say("hello")
    assert events[-2] == event
    assert last.answer.text == stored


async def test_events_of_an_answer_that_is_finished_already_are_not_missed(last: Talk) -> None:
    last.server.faults = []
    original = last.server._add_answer

    def finished(parent: object, body: object) -> object:
        answer = original(parent, body)  # type: ignore[arg-type]
        answer.state, answer.content = "complete", "done before you looked"
        return answer

    last.server._add_answer = finished  # type: ignore[method-assign, assignment]
    await last.say("hello")
    assert last.answer.text == "done before you looked"


async def test_an_emoji_cut_into_two_tokens_comes_out_whole(last: Talk) -> None:
    last.server.next.append([Say("\ud83c"), Say("\udf89"), Finish("🎉")])
    events = await last.say("party")
    assert [e for e in events if isinstance(e, TextDelta)] == [TextDelta("🎉")]


async def test_events_nobody_knows_are_left_alone(last: Talk) -> None:
    odd = [
        b'data: {"event_type": "confetti", "text": "x"}\r\n\r\n',
        b"event: ping\r\ndata: 2026\r\n\r\n",
        b": ping\r\n\r\n",
        b"data: [1]\r\n\r\n",
        b"data:\r\n\r\n",
    ]
    last.server.next.append([*(Raw(data) for data in odd), Say("hi"), Finish("hi")])
    await last.say("hello")
    assert last.answer.text == "hi"


async def test_a_prompt_the_safety_model_changed_is_said(last: Talk) -> None:
    data = b'data: {"event_type": "safe_prompt", "safe_prompt": "be nice", "message": null}\r\n\r\n'
    last.server.next.append([Raw(data), Say("ok"), Finish("ok")])
    assert notices(await last.say("hello")) == ["lab answers another prompt: be nice"]


async def test_stopping_closes_the_stream_and_the_next_prompt_waits_for_the_server(
    last: Talk,
) -> None:
    last.server.next.append([Say("a "), Say("b "), *[Wait()] * 3, Become("complete", "a b c")])
    last.server.pause = 0.05
    events = last.session.send("hello")
    async for event in events:
        if isinstance(event, TextDelta):
            break
    await events.aclose()
    assert last.answer.state is State.STOPPED
    stored = last.server.answers()[0]
    assert stored.state == "in_progress"
    told = []
    async for event in last.session.send("next"):
        if isinstance(event, Notice):
            told.append(event.text)
            stored.state, stored.content = "complete", "a b c"
    assert told == ["lab still writes the answer that was stopped here; waiting for its end"]
    assert last.texts[-2:] == ["next", "next"]
    assert len(last.server.chats) == 1


async def test_links_are_kept_as_soon_as_the_server_has_the_prompt(last: Talk) -> None:
    events = last.session.send("hello")
    seen = []
    async for event in events:
        seen.append(event)
        if isinstance(event, Linked) and len(seen) == 2:
            break
    await events.aclose()
    assert last.session.chat_id is not None
    prompt = last.store.tree(last.session.chat_id)[0]
    assert last.store.links("lab", [prompt.id])[prompt.id].startswith("chat-")
    await drained(last.session.regenerate(prompt.id))
    assert len(last.server.prompts()) == 1


async def test_a_server_that_does_not_describe_itself_is_understood(
    talk: Talk, store: Store
) -> None:
    if not talk.server.split and talk.server.models_path == "/none":
        pytest.skip("nothing is left to tell that generation by")
    talk.server.described = False
    access = talk.api.access
    access._generation = None
    await talk.say("one")
    await talk.say("two")
    assert talk.texts == ["one", "one", "two", "two"]


@pytest.mark.parametrize(
    "paths",
    [
        {"/chat": ["post"], "/chat/{chat_id}/message": ["post"]},
        {"/auth/login/debug": ["get"], "/chat": ["post"], "/chat/{chat_id}/message": ["post"]},
        {"/auth/login/debug": ["get"], "/chats/": [], "/chats/{chat_id}/messages": ["post"]},
    ],
    ids=["January", "February", "the first week of March"],
)
async def test_a_server_from_before_events_is_refused_with_its_age(
    paths: dict[str, list[str]], tmp_path: Path
) -> None:
    class Ancient(OpenAssistant):
        description = paths

    async with Ancient() as server:
        access = Access(http_to(server), CredentialStore(tmp_path / "c.json"))
        assert (await Prober(access.http).find()).kind == "openassistant"
        with pytest.raises(Refused, match="before 7 March 2023"):
            await access.generation()
        await access.http.aclose()


async def test_chats_are_listed_read_named_hidden_and_deleted(last: Talk) -> None:
    await last.say("first chat")
    api = last.api
    for _ in range(120):
        await api.create_chat()
    listed = await api.chats()
    assert len(listed) == 121
    assert len({chat.id for chat in listed}) == 121
    chat_id = listed[-1].id
    await api.rename(chat_id, "x" * 200)
    await api.set_tip(chat_id, "msg-1")
    await api.allow_data_use(chat_id, allowed=False)
    chat = await api.chat(chat_id)
    assert (len(chat.title), chat.tip_id) == (100, "msg-1")
    assert [(m.is_prompt, m.text) for m in chat.messages] == [
        (True, "first chat"),
        (False, "first chat"),
    ]
    await api.hide(chat_id)
    assert chat_id not in [c.id for c in await api.chats()]
    assert chat_id in [c.id for c in await api.chats(include_hidden=True)]
    await api.hide(chat_id, hidden=False)
    await api.delete(chat_id)
    assert await api.find_chat(chat_id) is None
    for refused in (api.delete(chat_id), api.rename(chat_id, "x"), api.chat("nope")):
        with pytest.raises(Refused):
            await refused


async def test_answers_are_judged(last: Talk) -> None:
    await last.say("hello")
    await drained(last.session.regenerate(last.answer.id))
    one, two = last.server.answers()
    await last.api.vote(one.chat_id, one.id, 1)
    await last.api.report(one.chat_id, one.id, "feedback", "well done")
    await last.api.choose(one.chat_id, one.id, [two.id])
    assert one.score == 1
    assert one.reports[0]["reason"] == "well done"
    with pytest.raises(Refused, match="only your own answers"):
        await last.api.vote(one.chat_id, last.server.prompts()[0].id, 1)


async def test_an_old_server_says_what_it_is_too_old_for(store: Store, tmp_path: Path) -> None:
    async with talking(GENERATIONS["G4"](), store, tmp_path) as talk:
        await talk.say("hello")
        chat_id = next(iter(talk.server.chats))
        api = talk.api
        for refused in (
            api.rename(chat_id, "x"),
            api.delete(chat_id),
            api.choose(chat_id, "a", ["b"]),
        ):
            with pytest.raises(Refused, match="too old"):
                await refused
        assert [chat.title for chat in await api.chats()] == ["hello"]


TOKENS = {
    '{"access_token":{"access_token":"a.b","token_type":"bearer"},'
    '"refresh_token":{"access_token":"r.s","token_type":"refresh"}}': ("a.b", "r.s"),
    '{"access_token":"a.b","token_type":"bearer"}': ("a.b", ""),
    "  a.b\n": ("a.b", ""),
    '"a.b"': ("a.b", ""),
}


@pytest.mark.parametrize(("shown", "tokens"), TOKENS.items())
def test_what_a_login_shows_is_understood(shown: str, tokens: tuple[str, str]) -> None:
    found = tokens_of(shown)
    assert (found.access, found.refresh) == tokens


@pytest.mark.parametrize(
    ("event", "data", "meaning"),
    [
        ("message", '{"token": {"text": "x"}, "error": null}', Token("x")),
        ("message", '{"token": null, "error": "boom"}', Failed("boom")),
        ("message", '{"event_type": "token", "text": "x"}', Token("x")),
        ("message", '{"event_type": "pending", "queue_position": -1}', Pending(0, 0)),
        ("message", '{"event_type": "error", "error": "Timeout"}', Failed("Timeout")),
        ("error", "Traceback: boom", Failed("Traceback: boom")),
        ("ping", "2026", None),
        ("message", '{"event_type": "new"}', None),
    ],
)
def test_events_of_every_generation_are_understood(event: str, data: str, meaning: object) -> None:
    assert signal_of(event, data) == meaning


def test_a_final_message_without_work_parameters_is_read() -> None:
    data = '{"event_type": "message", "message": {"id": "m", "content": "hi", "state": "complete"}}'
    final = signal_of("message", data)
    assert isinstance(final, Final)
    assert (final.message.text, final.message.ending) == ("hi", "complete")
