"""An app with nothing but a transcript and a composer, for the benchmarks.

`python -m benchmarks.transcript_app CASE SECONDS` streams an answer into a chat of 1,000 turns on
the terminal it is started in, and writes what it cost to the file in ``CHATTERM_BENCHMARK``.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import RenderableType
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Markdown, TextArea

from benchmarks.answers import CASES, fragments, mixed
from chatterm.messages import Role, State
from chatterm.tui.launch import look_for_garbage_seldom
from chatterm.tui.widgets.transcript import Transcript
from chatterm.tui.widgets.turns import Body, Turn

WORDS_A_SECOND = 100


class Chat:
    """So many turns, whose texts are made when they are read."""

    def __init__(self, count: int) -> None:
        rng = random.Random(2)
        self.sizes = [rng.randint(50, 1_200) for _ in range(count)]
        self.turns = [
            Turn(str(n), Role.ASSISTANT if n % 2 else Role.USER, "model" if n % 2 else "you",
                 size=size, breaks=size // 200)
            for n, size in enumerate(self.sizes)
        ]  # fmt: skip
        self.source = mixed(3_000, seed=3)

    def load(self, ids: Sequence[str]) -> list[Body]:
        return [Body(self.source[7 * int(id_) % 9_000 :][: self.sizes[int(id_)]]) for id_ in ids]


class Headed(App[None]):
    """Headless Textual leaves out the making of the terminal's bytes; here they are made."""

    CSS = "TextArea { height: 7; } Transcript { height: 1fr; }"
    sent = 0
    paints = 0

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if self.is_headless and renderable is not None and hasattr(renderable, "render_segments"):
            self.sent += len(renderable.render_segments(self.console))
            self.paints += 1
        super()._display(screen, renderable)


class TranscriptApp(Headed):
    def __init__(self, turns: int) -> None:
        super().__init__()
        self.chat = Chat(turns)
        self.transcript = Transcript()

    def compose(self) -> ComposeResult:
        yield self.transcript
        yield TextArea()

    def on_mount(self) -> None:
        self.transcript.show(self.chat.turns, self.chat.load)
        self.query_one(TextArea).focus()

    def begin(self) -> None:
        self.transcript.begin(Turn("answer", Role.ASSISTANT, "model", state=State.WRITING))

    def add(self, text: str) -> None:
        self.transcript.grow(text)


class MarkdownApp(Headed):
    """Bare Textual: one Markdown widget in a scrolling container, fed through its stream."""

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Markdown()
        yield TextArea()

    def begin(self) -> None:
        self.query_one(VerticalScroll).anchor()
        self.stream = Markdown.get_stream(self.query_one(Markdown))

    async def add(self, text: str) -> None:
        await self.stream.write(text)


async def feed(app: TranscriptApp | MarkdownApp, text: str, seconds: float) -> int:
    """Stream words at their pace for a while; how many there were."""
    parts = fragments(text)
    began = time.perf_counter()
    number = 0
    while (elapsed := time.perf_counter() - began) < seconds:
        while number < elapsed * WORDS_A_SECOND:
            added = app.add(parts[number % len(parts)])
            if added is not None:
                await added
            number += 1
        await asyncio.sleep(0.01)
    return number


class Stalls:
    """How late the loop is, measured every 5 ms."""

    def __init__(self) -> None:
        self.late: list[float] = []

    async def watch(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            self.late.append(1000 * (time.perf_counter() - began - 0.005))


class OnATerminal(TranscriptApp):
    """Streams by itself, and tells what it cost."""

    def __init__(self, text: str, seconds: float, result: Path) -> None:
        super().__init__(1_000)
        self._text, self._seconds, self._result = text, seconds, result

    def on_ready(self) -> None:
        self.run_worker(self._stream())

    async def _stream(self) -> None:
        await asyncio.sleep(0.5)
        self.begin()
        began, cpu = time.perf_counter(), time.process_time()
        await feed(self, self._text, self._seconds)
        share = (time.process_time() - cpu) / (time.perf_counter() - began)
        self._result.write_text(json.dumps({"share": share}))
        self.exit()


if __name__ == "__main__":
    look_for_garbage_seldom()  # as the program does once it has imported everything
    OnATerminal(
        CASES[sys.argv[1]], float(sys.argv[2]), Path(os.environ["CHATTERM_BENCHMARK"])
    ).run()
