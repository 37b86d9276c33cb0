"""What the screen says of the model: how full its context is, what it takes, whether it fits."""

from __future__ import annotations

import asyncio
from pathlib import Path

from chatterm.catalog import ModelEntry, ModelFile, RemoteEntry
from chatterm.errors import ModelError
from chatterm.events import Done, TextDelta
from chatterm.messages import CountedPrompt, Request, Stop, Usage
from chatterm.store import Store
from chatterm.tui.desk import Capacity
from chatterm.tui.models import ModelShelf
from chatterm.tui.widgets.status import Status, StatusLine
from tests.scripted import Step, says
from tests.tui.driving import Program, limit, program

USAGE = Usage(prompt_tokens=700, evaluated_tokens=700, completion_tokens=100)
ANSWER: list[Step] = [TextDelta("fine"), Done(Stop.END, USAGE)]


async def refuse(request: Request) -> CountedPrompt:
    raise ModelError("this message needs 1500 tokens, and the model's context has 1000")


def banner(run: Program) -> str:
    return " ".join(run.text_of("Banner").split())


async def test_near_the_end_tokens_are_counted_and_the_warning_says_what_goes(
    store: Store, home: Path
) -> None:
    async with program(store, home, ANSWER) as run:
        asked = limit(run, 1000, left_out=1)
        await run.say("the beginning of it all")
        await run.until(lambda: "/1.0k" in run.status)
        assert "~" not in run.status
        await run.type("and now")
        assert "~" in run.status, "an estimate, while one types"
        await run.until(lambda: "and now" in asked)
        await run.until(lambda: "up to “the beginning of it all”" in banner(run))
        assert "the first message" in banner(run)
        for choice in (
            "Enter lets them go",
            "F7 puts a summary in their place",
            "Ctrl+N begins a new chat",
            "F2 raises the context (up to 4.0k)",
            "Ctrl+O takes another model",
        ):
            assert choice in banner(run)
        assert "900/1.0k" in run.status


async def test_what_cannot_be_done_is_not_offered(store: Store, home: Path) -> None:
    async with program(store, home, ANSWER) as run:
        limit(run, 1000, left_out=1, most=1000)
        run.desk.backend("scripted").opened().name = "echo"  # type: ignore[misc]
        await run.say("the beginning of it all")
        await run.type("and now")
        await run.until(lambda: "will be left out" in banner(run))
        assert "summary" not in banner(run)
        assert "raises the context" not in banner(run)


async def test_far_from_the_end_nothing_is_counted(store: Store, home: Path) -> None:
    async with program(store, home, ANSWER) as run:
        asked = limit(run, 32_000)
        await run.say("hello")
        await run.type("more")
        await run.pilot.pause(0.7)
        assert asked == []
        assert banner(run) == ""


async def test_a_message_longer_than_the_context_is_told_before_it_is_sent(
    store: Store, home: Path
) -> None:
    async with program(store, home) as run:
        limit(run, 1000)
        await run.until(lambda: run.screen.standing.total(run.talk) == 1000)
        run.backend.count = refuse  # type: ignore[attr-defined]
        run.composer.insert("long words " * 500)
        await run.until(lambda: "longer than the model's context" in banner(run))
        await run.until(lambda: "This message needs 1500 tokens" in banner(run))


async def test_what_waits_is_held_back_in_a_chat_that_is_not_shown(
    store: Store, home: Path
) -> None:
    go_on = asyncio.Event()
    async with program(store, home, [TextDelta("one"), go_on, *ANSWER], ANSWER) as run:
        limit(run, 1000, left_out=1)
        await run.type("first")
        await run.press("enter")
        await run.type("second")
        await run.press("enter")
        talk = run.talk
        await run.press("ctrl+n")
        go_on.set()
        await run.until(lambda: not talk.goes_on)
        assert len(talk.session.path()) == 2
        assert talk.unseen
        await run.press("ctrl+pageup")
        assert run.composer.text == "second"
        assert "not sent yet" in run.status
        await run.until(lambda: "up to “first”" in banner(run))
        await run.press("enter")
        await run.answered()
        assert len(run.path()) == 4


async def test_the_engine_s_memory_stands_in_the_status_line(store: Store, home: Path) -> None:
    async with program(store, home, ANSWER, size=(120, 30)) as run:
        limit(run, 32_000)
        await run.say("hello")
        await run.until(lambda: "engine 512 MB" in run.status)


async def test_an_engine_that_has_gone_leaves_what_is_known_of_its_context(
    store: Store, home: Path
) -> None:
    async with program(store, home, ANSWER, ANSWER) as run:
        limit(run, 1000)
        await run.say("hello")
        await run.until(lambda: "/1.0k" in run.status)
        asked = 0

        async def gone(model: str) -> Capacity:
            nonlocal asked
            asked += 1
            return Capacity()

        run.desk.capacity_of = gone  # type: ignore[method-assign]
        await run.say("and again")
        await run.until(lambda: asked > 0)
        assert "/1.0k" in run.status


async def test_scripts_that_take_more_bytes_take_more_tokens(store: Store, home: Path) -> None:
    async with program(store, home) as run:
        limit(run, 10_000)
        run.composer.insert("word " * 72)
        await run.until(lambda: "~100/10k" in run.status)
        run.composer.wipe()
        run.composer.insert("\u8a9e" * 120)
        await run.until(lambda: "~100/10k" in run.status)


async def test_a_failure_says_what_can_be_done_here(store: Store, home: Path) -> None:
    failures: list[Step] = [
        ModelError("m.gguf is truncated.", hint="Download it again."),
        ModelError("this message needs 900 tokens", hint="open it with more: -o context=N"),
    ]
    async with program(store, home, *([failure] for failure in failures)) as run:
        await run.say("one")
        hint = "Download it again; Ctrl+O takes another model; r tries again"
        await run.until(lambda: hint in "\n".join(run.lines()))
        await run.say("two")
        hint = "-o context=N; or here: F2; r tries again"
        await run.until(lambda: hint in "\n".join(run.lines()))


async def test_a_reader_further_up_is_told_how_to_follow_again(store: Store, home: Path) -> None:
    more = asyncio.Event()
    words: list[Step] = [TextDelta("line\n\n" * 60), more, TextDelta("end"), Done(Stop.END)]
    async with program(store, home, words) as run:
        await run.type("go")
        await run.press("enter")
        await run.until(lambda: "writing" in run.status)
        await run.press("pageup")
        await run.until(lambda: "Ctrl+End follows" in run.status)
        await run.press("ctrl+end")
        await run.until(lambda: "follows" not in run.status)
        more.set()
        await run.answered()


async def test_models_say_whether_they_fit(store: Store, home: Path) -> None:
    models = {
        name: ModelEntry(
            name, "engine", repository="a/b", files={"Q4": ModelFile(f"{name}.gguf", size=size)}
        )
        for name, size in {"small": 1_000_000, "huge": 10**15}.items()
    }
    async with program(store, home, models=models) as run:
        shelf = ModelShelf(run.desk, "scripted")
        assert not any(row.right.startswith("fits") for row in shelf.rows(""))
        await shelf.look()
        said = {row.title: row.right for row in shelf.rows("")}
        assert said["small"].startswith("fits")
        assert said["huge"].startswith("too large")


async def test_an_empty_chat_with_a_remote_says_where_words_go(store: Store, home: Path) -> None:
    remotes = {"far": RemoteEntry("far", "openai", "https://models.example")}
    async with program(store, home, remotes=remotes) as run:
        assert "Everything stays on this machine" in "\n".join(run.lines())
        run.screen.use_model("far/model")
        await run.pilot.pause()
        assert "What you send goes to https://models.example" in "\n".join(run.lines())


async def test_the_trash_gives_a_chat_back(store: Store, home: Path) -> None:
    async with program(store, home, says("yes")) as run:
        await run.say("keep me")
        chat_id = run.talk.chat_id
        await run.screen.run_action("screen.trash_chat")
        assert run.talk.chat_id is None
        await run.screen.run_action("screen.trash")
        await run.pilot.pause()
        await run.press("enter")
        assert run.talk.chat_id == chat_id
        assert run.texts() == ["keep me", "yes"]


def test_a_narrow_line_drops_the_least_first() -> None:
    line = StatusLine()
    line.status = Status(model="m", used=1, total=10, speed=1.0, first_ms=1.0, memory_mb=2048)
    assert [text for text, _ in line._parts(40)][-1] == "engine 2.0 GB"


def test_a_long_name_is_cut_and_leaves_the_context_its_place() -> None:
    line = StatusLine()
    line.status = Status(model="lab/a-very-long-日本語-model-name-instruct", used=1200, total=4000)
    (name, _), (context, _) = line._parts(27)
    assert name == "lab/a-very-…"
    assert context == "1.2k/4.0k"
    assert line._parts(60)[0][0] == "lab/a-very-long-日本語-model-…"
