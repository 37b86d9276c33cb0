"""The context as the screen tells of it, with a real engine behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from chatterm.backend import count_prompt, engine_home
from chatterm.config import Config, EngineOptions
from chatterm.engine.hosts import running, stop
from chatterm.events import Progress
from chatterm.messages import CountedPrompt
from chatterm.params import Params
from chatterm.paths import Paths
from chatterm.store import Store
from chatterm.tui.screens.chat import ChatScreen
from chatterm.tui.widgets.status import StatusLine, tokens
from tests.ggufs import make_gguf
from tests.tui.driving import Program, program

CONTEXT = 512
MOST = 2048
PROMPT = "Tell me more about the whales, and about the sea that they live in."

Opening = Callable[..., AbstractAsyncContextManager[Program]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A model that was made for more context than it is opened with."""
    yield make_gguf(tmp_path_factory.mktemp("m") / "small.gguf", context=MOST)


@pytest.fixture
def opening(store: Store, tmp_path_factory: pytest.TempPathFactory, model: Path) -> Opening:
    """Open the program on it; the engine goes with the program."""

    @asynccontextmanager
    async def opened(chat_id: str | None = None) -> AsyncIterator[Program]:
        config = Config(
            model=str(model),
            engine=EngineOptions(context=CONTEXT, sequences=1),
            params=Params(temperature=0.0, max_tokens=40),
        )
        # A socket's path must be short.
        folder = tmp_path_factory.mktemp("h")
        try:
            async with program(store, folder, config=config, chat_id=chat_id) as run:
                yield run
        finally:
            engines = engine_home(config, Paths.from_environment({"CHATTERM_HOME": str(folder)}))
            for host in await running(engines):
                await stop(engines, host["key"])

    return opened


def banner(run: Program) -> str:
    return " ".join(run.text_of("Banner").split())


async def counted(run: Program) -> CountedPrompt:
    """What the engine itself says of the next prompt."""
    session = run.talk.session
    return await count_prompt(session.backend, session.preview(run.composer.text))


async def near_the_end(run: Program) -> None:
    """Talk until the engine would leave something out of the next prompt."""
    run.composer.insert(PROMPT)
    while (await counted(run)).left_out == 0:
        await run.press("enter")
        await run.answered()
        run.composer.insert(PROMPT)


async def cut(run: Program) -> None:
    """Send it all the same."""
    await run.until(lambda: "will be left out" in banner(run))
    await run.press("enter")
    await run.answered()


def style_of_meter(run: Program) -> str:
    """The colour in which the context is told."""
    for segment in run.screen.query_one(StatusLine).render_line(0):
        if f"/{tokens(CONTEXT)}" in segment.text:
            return str(segment.style)
    return ""


async def test_the_meter_is_the_engine_s_own_count(opening: Opening) -> None:
    async with opening() as run:
        run.composer.insert(PROMPT)
        await run.press("enter")
        await run.answered()
        answer = run.path()[-1]
        origin = run.store.provenance(answer.id)
        assert origin is not None
        used = origin.usage.prompt_tokens + origin.usage.completion_tokens
        await run.until(lambda: f" {used}/{CONTEXT} " in run.status)
        assert "~" not in run.status


async def test_what_goes_is_told_before_it_goes(opening: Opening) -> None:
    async with opening() as run:
        run.composer.insert(PROMPT)
        await run.press("enter")
        await run.answered()
        plain = style_of_meter(run)
        await near_the_end(run)
        said = await counted(run)
        assert said.tokens is not None
        assert said.whole is not None
        assert said.tokens < said.whole
        await run.until(lambda: f" {said.whole}/{CONTEXT} " in run.status)
        await run.until(lambda: f"the first {said.left_out} messages" in banner(run))
        assert "about the first" not in banner(run), "counted, not estimated"
        for choice in (
            "Enter lets them go",
            "F7 puts a summary",
            "F2 raises the context (up to 2.0k)",
        ):
            assert choice in banner(run)
        assert style_of_meter(run) != plain
        before = len(run.path())
        await run.press("enter")
        await run.answered()
        assert len(run.path()) == before + 2, "the tree keeps everything"
        assert f"its first {said.left_out} messages are left out" in banner(run)


async def test_who_is_quicker_than_the_count_is_told_first(opening: Opening) -> None:
    async with opening() as run:
        await near_the_end(run)
        before = run.texts()
        await run.press("enter")
        await run.until(lambda: "not sent yet" in run.status)
        assert run.texts() == before
        assert run.composer.text == PROMPT
        assert "will be left out" in banner(run)
        await run.press("enter")
        await run.answered()
        assert len(run.texts()) == len(before) + 2


async def test_what_waits_is_not_sent_by_itself_where_it_would_cut(opening: Opening) -> None:
    async with opening() as run:
        await near_the_end(run)
        run.talk.session.undo()
        run.screen.refresh_path()
        before = run.texts()
        await run.press("enter")
        run.composer.insert(PROMPT)
        await run.press("enter")
        await run.until(lambda: "not sent yet" in run.status)
        assert run.composer.text == PROMPT
        assert not run.talk.queue
        assert len(run.texts()) == len(before) + 2, "the first of the two was sent"
        await run.until(lambda: "will be left out" in banner(run))


async def test_after_a_cut_the_next_one_is_told_as_well(opening: Opening) -> None:
    async with opening() as run:
        await near_the_end(run)
        await cut(run)
        run.composer.insert("x")
        said = await counted(run)
        assert said.left_out > 0
        await run.until(lambda: "will be left out" in banner(run))


async def test_a_chat_that_is_opened_again_is_counted(opening: Opening, store: Store) -> None:
    async with opening() as run:
        await near_the_end(run)
        await cut(run)
        chat_id = run.talk.chat_id
    async with opening(chat_id) as run:
        run.composer.insert("x")
        left_out = (await counted(run)).left_out
        await run.until(lambda: f": the first {left_out} messages" in banner(run))


async def test_a_summary_is_shown_as_what_it_is_and_taken_back(opening: Opening) -> None:
    async with opening() as run:
        await near_the_end(run)
        await run.until(lambda: "F7 puts a summary" in banner(run))
        draft = run.composer.text
        await run.press("f7")
        await run.answered()
        summary = run.path()[-1]
        assert summary.summarises > 0
        assert f"Summary of the first {summary.summarises} messages" in "\n".join(run.lines())
        assert run.composer.text == draft, "what is written stays"
        said = await counted(run)
        assert said.left_out == 0
        await run.until(lambda: f" {said.tokens}/{CONTEXT} " in run.status)
        assert "left out" not in banner(run)
        await run.screen.run_action("screen.undo")
        await run.until(lambda: "Summary of" not in "\n".join(run.lines()))
        assert (await counted(run)).left_out > 0


async def test_more_context_makes_the_warning_go(opening: Opening) -> None:
    async with opening() as run:
        await near_the_end(run)
        await run.until(lambda: "will be left out" in banner(run))
        screen: ChatScreen = run.screen
        screen.use_params(Params(temperature=0.0, max_tokens=40, context=MOST))
        await run.until(lambda: "will be left out" not in banner(run))
        await run.until(lambda: f"/{tokens(MOST)}" in run.status)


async def test_a_model_that_is_chosen_is_loaded_at_once(opening: Opening) -> None:
    async with opening() as run:
        heard: list[Progress | None] = []
        loading = run.screen.standing.loading

        def told(model: str, progress: Progress | None) -> None:
            loading(model, progress)
            heard.append(progress)

        run.screen.standing.loading = told  # type: ignore[method-assign]
        run.screen.use_model(run.talk.session.model)
        await run.until(lambda: None in heard)
        steps = [step.done for step in heard if step is not None]
        assert steps == sorted(steps), "as small as it is it may be there before it is asked about"
        engines = engine_home(run.desk.config, run.desk.paths)
        assert [host["context"] for host in await running(engines)] == [CONTEXT]


async def test_how_far_a_model_is_stands_in_the_status_line(opening: Opening) -> None:
    async with opening() as run:
        name = run.talk.session.model
        run.screen.standing.loading(name, Progress("load", 370, 1000))
        run.screen.show_status()
        await run.until(lambda: "loading small 37 %" in run.status)
        run.screen.whisper("something short")
        await run.until(lambda: "something short; loading small 37 %" in run.status)
        run.screen.standing.loading(name, None)
        run.screen.show_status()
        await run.until(lambda: "loading" not in run.status)
