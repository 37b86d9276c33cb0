"""Talking: sending, stopping, queueing, drafts, history, leaving; through keys alone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual import events

from chatterm.errors import EngineError
from chatterm.events import Notice, Progress, Queued, TextDelta
from chatterm.messages import State
from chatterm.store import Store
from tests.scripted import Step, says
from tests.tui.driving import program


async def test_a_message_is_sent_and_answered(store: Store, home: Path) -> None:
    async with program(store, home, says("Hello ", "you")) as run:
        await run.say("Hi there")
        assert run.texts() == ["Hi there", "Hello you"]
        assert run.composer.text == ""
        shown = "\n".join(run.lines())
        assert "Hi there" in shown
        assert "Hello you" in shown


@pytest.mark.parametrize("key", ["ctrl+j", "shift+enter", "alt+enter"])
async def test_three_keys_break_the_line(store: Store, home: Path, key: str) -> None:
    async with program(store, home) as run:
        await run.press("a", key, "b")
        assert run.composer.text == "a\nb"
        assert run.talk.chat_id is None


async def test_a_pasted_block_is_one_piece(store: Store, home: Path) -> None:
    from textual import events

    async with program(store, home) as run:
        run.composer.post_message(events.Paste("one\r\ntwo\rthree\x1b[31m\n"))
        await run.pilot.pause()
        assert run.composer.text == "one\ntwo\nthree␛[31m\n"
        await run.press("ctrl+z")
        assert run.composer.text == ""


async def test_nothing_is_sent_where_nothing_is_written(store: Store, home: Path) -> None:
    async with program(store, home) as run:
        await run.press("space", "enter")
        assert run.talk.chat_id is None


@pytest.mark.parametrize("key", ["escape", "ctrl+c"])
async def test_stopping_keeps_what_came(store: Store, home: Path, key: str) -> None:
    async with program(store, home, [TextDelta("half an "), 60.0]) as run:
        await run.type("go")
        await run.press("enter")
        await run.until(lambda: bool(run.talk.writing and run.talk.writing.tokens))
        await run.press(key)
        await run.answered()
        answer = run.path()[-1]
        assert (answer.text, answer.state) == ("half an ", State.STOPPED)


async def test_the_next_message_waits_for_its_turn(store: Store, home: Path) -> None:
    go_on = asyncio.Event()
    async with program(store, home, [TextDelta("one"), go_on, *says("!")], says("two")) as run:
        await run.type("first")
        await run.press("enter")
        await run.type("second")
        await run.press("enter")
        assert run.talk.queue[0].text == "second"
        assert "Next: second" in run.text_of("Banner")
        go_on.set()
        await run.until(lambda: len(run.path()) == 4)
        await run.answered()
        assert run.texts() == ["first", "one!", "second", "two"]


async def test_what_waits_in_a_chat_that_is_left_is_not_written_twice(
    store: Store, home: Path
) -> None:
    go_on = asyncio.Event()
    async with program(store, home, [TextDelta("one"), go_on, *says("!")], says("two")) as run:
        await run.type("first")
        await run.press("enter")
        await run.type("second")
        await run.press("enter")
        await run.type("third")
        chat_id = run.talk.chat_id
        await run.press("ctrl+n")
        assert store.draft(chat_id) == "second\n\nthird", "a killed program loses neither"
        await run.press("ctrl+pageup")
        assert run.composer.text == "third"
        assert [prompt.text for prompt in run.talk.queue] == ["second"]
        talk = run.talk
        await run.press("ctrl+pagedown")
        go_on.set()
        await run.until(lambda: len(talk.session.path()) == 4 and not talk.busy)
        assert store.draft(chat_id) == "third"
        await run.press("ctrl+pageup")
        assert run.texts() == ["first", "one!", "second", "two"]
        assert run.composer.text == "third"


async def test_a_waiting_message_can_be_taken_back(store: Store, home: Path) -> None:
    async with program(store, home, [TextDelta("one"), 60.0]) as run:
        await run.type("first")
        await run.press("enter")
        await run.type("second")
        await run.press("enter", "alt+up")
        assert run.composer.text == "second"
        assert not run.talk.queue


async def test_stopping_gives_the_waiting_message_back(store: Store, home: Path) -> None:
    async with program(store, home, [TextDelta("one"), 60.0]) as run:
        await run.type("first")
        await run.press("enter")
        await run.type("second")
        await run.press("enter")
        await run.until(lambda: bool(run.talk.writing and run.talk.writing.tokens))
        await run.press("escape")
        await run.answered()
        assert run.composer.text == "second"
        assert run.texts() == ["first", "one"]


async def test_a_failure_is_a_card_and_r_tries_again(store: Store, home: Path) -> None:
    broken: list[Step] = [TextDelta("so far"), EngineError("the engine died", hint="try again")]
    async with program(store, home, broken, says("all of it")) as run:
        await run.say("go")
        shown = "\n".join(run.lines())
        assert "the engine died" in shown
        assert "try again" in shown
        await run.press("tab", "r")
        await run.answered()
        assert run.texts() == ["go", "all of it"]


async def test_a_bug_in_a_backend_is_a_card_too(store: Store, home: Path) -> None:
    async with program(store, home, [ValueError("oops")]) as run:
        await run.say("go")
        assert "a bug: ValueError: oops" in "\n".join(run.lines())
        assert not run.talk.busy


async def test_what_happens_before_the_first_word_is_said(store: Store, home: Path) -> None:
    loads, begins = asyncio.Event(), asyncio.Event()
    script: list[Step] = [Queued(1, 5), loads, Progress("load", 420, 1000), begins, *says("x")]
    async with program(store, home, script) as run:
        await run.type("go")
        await run.press("enter")
        await run.until(lambda: "waiting: 2 of 5" in run.status)
        loads.set()
        await run.until(lambda: "loading scripted 42 %" in run.status)
        begins.set()
        await run.answered()


async def test_what_was_waited_for_is_no_longer_said_once_it_has_come(
    store: Store, home: Path
) -> None:
    answers = asyncio.Event()
    busy = Notice("waiting", "lab is busy; trying again in 3 s")
    async with program(store, home, [busy, busy, answers, *says("x")]) as run:
        await run.type("go")
        await run.press("enter")
        await run.until(lambda: run.text_of("Banner").count("lab is busy") == 1)
        answers.set()
        await run.answered()
        await run.until(lambda: "lab is busy" not in run.text_of("Banner"))


async def test_another_model_is_not_said_to_be_asked_already(store: Store, home: Path) -> None:
    begins = asyncio.Event()
    script: list[Step] = [Progress("load", 420, 1000), begins, *says("x")]
    async with program(store, home, script) as run:
        await run.type("go")
        await run.press("enter")
        await run.until(lambda: "loading scripted 42 %" in run.status)
        run.talk.session.model = "other"
        run.screen.show_status()
        assert "loading scripted 42 %" in run.status
        begins.set()
        await run.answered()


async def test_what_a_model_leaves_out_is_said(store: Store, home: Path) -> None:
    async with program(store, home, [Notice("context", "two turns left out"), *says("x")]) as run:
        await run.say("go")
        assert "two turns left out" in run.text_of("Banner")


async def test_up_brings_prompts_back_and_down_what_was_there(store: Store, home: Path) -> None:
    async with program(store, home, says("1"), says("2")) as run:
        await run.say("first prompt")
        await run.say("second prompt")
        await run.press("up")
        assert run.composer.text == "second prompt"
        await run.press("up")
        assert run.composer.text == "first prompt"
        await run.press("down", "down")
        assert run.composer.text == ""


async def test_up_inside_a_text_moves_the_cursor(store: Store, home: Path) -> None:
    async with program(store, home, says("1")) as run:
        await run.say("a prompt")
        await run.type("one\ntwo")
        await run.press("up", "up")
        assert run.composer.text == "one\ntwo"


async def test_a_draft_is_kept_per_chat_and_over_restarts(store: Store, home: Path) -> None:
    async with program(store, home, says("1")) as run:
        await run.say("begin")
        await run.type("half a thought")
        await run.press("ctrl+n")
        assert run.composer.text == ""
        await run.type("another")
        chat_id = store.chats()[0].id
        await run.press("ctrl+pageup")
        assert run.composer.text == "half a thought"
        run.app.action_leave()
        await run.pilot.pause(0.1)
    assert store.draft(chat_id) == "half a thought"
    assert store.draft(None) == "another"
    async with program(store, home) as run:
        assert run.composer.text == "another"


async def test_a_draft_is_written_while_one_types(store: Store, home: Path) -> None:
    async with program(store, home) as run:
        await run.type("not sent")
        await run.until(lambda: store.draft(None) == "not sent")


async def test_ctrl_c_clears_then_asks_then_leaves(store: Store, home: Path) -> None:
    async with program(store, home) as run:
        await run.type("text")
        await run.press("ctrl+c")
        assert run.composer.text == ""
        await run.press("ctrl+c")
        assert "Ctrl+C again leaves" in run.status
        assert run.app.is_running
        await run.press("ctrl+c")
        await run.until(lambda: run.app._exit)


async def test_ctrl_d_leaves_where_nothing_is_written(store: Store, home: Path) -> None:
    async with program(store, home) as run:
        await run.type("ab")
        await run.press("left", "ctrl+d")
        assert run.composer.text == "a"
        await run.press("backspace", "ctrl+d")
        await run.until(lambda: run.app._exit)


async def test_leaving_keeps_an_answer_that_is_being_written(store: Store, home: Path) -> None:
    async with program(store, home, [TextDelta("half"), 60.0]) as run:
        await run.type("go")
        await run.press("enter")
        await run.until(lambda: bool(run.talk.writing and run.talk.writing.tokens))
        await run.press("ctrl+q")
        await run.until(lambda: run.app._exit)
    answer = store.path(store.chats()[0].id)[-1]
    assert (answer.text, answer.state) == ("half", State.STOPPED)


async def test_an_answer_goes_on_in_a_chat_that_is_not_shown(store: Store, home: Path) -> None:
    go_on = asyncio.Event()
    async with program(store, home, [TextDelta("one "), go_on, *says("two")], says("other")) as run:
        await run.type("first")
        await run.press("enter")
        first = run.talk
        await run.press("ctrl+n")
        await run.say("second")
        assert run.texts() == ["second", "other"]
        go_on.set()
        await run.until(lambda: not first.busy)
        assert first.session.path()[-1].text == "one two"
        assert first.unseen
        await run.press("ctrl+pageup")
        assert run.talk is first
        assert "one two" in "\n".join(run.lines())


async def test_coming_back_shows_an_answer_as_far_as_it_is(store: Store, home: Path) -> None:
    async with program(store, home, [TextDelta("so far"), 60.0]) as run:
        await run.type("go")
        await run.press("enter")
        await run.until(lambda: bool(run.talk.writing and run.talk.writing.tokens))
        await run.press("ctrl+n", "ctrl+pageup")
        assert "so far" in "\n".join(run.lines())


async def test_the_chat_gets_a_title_while_the_user_thinks(
    store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatterm.tui.talk.IDLE_SECONDS", 0)
    monkeypatch.setattr("tests.scripted.ScriptedBackend.name", "engine")
    async with program(store, home, says("Hello you"), says("A friendly greeting")) as run:
        await run.say("Hi there")
        await run.until(lambda: store.chats()[0].title == "A friendly greeting")
        await run.pilot.pause()
        assert "A friendly greeting" in "\n".join(run.lines())


async def test_whoever_goes_on_gets_no_title_now(
    store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.scripted.ScriptedBackend.name", "engine")
    async with program(store, home, says("one"), says("two")) as run:
        await run.say("first")
        await run.say("second")
        assert run.texts() == ["first", "one", "second", "two"]
        assert store.chats()[0].title == "first"


async def test_secrets_are_taken_out_and_the_user_is_told(store: Store, home: Path) -> None:
    store.redacted = lambda text: text.replace("s3cret", "[redacted]")
    async with program(store, home, says("fine")) as run:
        await run.say("it is s3cret")
        assert run.texts()[0] == "it is [redacted]"
        assert "Secrets were replaced" in run.text_of("Banner")


async def test_a_long_paste_is_taken_back_as_one(store: Store, home: Path) -> None:
    """Textual alone ends with an error where an undo takes the scroll bar away."""
    lines = "\n".join(f"line {number}" for number in range(40))
    async with program(store, home) as run:
        await run.type("before ")
        await run.press("ctrl+c", "ctrl+z")
        run.app.post_message(events.Paste(lines))
        await run.until(lambda: run.composer.text == f"before {lines}")
        await run.press("ctrl+z")
        assert run.composer.text == "before "
        await run.press("ctrl+y")
        assert run.composer.text == f"before {lines}"
