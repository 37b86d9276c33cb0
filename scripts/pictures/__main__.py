"""`python -m scripts.pictures [FOLDER]`: every picture of the README, into docs/pictures."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from textual.pilot import Pilot

from chatterm.catalog import Catalog, ModelEntry
from chatterm.config import ChatOptions, Config
from chatterm.events import Done, Event, ReasoningDelta, TextDelta
from chatterm.ids import ulid_factory
from chatterm.messages import ModelInfo, Request, Stop, Timings, Usage
from chatterm.paths import Paths
from chatterm.store import Store
from chatterm.tui.app import ChattermApp
from chatterm.tui.desk import Desk
from scripts.pictures.texts import ANSWERS, EARLIER, PROMPT, SECOND_ANSWER

SIZE = (100, 30)
MODEL = "qwen3-4b-2507"
MODELS = {
    name: ModelEntry(name, "echo", summary=summary)
    for name, summary in {
        MODEL: "For machines of 8 GB: short, direct answers and tool calls",
        "gemma-3-4b": "Many languages, and pictures",
    }.items()
}
NOON = 1_795_262_400.0
"""The pictures show the same time whenever they are taken."""


class Speaker:
    """Says what the pictures need, a word at a time."""

    name = "engine"

    def __init__(self) -> None:
        self._asked: list[str] = []

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        prompt = request.path[-1].text
        self._asked.append(prompt)
        again = self._asked.count(prompt) == 2
        text = SECOND_ANSWER if again or request.model != MODEL else ANSWERS[prompt]
        if text == ANSWERS[PROMPT]:
            yield ReasoningDelta("The reader wants to see it, so a short program and a table.")
        words = re.findall(r"\s*\S+|\s+", text)
        for word in words:
            yield TextDelta(word)
            await asyncio.sleep(0)
        usage = Usage(sum(len(m.text) // 4 for m in request.path) + 8, 0, 0, len(words))
        yield Done(Stop.END, usage, Timings(first_token_ms=180.0, generation_ms=len(words) * 26.0))

    async def models(self) -> Sequence[ModelInfo]:
        return [ModelInfo(MODEL, self.name, context=8192)]

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
            desk = Desk(
                store=store,
                config=Config(model=MODEL, chats=ChatOptions(titles="words")),
                catalog=Catalog(models=MODELS, remotes={}),
                paths=paths,
                database=paths.database,
                terminal_id="pictures",
                open_backend=lambda _: speaker,
                clock=clock,
                monotonic=time.monotonic,
            )
            app = ChattermApp(desk)
            async with app.run_test(size=SIZE) as pilot:
                await Photographer(app, pilot, folder, clock).work()


class Photographer:
    """Goes through the program and takes the pictures."""

    def __init__(self, app: ChattermApp, pilot: Pilot[int], folder: Path, clock: Clock) -> None:
        self.app = app
        self.pilot = pilot
        self.folder = folder
        self.clock = clock

    async def work(self) -> None:
        await self.pilot.pause(0.3)
        self.shoot("empty")
        for prompt in EARLIER:
            await self.say(prompt)
            await self.press("ctrl+n")
            self.clock.now += 3600 * 9
        self.clock.now = NOON
        await self.say(PROMPT)
        self.shoot("chat")
        await self.press("ctrl+b")
        self.shoot("chats")
        await self.press("escape", "ctrl+r")
        await self.type("loop")
        await self.pilot.pause(0.5)
        self.shoot("search")
        await self.press("escape", "tab", "r")
        await self.answered()
        await self.press("f3")
        self.shoot("tree")
        await self.press("escape", "i", "f4")
        await self.type("gemma")
        await self.pilot.pause(0.3)
        await self.press("enter")
        await self.pilot.pause(0.8)
        self.shoot("compare")

    async def say(self, text: str) -> None:
        self.app.chat_screen.composer.put(text)
        await self.press("enter")
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
        svg = self.app.export_screenshot(title="chatterm")
        # The names of styles are numbered per run; a picture that did not change stays the same.
        svg = re.sub(r"terminal-\d+", f"terminal-{name}", svg)
        (self.folder / f"{name}.svg").write_text(svg)
        print(self.folder / f"{name}.svg")


def main(args: Sequence[str]) -> None:
    folder = Path(args[0] if args else "docs/pictures")
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(take(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
