"""What the full-screen program costs: in a pseudo-terminal, with ten thousand chats in the store.

Latency is from a key that is written to the terminal to the repainted line that holds it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import random
import resource
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.store import Corpus
from chatterm.ids import ulid_factory
from chatterm.messages import Role
from chatterm.store import Store

CHATS = 10_000
TURNS = 1_000
RUNS = 7
WORDS_PER_SECOND = 100
STREAM_SECONDS = 30
ANSWERS = 500
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
        long_chat = _fill(home, int(CHATS * scale))
        _report_start(home)
        _report_streaming(home, long_chat)
    asyncio.run(_report_memory(int(ANSWERS * scale)))
    _report_search(scale)


def _fill(home: Path, chats: int) -> str:
    """Many chats, and one long one; returns that one's id."""
    (home / "config").mkdir(parents=True)
    (home / "config" / "models.toml").write_text(
        f'[models.slow]\nbackend = "echo"\nwords_per_second = {WORDS_PER_SECOND}\n'
    )
    with (
        Store.open(home / "data" / "chatterm.db", clock=time.time, new_id=ulid_factory()) as store,
        store.atomic(),
    ):
        for number in range(chats):
            chat = store.create_chat(title=f"chat number {number}", model="slow")
            store.add(chat.id, parent_id=None, role=Role.USER, text=f"prompt {number}")
        long = store.create_chat(title="the long one", model="slow")
        parent = None
        for number in range(TURNS):
            role = Role.USER if number % 2 == 0 else Role.ASSISTANT
            parent = store.add(long.id, parent_id=parent, role=role, text=SOURCE).id
    return long.id


class Window:
    """The program in a pseudo-terminal of 120 by 40."""

    def __init__(self, home: Path, *args: str) -> None:
        self.out = bytearray()
        self.began = time.perf_counter()
        self.process, self._fd = pty.fork()
        if not self.process:
            env = {**os.environ, "CHATTERM_HOME": str(home), "TERM": "xterm-256color"}
            # With no byte code on disk it would be compiling that is measured.
            for name in ("COLUMNS", "LINES", "PYTHONDONTWRITEBYTECODE"):
                env.pop(name, None)
            os.execve(sys.executable, [sys.executable, "-m", "chatterm", *args], env)
        size = struct.pack("HHHH", 40, 120, 0, 0)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, size)

    def read(self, seconds: float) -> bytes:
        """What comes within that time; returns with the first of it."""
        if not select.select([self._fd], [], [], seconds)[0]:
            return b""
        data = os.read(self._fd, 1 << 16)
        self.out += data
        return data

    def until(self, there: Callable[[bytes], bool], seconds: float = 60) -> float:
        """Wait for something on the screen; returns how long that took."""
        started = time.perf_counter()
        begin = len(self.out)
        while not there(bytes(self.out[begin:])):
            if time.perf_counter() - started > seconds:
                raise SystemExit("the program does not answer")
            self.read(0.1)
        return time.perf_counter() - started

    def press(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self._fd)


def _report_start(home: Path) -> None:
    walls, costs = [], []
    for _ in range(RUNS + 1):
        window = Window(home, "-m", "echo")
        window.until(lambda out: b"Enter" in out)
        costs.append(window.cpu() * 1000)
        window.press(b"x")
        window.until(lambda out: b"x" in out)
        walls.append((time.perf_counter() - window.began) * 1000)
        window.close()
    _line("start to a composer, CPU ms", statistics.median(costs[1:]), "<= 450")
    _line("start to a typed letter, wall ms", statistics.median(walls[1:]), "")


def _report_streaming(home: Path, chat_id: str) -> None:
    """Keys pressed while an answer streams below a thousand turns."""
    window = Window(home, "--chat", chat_id, "-m", "slow")
    window.until(lambda out: b"Enter" in out)
    text = SOURCE * (STREAM_SECONDS * WORDS_PER_SECOND // len(SOURCE.split()) + 20)
    window.press(b"\x1b[200~" + text.encode() + b"\x1b[201~")
    window.until(lambda out: b"tokens" in out or b"tok" in out)
    window.read(1.0)
    window.press(b"\r")
    window.until(lambda out: b"stops" in out)
    cpu, began, size = window.cpu(), time.perf_counter(), len(window.out)
    chance = random.Random(3)
    latencies: list[float] = []
    typed = ""
    while time.perf_counter() - began < STREAM_SECONDS:
        pause = time.perf_counter() + chance.uniform(0.05, 0.15)
        while (left := pause - time.perf_counter()) > 0:
            window.read(left)
        if len(typed) > 60:
            window.press(b"\x15")
            typed = ""
            window.until(lambda out: len(out) > 0)
            continue
        typed += chance.choice("qxzjkv")
        wanted = typed.encode()
        window.press(wanted[-1:])
        latencies.append(window.until(lambda out: wanted in out) * 1000)  # noqa: B023
    seconds = time.perf_counter() - began
    share = (window.cpu() - cpu) / seconds * 100
    latencies.sort()
    _line("key to screen while streaming, p50 ms", statistics.median(latencies), "")
    _line("key to screen, p95 ms", latencies[int(len(latencies) * 0.95)], "<= 40")
    _line("key to screen, longest ms", latencies[-1], "<= 150")
    _line("share of a core, with the typing, %", share, "")
    _line("to the terminal, KB/s", (len(window.out) - size) / seconds / 1000, "<= 100")
    window.close()


async def _report_memory(answers: int) -> None:
    """Many answers in one run; the memory after them beside that after a tenth."""
    from chatterm.backend import open_backend
    from chatterm.catalog import load_catalog
    from chatterm.config import Config
    from chatterm.paths import Paths
    from chatterm.tui.app import ChattermApp
    from chatterm.tui.desk import Desk
    from chatterm.tui.talk import Prompt

    with tempfile.TemporaryDirectory(prefix="chatterm-bench-") as home:
        paths = Paths.from_environment({"CHATTERM_HOME": home})
        config, catalog = Config(model="echo"), load_catalog(paths.user_models_file)
        with Store.open(paths.database, clock=time.time, new_id=ulid_factory()) as store:
            desk = Desk(
                store=store,
                config=config,
                catalog=catalog,
                paths=paths,
                database=paths.database,
                terminal_id="bench",
                open_backend=lambda model: open_backend(
                    model, config=config, catalog=catalog, paths=paths
                ),
                clock=time.time,
                monotonic=time.monotonic,
            )
            app = ChattermApp(desk)
            async with app.run_test(size=(120, 40)) as pilot:
                talk = app.chat_screen.talk
                early = 0.0
                for number in range(answers):
                    talk.send(Prompt(f"{number}\n\n{SOURCE}"))
                    while talk.busy:
                        await pilot.pause(0.001)
                    if number == answers // 10 - 1:
                        early = _resident()
                late = _resident()
                await app.talks.aclose()
                app.searcher.close()
    _line(f"memory after {answers // 10} answers, MB", early, "")
    _line(f"memory after {answers} answers, MB", late, f"<= {early * 1.2:.0f}")


def _resident() -> float:
    status = Path("/proc/self/statm")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _report_search(scale: float) -> None:
    """Words typed letter by letter into the search, over a million messages."""
    from chatterm.tui.searching import find

    with tempfile.TemporaryDirectory(prefix="chatterm-bench-") as folder:
        path = Path(folder) / "chatterm.db"
        corpus = Corpus(random.Random(7), (int(1e6 * scale), int(1e5 * scale), 1000))
        corpus.build(path)
        chance = random.Random(11)
        times = []
        with Store.open(path, clock=time.time, new_id=ulid_factory()) as store:
            for _ in range(60):
                line = " ".join(chance.sample(corpus.words[:20_000], 2))
                for end in range(1, len(line) + 1):
                    began = time.perf_counter()
                    find(store, line[:end])
                    times.append((time.perf_counter() - began) * 1000)
    times.sort()
    _line("search as you type, per key, p50 ms", statistics.median(times), "")
    _line("search as you type, per key, p95 ms", times[int(len(times) * 0.95)], "<= 100")
    _line("search as you type, longest ms", times[-1], "")


def _line(name: str, value: float, bar: str) -> None:
    print(f"{name:<44}{value:>10.1f}   {bar}", flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
