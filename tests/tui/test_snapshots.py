"""Every screen at three sizes, as text. `UPDATE_SNAPSHOTS=1` writes them anew; look at the diff."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatterm.events import Done, Event, ReasoningDelta, TextDelta
from chatterm.messages import Stop, Timings, Usage
from chatterm.store import Store
from tests.scripted import Step, says
from tests.tui.driving import Program, program

FOLDER = Path(__file__).parent / "snapshots"
SIZES = [(60, 16), (80, 24), (120, 40)]
ANSWER = """\
Three things, in *short*:

1. **Write** first
2. then `run` it

```python
print("hello")
```

| a | b |
|---|---|
| 1 | 2 |
"""


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times are shown in the user's own zone."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def answer(text: str) -> list[Step]:
    usage = Usage(prompt_tokens=1200, evaluated_tokens=1200, completion_tokens=80)
    done: Event = Done(Stop.END, usage, Timings(first_token_ms=240.0, generation_ms=2000.0))
    return [ReasoningDelta("let me think about this"), TextDelta(text), done]


class Album:
    """Compares what is on the screen with what was there before."""

    def __init__(self, run: Program, size: tuple[int, int]) -> None:
        self._run = run
        self._suffix = f"{size[0]}x{size[1]}"
        self.different: list[str] = []

    async def check(self, name: str) -> None:
        await self._run.pilot.pause(0.05)
        await self._run.pilot.wait_for_scheduled_animations()
        shown = "\n".join(line.rstrip() for line in self._run.lines()) + "\n"
        file = FOLDER / f"{name}-{self._suffix}.txt"
        known = file.read_text() if file.exists() else ""
        if os.environ.get("UPDATE_SNAPSHOTS"):
            FOLDER.mkdir(exist_ok=True)
            file.write_text(shown)
        elif shown != known:
            self.different.append(f"{file.name} was\n{known}\nand is\n{shown}")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_screen_looks_as_it_did(
    store: Store, home: Path, size: tuple[int, int]
) -> None:
    scripts: list[list[Step]] = [says("Blue, mostly."), answer(ANSWER), answer("Another way.")]
    async with program(store, home, *scripts, size=size) as run:
        run.desk.paths.config.mkdir(parents=True, exist_ok=True)
        album = Album(run, size)
        await album.check("empty")
        await run.say("What colour is the sky")
        await run.press("ctrl+n")
        await run.say("How do I begin")
        await album.check("chat")
        await run.press("tab", "r")
        await run.answered()
        await album.check("branch")
        for name, keys in {
            "list": ["ctrl+b"],
            "palette": ["ctrl+p"],
            "models": ["ctrl+o"],
            "parameters": ["f2"],
            "tree": ["f3"],
            "themes": ["f6"],
            "rename": ["f8"],
        }.items():
            await run.press(*keys)
            await album.check(name)
            await run.press("escape")
        await run.press("ctrl+r")
        await run.type("sky")
        await run.pilot.pause(0.2)
        await album.check("search")
        await run.press("escape")
        await run.type("/mod")
        await album.check("commands")
        await run.press("escape", "ctrl+c", "tab", "k", "e")
        await album.check("editing")
        assert not album.different, "\n\n".join(album.different)
