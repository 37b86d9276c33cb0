"""What is on the screen, compared with what was there before.

``UPDATE_SNAPSHOTS=1`` writes them anew; look at the diff. ``SNAPSHOT_PICTURES=FOLDER`` draws each
as SVG too, for eyes: colours are in the picture only.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chatterm.events import Done, Event, ReasoningDelta, TextDelta
from chatterm.messages import Stop, Timings, Usage
from tests.scripted import Step
from tests.tui.driving import Program

FOLDER = Path(__file__).parent / "snapshots"
SIZES = [(60, 16), (80, 24), (120, 40)]
Size = tuple[int, int]

at_three_sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times are shown in the user's own zone."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def answer(text: str, reasoning: str = "let me think about this") -> list[Step]:
    """A script with everything that the status line shows."""
    usage = Usage(prompt_tokens=1200, evaluated_tokens=1200, completion_tokens=80)
    done: Event = Done(Stop.END, usage, Timings(first_token_ms=240.0, generation_ms=2000.0))
    return [ReasoningDelta(reasoning), TextDelta(text), done]


class Album:
    """The pictures of one run, of one size."""

    def __init__(self, run: Program, size: Size) -> None:
        self._run = run
        self._suffix = f"{size[0]}x{size[1]}"
        self._different: list[str] = []

    async def check(self, name: str) -> None:
        self._run.screen.show_status()
        await self._run.pilot.pause(0.05)
        await self._run.pilot.wait_for_scheduled_animations()
        shown = "\n".join(line.rstrip() for line in self._run.lines()) + "\n"
        file = FOLDER / f"{name}-{self._suffix}.txt"
        if folder := os.environ.get("SNAPSHOT_PICTURES"):
            Path(folder, file.stem + ".svg").write_text(self._run.app.export_screenshot())
        known = file.read_text() if file.exists() else ""
        if os.environ.get("UPDATE_SNAPSHOTS"):
            FOLDER.mkdir(exist_ok=True)
            file.write_text(shown)
        elif shown != known:
            self._different.append(f"{file.name} was\n{known}\nand is\n{shown}")

    def close(self) -> None:
        assert not self._different, "\n\n".join(self._different)


@contextmanager
def album(run: Program, size: Size) -> Iterator[Album]:
    """Fails at the end, so that all that is different is seen at once."""
    opened = Album(run, size)
    yield opened
    opened.close()
