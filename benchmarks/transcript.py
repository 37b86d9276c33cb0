"""The transcript in the app and on a terminal, beside bare Textual Markdown.

Seconds of a shared machine are not worth much; ratios and shares of one run are. A figure stands
beside its bar.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from benchmarks.answers import CASES, fragments, longer
from benchmarks.transcript_app import Chat, Headed, MarkdownApp, Stalls, TranscriptApp, feed
from chatterm.tui.launch import look_for_garbage_seldom

SECONDS = float(os.environ.get("CHATTERM_BENCHMARK_SECONDS", "10"))
SIZE = (120, 40)
_ANSWERS = 5


def main() -> None:
    look_for_garbage_seldom()  # as the program does once it has imported everything
    asyncio.run(_linear())
    for name in CASES:
        asyncio.run(_share(name))
    asyncio.run(_markdown())
    asyncio.run(_opening())
    asyncio.run(_scrolling())
    asyncio.run(_reader())
    for name in ("prose, lists, code", "code, Python"):
        _on_a_terminal(name)


def _line(name: str, value: str, bar: str = "") -> None:
    print(f"  {name:52}{value:>22}   {bar}", flush=True)


async def _linear() -> None:
    """Five answers and one as long as them all, fragment by fragment in turns.

    The machine is by half faster or slower from one second to the next, for both alike.
    """
    first, second = asyncio.Semaphore(1), asyncio.Semaphore(0)
    short, long = await asyncio.gather(
        _streamed(_ANSWERS, first, second), _streamed(1, second, first)
    )
    _line("CPU, 2,000 and 10,000 words of mixed Markdown", f"{short / _ANSWERS:.2f} {long:.2f} s")
    _line("10,000 against 2,000 words", f"{_ANSWERS * long / short:.2f} x", "<= 5.5 x")


async def _streamed(answers: int, turn: asyncio.Semaphore, after: asyncio.Semaphore) -> float:
    """CPU to stream the words as so many answers, each into a chat of 1,000 turns."""
    parts = fragments(longer(_ANSWERS), 5)
    app, cpu = TranscriptApp(1_000), 0.0
    async with app.run_test(size=SIZE) as pilot:
        for number, part in enumerate(parts):
            await turn.acquire()
            if number % -(-len(parts) // answers) == 0:
                app.transcript.show(app.chat.turns, app.chat.load)
                app.begin()
                await pilot.pause()
            began = time.process_time()
            app.add(part)
            app.transcript.paint()
            await asyncio.sleep(1 / 60)
            cpu += time.process_time() - began
            after.release()
        await turn.acquire()
    after.release()
    return cpu


async def _share(name: str) -> None:
    app = TranscriptApp(1_000)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        app.begin()
        stalls = Stalls()
        watching = asyncio.create_task(stalls.watch())
        began, cpu = time.perf_counter(), time.process_time()
        await feed(app, CASES[name], SECONDS)
        share = (time.process_time() - cpu) / (time.perf_counter() - began)
        watching.cancel()
    bar = "<= 15 %" if name.startswith("prose") else "<= 20 %"
    _line(f"share of a core at 100 words/s: {name}", f"{100 * share:.1f} %", bar)
    _line("  longest stall of the loop", f"{max(stalls.late):.0f} ms", "<= 150 ms")


async def _markdown() -> None:
    app = MarkdownApp()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        app.begin()
        stalls = Stalls()
        watching = asyncio.create_task(stalls.watch())
        began, cpu = time.perf_counter(), time.process_time()
        count = await feed(app, CASES["prose, lists, code"], SECONDS)
        seconds = time.perf_counter() - began
        share = (time.process_time() - cpu) / seconds
        watching.cancel()
    _line("bare Textual Markdown, same words, empty chat", f"{100 * share:.1f} %", "ours is less")
    _line(
        "  longest stall; words/s it kept up with",
        f"{max(stalls.late):.0f} ms, {count / seconds:.0f}",
    )


async def _opening() -> None:
    costs = []
    for _ in range(5):
        app = TranscriptApp(2)
        chat = Chat(10_000)
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            began = time.perf_counter()
            app.transcript.show(chat.turns, chat.load)
            await _painted(app)
            costs.append(1000 * (time.perf_counter() - began))
    name = "open 10,000 messages to first paint, without SQLite"
    _line(name, f"{statistics.median(costs):.0f} ms", "<= 150 ms with")


async def _painted(app: Headed) -> None:
    before = app.paints
    while app.paints == before:
        await asyncio.sleep(0)


async def _scrolling() -> None:
    app = TranscriptApp(10_000)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        frames = []
        for _ in range(200):
            began = time.perf_counter()
            app.transcript.page(-1)
            await _painted(app)
            frames.append(1000 * (time.perf_counter() - began))
        frames.sort()
        shown = f"{frames[100]:.0f} / {frames[190]:.0f} / {frames[198]:.0f} ms"
        _line("PageUp held, a frame p50 / p95 / p99", shown, "p95 25, p99 50 ms")
        began = time.perf_counter()
        app.transcript.scroll_to(y=20_000, animate=False)
        await _painted(app)
        _line("jump by the scroll bar", f"{1000 * (time.perf_counter() - began):.0f} ms")
        costs = []
        for width in (80, 120, 80, 120, 80):
            began = time.perf_counter()
            await pilot.resize_terminal(width, 40)
            while app.transcript.scrollable_content_region.width != width - 1:
                await asyncio.sleep(0)
            costs.append(1000 * (time.perf_counter() - began))
        _line("resize 120 <-> 80, largest of five", f"{max(costs):.0f} ms", "<= 200 ms")


async def _reader() -> None:
    app = TranscriptApp(1_000)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        app.transcript.page(-1)
        app.begin()
        rows = [app.transcript.render_line(y).text for y in range(20)]
        await feed(app, CASES["prose, lists, code"], min(SECONDS, 5))
        moved = sum(app.transcript.render_line(y).text != row for y, row in enumerate(rows))
    _line("rows moved for a reader who scrolled up", str(moved), "0")


def _on_a_terminal(name: str) -> None:
    """A process of its own on a pseudo-terminal, with keys typed while it streams."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        leader, follower = pty.openpty()
        fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.transcript_app", name, str(SECONDS)],
            stdin=follower, stdout=follower, stderr=follower, start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor",
                 "CHATTERM_BENCHMARK": str(result)},
        )  # fmt: skip
        os.close(follower)
        sent, waits = _typed_at(leader, process)
        os.close(leader)
        share = json.loads(result.read_text())["share"]
    waits.sort()
    _line(f"on a terminal: {name}", f"{100 * share:.1f} %")
    _line("  bytes to the terminal", f"{sent / SECONDS / 1000:.0f} KB/s", "<= 100 KB/s (mixed)")
    if waits:
        p95 = waits[int(0.95 * (len(waits) - 1))]
        shown = f"{waits[len(waits) // 2]:.0f} / {p95:.0f} / {waits[-1]:.0f} ms"
        _line(f"  key to its character, p50 / p95 / max of {len(waits)}", shown, "p95 <= 40 ms")


def _typed_at(leader: int, process: subprocess.Popen[bytes]) -> tuple[int, list[float]]:
    """Follow to the end; the bytes, and how long each key took to show."""
    sent, waits = 0, []
    keys = "QXZJQXZJ"
    number = 0
    typed: float | None = None
    next_key = time.perf_counter() + 2.5
    deadline = time.perf_counter() + SECONDS + 30
    while time.perf_counter() < deadline:
        now = time.perf_counter()
        if typed is None and now >= next_key and process.poll() is None:
            os.write(leader, keys[number % len(keys)].encode())
            typed = now
        ready, _, _ = select.select([leader], [], [], 0.02)
        if not ready:
            if process.poll() is not None:
                break
            continue
        try:
            data = os.read(leader, 65536)
        except OSError:
            break
        sent += len(data)
        if b"\x1b[?2026$p" in data:
            os.write(leader, b"\x1b[?2026;2$y")
        if typed is not None and keys[number % len(keys)].encode() in data:
            waits.append(1000 * (time.perf_counter() - typed))
            typed, number = None, number + 1
            next_key = time.perf_counter() + 0.11
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    process.wait(timeout=30)
    return sent, waits


if __name__ == "__main__":
    main()
