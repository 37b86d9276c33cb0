"""What the full-screen program costs, in a pseudo-terminal, with ten thousand chats in the store.

Latency is from a key that is written to the terminal to the bytes that show what it did. The pages
of a key that is held and the change of size are of a chat of ten thousand messages.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.answers import CASES
from benchmarks.window import Window, chatterm, line, percentile
from chatterm.ids import ulid_factory
from chatterm.messages import Role
from chatterm.store import Store

CHATS = 10_000
TURNS = 1_000
MESSAGES = 10_000
RUNS = 7
PAGES = 200
WORDS_PER_SECOND = 100
STREAM_SECONDS = 30
HELD = 1 / 30
"""Seconds between two presses of a key that is held."""
LAST = "the very last words of it"
SOURCE = """\
## A heading

A paragraph with **strong** words, `code`, a [link](https://example.org) and *emphasis* that goes on
for more than a line of the screen, so that it has to be wrapped somewhere.

- a first item
- a second one, with `code`
  - nested

```python
def answer(question: str) -> int:
    return 42  # always
```

| way | cost |
|---|---|
| one | 1 |
| two | 2 |

"""


def main(scale: float = 1.0) -> None:
    with tempfile.TemporaryDirectory(prefix="chatterm-bench-") as folder:
        home = Path(folder)
        streamed, long = fill(home, int(CHATS * scale), int(MESSAGES * scale))
        _report_start(home)
        _report_opening(home)
        _report_paging(home, long)
        _report_resize(home, long)
        _report_streaming(home, streamed)
        _report_stalls(home, streamed)


def fill(home: Path, chats: int, messages: int) -> tuple[str, str]:
    """Many chats, and two long ones, the longer one first in the list; their ids."""
    add_slow_model(home)
    with (
        Store.open(home / "data" / "chatterm.db", clock=time.time, new_id=ulid_factory()) as store,
        store.atomic(),
    ):
        for number in range(chats):
            chat = store.create_chat(title=f"chat number {number}", model="slow")
            store.add(chat.id, parent_id=None, role=Role.USER, text=f"prompt {number}")
        return _long_chat(store, "a long one", TURNS), _long_chat(store, "the long one", messages)


def add_slow_model(home: Path) -> None:
    """An echo that takes its time, by the name of ``slow``."""
    (home / "config").mkdir(parents=True, exist_ok=True)
    (home / "config" / "models.toml").write_text(
        f'[models.slow]\nbackend = "echo"\nwords_per_second = {WORDS_PER_SECOND}\n'
    )


def _long_chat(store: Store, title: str, turns: int) -> str:
    chance = random.Random(2)
    text = CASES["prose, lists, code"]
    chat = store.create_chat(title=title, model="slow")
    parent = None
    for number in range(turns):
        role = Role.USER if number % 2 == 0 else Role.ASSISTANT
        start, size = chance.randrange(len(text) - 1_200), chance.randint(50, 1_200)
        said = LAST if number == turns - 1 else text[start : start + size]
        parent = store.add(chat.id, parent_id=parent, role=role, text=said).id
    return chat.id


def _opened(home: Path, *args: str, size: tuple[int, int] = (120, 40)) -> Window:
    window = chatterm(home, *args, size=size)
    window.until(lambda out: b"Enter" in out)
    window.settle()
    return window


def _report_start(home: Path) -> None:
    walls, costs = [], []
    for _ in range(RUNS + 1):
        window = chatterm(home, "-m", "echo")
        window.until(lambda out: b"Enter" in out)
        costs.append(window.cpu() * 1000)
        window.press(b"x")
        window.until(lambda out: b"x" in out)
        walls.append((time.perf_counter() - window.began) * 1000)
        window.close()
    line("start to a composer, CPU ms", statistics.median(costs[1:]), "<= 450")
    line("start to a typed letter, wall ms", statistics.median(walls[1:]))


def _report_opening(home: Path) -> None:
    """Enter in the list of chats, to the last words of a chat of ten thousand messages."""
    walls, costs = [], []
    for _ in range(RUNS + 1):
        window = _opened(home, "-m", "echo")
        window.press(b"\x02")
        window.until(lambda out: b"the long one" in out)
        window.settle()
        cpu = window.cpu()
        window.press(b"\r")
        walls.append(window.until(lambda out: LAST.encode() in out) * 1000)
        costs.append((window.cpu() - cpu) * 1000)
        window.close()
    line("open 10,000 messages, key to first paint, p50 ms", statistics.median(walls), "<= 150")
    line("  longest ms", max(walls))
    line("  CPU p50 ms", statistics.median(costs))


def _report_paging(home: Path, chat_id: str) -> None:
    window = _opened(home, "--chat", chat_id, "-m", "echo")
    frames = []
    due = time.perf_counter()
    for _ in range(PAGES):
        due = max(due + HELD, time.perf_counter())
        window.read_for(due - time.perf_counter())
        window.press(b"\x1b[5~")
        frames.append(window.frame() * 1000)
    line("PageUp held, key to whole frame, p50 ms", statistics.median(frames))
    line("  p95 ms", percentile(frames, 0.95), "<= 25")
    line("  p99 ms", percentile(frames, 0.99), "<= 50")
    line("  longest ms", max(frames))
    window.close()


def _report_resize(home: Path, chat_id: str) -> None:
    """From the change of size until the screen is that of a window that began with this size."""
    fresh = _opened(home, "--chat", chat_id, "-m", "echo", size=(80, 40))
    wanted = fresh.shown()
    fresh.close()
    window = _opened(home, "--chat", chat_id, "-m", "echo")
    costs = []
    for _ in range(RUNS):
        before, began = len(window.out), time.perf_counter()
        window.resize(80, 40)
        window.settle()
        right = [at for at, rows in window.shown_since(before) if rows == wanted]
        costs.append((right[0] - began) * 1000 if right else float("inf"))
        window.resize(120, 40)
        window.settle()
    window.close()
    line("resize 120 to 80 columns, to the right screen, p50 ms", statistics.median(costs))
    line("  longest ms", max(costs), "<= 200")


def begin_answer(window: Window, seconds: float) -> None:
    """Ask the echo for more than it can say in that time; returns once it has begun."""
    text = CASES["prose, lists, code"]
    while len(text.split()) < (seconds + 15) * WORDS_PER_SECOND:
        text += "\n\n" + CASES["prose, lists, code"]
    window.paste(text)
    window.settle()
    window.press(b"\r")
    window.until(lambda out: b"stops" in out)


def _type(window: Window, seconds: float) -> list[float]:
    """Keys at the pace of fingers; how many ms each took to show."""
    chance = random.Random(3)
    latencies: list[float] = []
    typed = ""
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        window.read_for(chance.uniform(0.05, 0.15))
        if len(typed) > 60:
            window.press(b"\x15")
            typed = ""
            window.until(lambda out: len(out) > 0)
            continue
        typed += chance.choice("qxzjkv")
        wanted = typed.encode()
        window.press(wanted[-1:])
        latencies.append(window.until(lambda out: wanted in out) * 1000)  # noqa: B023
    return latencies


def _report_streaming(home: Path, chat_id: str) -> None:
    """Keys pressed while an answer streams below a thousand turns."""
    window = _opened(home, "--chat", chat_id, "-m", "slow")
    begin_answer(window, STREAM_SECONDS)
    cpu, began, size = window.cpu(), time.perf_counter(), len(window.out)
    latencies = _type(window, STREAM_SECONDS)
    seconds = time.perf_counter() - began
    line("key to screen while streaming, p50 ms", statistics.median(latencies))
    line("  p95 ms", percentile(latencies, 0.95), "<= 40")
    line("  longest ms", max(latencies))
    line("share of a core, with the typing, %", (window.cpu() - cpu) / seconds * 100)
    line("to the terminal, KB/s", (len(window.out) - size) / seconds / 1000, "<= 100")
    window.close()


def _report_stalls(home: Path, chat_id: str) -> None:
    """How late the loop is while an answer streams and somebody types, told by the loop itself."""
    result = home / "stalls.json"
    window = Window(
        [sys.executable, "-m", "benchmarks.watched", "--chat", chat_id, "-m", "slow"],
        {"CHATTERM_HOME": str(home), "BENCHMARK_RESULT": str(result)},
    )
    window.until(lambda out: b"Enter" in out)
    window.settle()
    begin_answer(window, STREAM_SECONDS / 2)
    _type(window, STREAM_SECONDS / 2)
    window.press(b"\x11")
    deadline = time.perf_counter() + 10
    while not result.exists() and time.perf_counter() < deadline:
        window.read(0.1)
    late = json.loads(result.read_text())
    line("the loop's lateness while streaming, p99 ms", percentile(late, 0.99))
    line("  longest stall ms", max(late), "<= 150")
    window.close()


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
