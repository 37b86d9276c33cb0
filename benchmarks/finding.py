"""Search as you type in the full-screen program, over a million messages: each key to its rows."""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import tempfile
import time

from textual import events
from textual.pilot import Pilot

from benchmarks.memory import desk_of
from benchmarks.store import Corpus
from benchmarks.window import line, percentile
from chatterm.ids import ulid_factory
from chatterm.paths import Paths
from chatterm.store import Store
from chatterm.tui.app import ChattermApp
from chatterm.tui.widgets.rows import Rows

MESSAGES, CHATS, LONG_CHAT = 1_000_000, 100_000, 1_000
LINES = 60
BETWEEN = 0.1
"""Seconds between keys, as quick fingers have it."""
BURST = 0.04


def main(scale: float = 1.0) -> None:
    with tempfile.TemporaryDirectory(prefix="chatterm-bench-") as home:
        paths = Paths.from_environment({"CHATTERM_HOME": home})
        sizes = (int(MESSAGES * scale), int(CHATS * scale), LONG_CHAT)
        corpus = Corpus(random.Random(7), sizes)
        paths.database.parent.mkdir(parents=True)
        corpus.build(paths.database)
        asyncio.run(_report(paths, corpus))


async def _report(paths: Paths, corpus: Corpus) -> None:
    chance = random.Random(11)
    lines = [" ".join(chance.sample(corpus.words[:20_000], 2)) for _ in range(LINES)]
    with Store.open(paths.database, clock=time.time, new_id=ulid_factory()) as store:
        app = ChattermApp(desk_of(store, paths))
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.press("ctrl+r")
            await pilot.pause()
            rows = app.screen.query_one(Rows)
            alone = [ms for text in lines for ms in await _typed(pilot, rows, text)]
            burst = [await _burst(pilot, rows, text) for text in lines]
            await pilot.press("escape")
            await app.talks.aclose()
            app.searcher.close()
    line("search as you type, key to its rows, p50 ms", statistics.median(alone))
    line("  p95 ms", percentile(alone, 0.95), "<= 100")
    line("  longest ms", max(alone))
    line("the last of keys every 40 ms, to its rows, p50 ms", statistics.median(burst))
    line("  p95 ms", percentile(burst, 0.95))


async def _typed(pilot: Pilot[int], rows: Rows, text: str) -> list[float]:
    """Type a line, letter by letter, and take it away; how long each letter took to be answered."""
    times = []
    for letter in text:
        times.append(await _answered(pilot, rows, letter))
        await asyncio.sleep(max(0.0, BETWEEN - times[-1] / 1000))
    await _cleared(pilot)
    return times


async def _burst(pilot: Pilot[int], rows: Rows, text: str) -> float:
    """Type a line as no hand can; how long its last letter took to be answered."""
    for letter in text[:-1]:
        _press(pilot, letter)
        await asyncio.sleep(BURST)
    took = await _answered(pilot, rows, text[-1])
    await _cleared(pilot)
    return took


async def _answered(pilot: Pilot[int], rows: Rows, letter: str) -> float:
    before: object = rows.rows
    began = time.perf_counter()
    _press(pilot, letter)
    while rows.rows is before:
        await asyncio.sleep(0)
        if time.perf_counter() - began > 30:
            raise SystemExit(f"no rows for {letter!r}")
    return 1000 * (time.perf_counter() - began)


def _press(pilot: Pilot[int], letter: str) -> None:
    pilot.app.post_message(events.Key("space" if letter == " " else letter, letter))


async def _cleared(pilot: Pilot[int]) -> None:
    await pilot.press("ctrl+u")
    await pilot.pause(BETWEEN)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
