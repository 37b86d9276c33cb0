"""`python -m scripts.pictures [FOLDER]`: every picture of the README, into docs/pictures."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from unittest.mock import patch

from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from chatterm.catalog import Catalog, RemoteEntry, load_catalog
from chatterm.config import ChatOptions, Config
from chatterm.engine.machine import Device, Machine
from chatterm.events import Done, Event, ReasoningDelta, TextDelta
from chatterm.ids import ulid_factory
from chatterm.messages import ModelInfo, Request, Stop, Timings, Usage
from chatterm.paths import Paths
from chatterm.store import Store
from chatterm.tui.app import ChattermApp
from chatterm.tui.desk import Desk
from scripts.pictures.texts import (
    AGAIN,
    ANSWERS,
    COMPARED,
    EARLIER,
    EDITED,
    ELSEWHERE,
    NEXT,
    PINNED,
    PROMPT,
    TAGS,
)

SIZE = (100, 30)
MODEL = "qwen3-4b"
LAB = {"llama-3.3-70b": 131_072, "mistral-small-24b": 32_768}
"""Models of a server, with their contexts."""
REMOTES = {"lab": RemoteEntry("lab", "openai", "https://lab.example.org/v1")}
GB = 1_000_000_000
MACHINE = Machine(
    free=13 * GB,
    total=16 * GB,
    devices=(Device("CUDA0", 8 * GB, 8 * GB),),
    processor="x86_64",
)
"""What the pictures are taken on, wherever they are taken."""
NOON = 1_795_262_400.0
"""The pictures show the same time whenever they are taken."""


class Speaker:
    """Says what the pictures need, a word at a time."""

    name = "engine"

    def __init__(self) -> None:
        self._asked: list[str] = []
        self.pause_after = 0
        """Words after which the next answer waits, so that it can be seen while it is written."""
        self.goes_on = asyncio.Event()

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        prompt = request.path[-1].text
        known = AGAIN if prompt in self._asked else ANSWERS
        self._asked.append(prompt)
        text = known[prompt] if request.model == MODEL else ELSEWHERE
        if text == ANSWERS[PROMPT]:
            yield ReasoningDelta("The reader wants to see it, so a short program and a table.")
        words = re.findall(r"\s*\S+|\s+", text)
        for number, word in enumerate(words):
            if number == self.pause_after > 0:
                self.pause_after = 0
                await self.goes_on.wait()
            yield TextDelta(word)
            await asyncio.sleep(0)
        usage = Usage(sum(len(m.text) // 4 for m in request.path) + 8, 0, 0, len(words))
        yield Done(Stop.END, usage, Timings(first_token_ms=180.0, generation_ms=len(words) * 26.0))

    async def models(self) -> Sequence[ModelInfo]:
        return [ModelInfo(name, self.name, context=size) for name, size in LAB.items()]

    async def aclose(self) -> None:
        return


class Clock:
    """Moves a minute at a time up to noon, then a little."""

    def __init__(self) -> None:
        self.now = NOON - 3600 * 80

    def __call__(self) -> float:
        self.now += 0.01
        return self.now


async def take(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as home:
        paths = Paths.from_environment({"CHATTERM_HOME": home})
        clock = Clock()
        with Store.open(paths.database, clock=clock, new_id=ulid_factory(clock)) as store:
            speaker = Speaker()

            def desk(model: str) -> Desk:
                return Desk(
                    store=store,
                    config=Config(model=model, chats=ChatOptions(titles="words")),
                    catalog=Catalog(load_catalog(Path(home, "none.toml")).models, REMOTES),
                    paths=paths,
                    database=paths.database,
                    terminal_id="pictures",
                    open_backend=lambda _: speaker,
                    clock=clock,
                    monotonic=time.monotonic,
                )

            for model, work in (("guide", Photographer.begin), (MODEL, Photographer.work)):
                app = ChattermApp(desk(model))
                async with app.run_test(size=SIZE) as pilot:
                    await work(Photographer(app, pilot, folder, clock, speaker))


class Photographer:
    """Goes through the program and takes the pictures."""

    def __init__(
        self,
        app: ChattermApp,
        pilot: Pilot[int],
        folder: Path,
        clock: Clock,
        speaker: Speaker,
    ) -> None:
        self.app = app
        self.pilot = pilot
        self.folder = folder
        self.clock = clock
        self.speaker = speaker

    async def begin(self) -> None:
        await self.pilot.pause(0.3)
        await self.resize(100, 18)
        self.shoot("first")
        await self.resize(100, 34)
        await self.press("ctrl+o")
        await self.until(lambda: "131k" in self.app.export_screenshot())
        await self.until(lambda: "fits" in self.app.export_screenshot())
        await self.press(*["down"] * 8)
        self.shoot("models")

    async def work(self) -> None:
        await self.pilot.pause(0.3)
        for number, prompt in enumerate(EARLIER):
            await self.say(prompt)
            self.tidy(number)
            await self.press("ctrl+n")
            self.clock.now += 3600 * 11
        self.clock.now = NOON
        self.speaker.pause_after = 86
        await self.send(PROMPT)
        await self.until(lambda: not self.speaker.pause_after)
        await self.pilot.pause(0.6)
        writing = self.app.chat_screen.talk.writing
        assert writing is not None
        writing.speed = lambda now: 38.0  # type: ignore[method-assign]
        self.app.chat_screen.show_status()
        self.shoot("chat")
        self.speaker.goes_on.set()
        await self.answered()
        await self.resize(116, 30)
        await self.press("ctrl+b")
        self.shoot("chats")
        await self.resize(*SIZE)
        await self.press("escape", "ctrl+r")
        await self.type("memory")
        await self.pilot.pause(0.8)
        self.shoot("search")
        await self.press("escape")
        await self.branch()
        await self.press("f3")
        self.shoot("tree")
        await self.press("escape", "ctrl+n")
        self.app.chat_screen.composer.put(COMPARED)
        await self.press("f4")
        await self.type("llama-3.3")
        await self.pilot.pause(0.5)
        await self.resize(116, 30)
        await self.press("enter")
        await self.pilot.pause(1.5)
        self.shoot("compare")

    def tidy(self, number: int) -> None:
        """Pin and tag some of the chats."""
        store, chat_id = self.app.desk.store, self.app.chat_screen.talk.chat_id
        assert chat_id is not None
        if number in PINNED:
            store.pin(chat_id, pinned=True)
        if number in TAGS:
            store.tag(chat_id, TAGS[number])

    async def branch(self) -> None:
        """Go on, answer again, and ask in other words."""
        await self.say(NEXT)
        await self.press("tab", "r")
        await self.answered()
        await self.press("k", "k", "r")
        await self.answered()
        await self.press("k", "e")
        await self.send(EDITED)
        await self.answered()
        await self.press("tab", "left", "i")

    async def resize(self, width: int, height: int) -> None:
        await self.pilot.resize_terminal(width, height)
        await self.pilot.pause(0.3)

    async def until(self, true: Callable[[], bool]) -> None:
        while not true():
            await self.pilot.pause(0.05)

    async def send(self, text: str) -> None:
        self.app.chat_screen.composer.put(text)
        await self.press("enter")

    async def say(self, text: str) -> None:
        await self.send(text)
        await self.answered()

    async def answered(self) -> None:
        while self.app.talks.busy():
            await self.pilot.pause(0.02)
        await self.pilot.pause(0.4)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause(0.3)

    async def type(self, text: str) -> None:
        await self.pilot.press(*text)

    def shoot(self, name: str) -> None:
        for written in (*self.app.screen.query(Input), *self.app.screen.query(TextArea)):
            # Else a cursor is there or not, as it blinks.
            written.cursor_blink = False
        svg = self.app.export_screenshot(title="chatterm")
        # The names of styles are numbered per run; a picture that did not change stays the same.
        svg = re.sub(r"terminal-\d+", f"terminal-{name}", svg)
        (self.folder / f"{name}.svg").write_text(svg)
        print(self.folder / f"{name}.svg")


def main(args: Sequence[str]) -> None:
    folder = Path(args[0] if args else "docs/pictures")
    folder.mkdir(parents=True, exist_ok=True)
    # Neither this machine's memory and models nor its zone of time belong into the pictures.
    os.environ.update(HOME="/nonexistent", TZ="UTC")
    time.tzset()
    with (
        patch("chatterm.engine.machine.this_machine", lambda: MACHINE),
        patch("chatterm.tui.welcome.machine_with", lambda devices: MACHINE),
    ):
        asyncio.run(take(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
