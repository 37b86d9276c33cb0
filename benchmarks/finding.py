"""Search as you type in the full-screen program, over a million messages: each key to its rows.

A key counts from the terminal to the bytes of the rows it found, in the program as it is. The
store is made once, below `build/finding`; with another scale it is thrown away afterwards.
"""

from __future__ import annotations

import itertools
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.finding_app import told
from benchmarks.screen import add_slow_model, begin_answer
from benchmarks.store import Corpus
from benchmarks.window import Window, line, percentile
from chatterm.paths import Paths

MESSAGES, CHATS, LONG_CHAT = 1_000_000, 100_000, 1_000
KEPT = Path(__file__).parents[1] / "build" / "finding"
LINES, SOME = 48, 16
BETWEEN = 0.1
"""Seconds between keys, as quick fingers have it."""
BURST = 0.04
SEARCH, CHAT_LIST = b"\x12", b"\x02"
CLEAR, LEAVE, QUIT = b"\x15", b"\x1b", b"\x11"


def main(scale: float = 1.0) -> None:
    corpus = Corpus(random.Random(7), (int(MESSAGES * scale), int(CHATS * scale), LONG_CHAT))
    if scale == 1.0:
        _report(_filled(KEPT, corpus), corpus)
        return
    with tempfile.TemporaryDirectory(prefix="chatterm-bench-") as folder:
        _report(_filled(Path(folder), corpus), corpus)


def _filled(home: Path, corpus: Corpus) -> Path:
    database = Paths.from_environment({"CHATTERM_HOME": str(home)}).database
    if not database.exists():
        began = time.perf_counter()
        database.parent.mkdir(parents=True, exist_ok=True)
        unfinished = database.with_suffix(".part")
        unfinished.unlink(missing_ok=True)
        corpus.build(unfinished)
        unfinished.rename(database)
        line("made the store, once, s", time.perf_counter() - began)
    return home


def typed_lines(corpus: Corpus) -> Iterator[str]:
    """What people type, kind by kind in turn: common words and rare, several, filters, no hit."""
    chance = random.Random(11)

    def word(low: int, high: int) -> str:
        return chance.choice(corpus.words[low:high])

    while True:
        yield word(0, 200)
        yield word(5_000, 60_000)
        yield f"{word(0, 200)} {word(0, 200)}"
        yield f"{word(0, 50)} {word(2_000, 60_000)}"
        yield f"{word(0, 300)} {word(0, 300)} {word(0, 300)}"
        yield f'"{word(0, 300)} {word(0, 300)}"'
        yield f"role:user {word(200, 1_000)}"
        yield f"xyzzy{word(0, 60_000)}"


def _report(home: Path, corpus: Corpus) -> None:
    lines = list(itertools.islice(typed_lines(corpus), LINES))
    add_slow_model(home)
    result = home / "stalls.json"
    result.unlink(missing_ok=True)
    window = Window(
        [sys.executable, "-m", "benchmarks.finding_app", "-m", "slow"],
        {"CHATTERM_HOME": str(home), "BENCHMARK_RESULT": str(result)},
    )
    window.until(lambda out: b"Enter" in out)
    window.settle()
    window.press(SEARCH)
    window.settle()
    first = _typed(window, lines[0])
    cpu, began = window.cpu(), time.perf_counter()
    keys = {text: _typed(window, text) for text in lines[1:]}
    share = (window.cpu() - cpu) / (time.perf_counter() - began)
    burst = [_burst(window, text) for text in lines]
    window.press(LEAVE)
    window.settle()
    window.press(CHAT_LIST)
    window.settle()
    beside = [ms for text in lines[:SOME] for ms in _typed(window, text)]
    window.press(LEAVE)
    window.settle()
    begin_answer(window, 2 * BETWEEN * sum(len(text) + 2 for text in lines[:SOME]))
    window.press(SEARCH)
    window.read_for(1.0)
    streaming = [ms for text in lines[:SOME] for ms in _typed(window, text)]
    window.press(LEAVE)
    window.read_for(1.0)
    window.press(QUIT)
    late = _lateness(window, result)
    alone = [*first, *(ms for times in keys.values() for ms in times)]
    line("search as you type, key to its rows, p50 ms", statistics.median(alone))
    line("  p95 ms", percentile(alone, 0.95), "<= 100")
    line("  longest ms", max(alone))
    line("  the first key ms", first[0])
    line("  share of a core while typing, %", 100 * share)
    line("the last of keys every 40 ms, to its rows, p50 ms", statistics.median(burst))
    line("  p95 ms", percentile(burst, 0.95), "<= 100")
    line("the same in the list of chats, p50 ms", statistics.median(beside))
    line("  p95 ms", percentile(beside, 0.95), "<= 100")
    line("the same while an answer streams, p50 ms", statistics.median(streaming))
    line("  p95 ms", percentile(streaming, 0.95), "<= 100")
    line("the loop's lateness meanwhile, p99 ms", percentile(late, 0.99))
    line("  longest stall ms", max(late), "<= 150")


def _typed(window: Window, text: str) -> list[float]:
    """Type a line, letter by letter, and take it away; how long each letter took to be answered."""
    times = []
    for end in range(1, len(text) + 1):
        times.append(_answered(window, text[:end]))
        window.read_for(BETWEEN - times[-1] / 1000)
    _clear(window)
    return times


def _burst(window: Window, text: str) -> float:
    """Type a line as no hand can; how long its last letter took to be answered."""
    for letter in text[:-1]:
        window.press(letter.encode())
        window.read_for(BURST)
    took = _answered(window, text)
    _clear(window)
    return took


def _answered(window: Window, text: str) -> float:
    window.press(text[-1].encode())
    return 1000 * window.until(lambda out: told(text) in out)


def _clear(window: Window) -> None:
    window.press(CLEAR)
    window.read_for(2 * BETWEEN)


def _lateness(window: Window, result: Path) -> list[float]:
    deadline = time.perf_counter() + 10
    while not result.exists() and time.perf_counter() < deadline:
        window.read(0.1)
    late: list[float] = json.loads(result.read_text())
    window.close()
    return late


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
