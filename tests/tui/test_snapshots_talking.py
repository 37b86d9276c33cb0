"""A chat in every state it can be in, at three sizes, as text."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual import events

from chatterm.errors import RemoteError
from chatterm.events import Done, Progress, Queued, ReasoningDelta, TextDelta, ToolCalled
from chatterm.messages import Stop, Timings, ToolCall, Usage
from chatterm.store import Store
from tests.pictures import png
from tests.scripted import Step, says
from tests.tui.album import Size, album, answer, at_three_sizes, utc
from tests.tui.driving import Program, limit, program

__all__ = ["utc"]

LONG = "\n\n".join(f"Paragraph {number} of an answer that is long." for number in range(1, 30))


async def sent(run: Program, text: str) -> None:
    await run.type(text)
    await run.press("enter")
    await run.until(lambda: run.talk.busy)
    await run.pilot.pause(0.1)


@at_three_sizes
async def test_an_answer_on_its_way(store: Store, home: Path, size: Size) -> None:
    goes_on = [asyncio.Event() for _ in range(5)]
    call = ToolCall("call", "search", '{"query": "weather in Lisbon"}', "18 degrees, sunny")
    script: list[Step] = [
        Queued(2, 5),
        goes_on[0],
        Progress("load", 30, 100),
        goes_on[1],
        Progress("prompt", 2048, 8192),
        goes_on[2],
        ReasoningDelta("The weather has to be looked up first. " * 4),
        ToolCalled(call),
        goes_on[3],
        TextDelta("It is **sunny** in Lisbon.\n\n"),
        TextDelta(LONG),
        goes_on[4],
        Done(Stop.END),
    ]
    async with program(store, home, script, size=size) as run:
        with album(run, size) as pictures:
            await sent(run, "Is it warm in Lisbon")
            for name, event in zip(("queued", "loading", "reading"), goes_on, strict=False):
                await pictures.check(f"answer-{name}")
                event.set()
                await run.pilot.pause(0.1)
            run.talk.writing.speed = lambda now: 40.0  # type: ignore[union-attr,method-assign]
            await run.until(lambda: "search" in "\n".join(run.lines()))
            await pictures.check("answer-thinking")
            await run.press("tab", "space")
            await pictures.check("answer-thoughts")
            await run.press("space", "i")
            goes_on[3].set()
            await run.until(lambda: "Paragraph 29" in "\n".join(run.lines()))
            await run.type("and then")
            await run.press("enter", "pageup")
            await run.until(lambda: bool(run.talk.queue))
            await pictures.check("answer-scrolled")
            await run.press("escape")
            await run.answered()
            await pictures.check("answer-stopped")


@at_three_sizes
async def test_failures(store: Store, home: Path, size: Size) -> None:
    lost = RemoteError("the server lab closed the connection", hint="it may be busy; try later")
    login = RemoteError("lab does not know you any more", hint="chatterm login lab")
    scripts: list[list[Step]] = [[TextDelta("It begins"), lost], [login]]
    async with program(store, home, *scripts, size=size, toasts=True) as run:
        with album(run, size) as pictures:
            await run.say("Tell me a story")
            await pictures.check("failed")
            await run.press("ctrl+n")
            await run.say("Tell me a joke")
            await pictures.check("failed-login")
            run.screen.complain(lost)
            await run.pilot.pause()
            await pictures.check("complaint")


@at_three_sizes
async def test_a_full_context(store: Store, home: Path, size: Size) -> None:
    usage = Usage(prompt_tokens=700, evaluated_tokens=700, completion_tokens=100)
    timings = Timings(first_token_ms=240.0, generation_ms=2000.0)
    script: list[Step] = [TextDelta("Fine."), Done(Stop.END, usage, timings)]
    async with program(store, home, script, size=size) as run:
        with album(run, size) as pictures:
            limit(run, 1000, left_out=1)
            await run.say("the beginning of it all")
            await run.until(lambda: "/1.0k" in run.status)
            await run.type("and now")
            # Until then there is an estimate.
            await run.until(lambda: "the first message" in " ".join(run.text_of("Banner").split()))
            await pictures.check("context-full")
            run.composer.put("word " * 1000)
            await run.until(lambda: "cannot be answered" in " ".join(run.text_of("Banner").split()))
            await pictures.check("context-too-long")


@at_three_sizes
async def test_marks_in_the_text(store: Store, home: Path, size: Size) -> None:
    text = (
        "See [the page](https://example.org) first.\n\n```sh\nls -l\n```\n\nThen:\n\n"
        "```python\nprint(1)\n```\n"
    )
    async with program(store, home, answer(text), size=size) as run:
        await run.say("How do I list files")
        with album(run, size) as pictures:
            await run.press("tab", "s")
            await pictures.check("jump")
            await run.press("x", "c")
            await pictures.check("code-number")
            await run.press("x", "v", "v")
            await pictures.check("selection")


@at_three_sizes
async def test_a_picture_goes_along(
    store: Store, home: Path, size: Size, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "here"
    place.mkdir()
    (place / "a cat.png").write_bytes(png((255, 0, 0)))
    monkeypatch.chdir(place)
    async with program(store, home, says("A cat."), size=size) as run:
        with album(run, size) as pictures:
            run.composer.post_message(events.Paste(str(place / "a cat.png")))
            await run.until(lambda: len(run.screen.pictures) == 1)
            await run.type("What is this")
            await pictures.check("picture")


@at_three_sizes
async def test_other_scripts(store: Store, home: Path, size: Size) -> None:
    text = "你好，世界。 שלום עולם، مرحبا 🎉 é ñ — “quotes” … \x1b[31mred\x1b[0m\n\n" + "漢字" * 80
    async with program(store, home, answer(text), size=size) as run:
        await run.say("Say hello")
        with album(run, size) as pictures:
            await pictures.check("scripts")
