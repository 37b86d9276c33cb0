"""What starting costs: CPU of whole processes, beside the bare interpreter and ``llm`` from PyPI.

``llm`` is the tool that most resembles ``ask``; it comes into a venv of its own, with the plugin
that gives it an echo model, and does the same work in turn with us.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

RUNS = 11
CHATS = 100_000


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to do, with both programs; a limit is in ms of CPU."""

    name: str
    ours: list[str]
    theirs: list[str]
    limit: float | None = None
    over_bare: bool = False
    stdin: bytes = b""


CASES = [
    Case("--version", ["--version"], ["--version"], 100, over_bare=True),
    Case("--help", ["--help"], ["--help"]),
    Case("ask -m echo", ["ask", "-m", "echo", "hello"], ["-m", "echo", "hello"], 350),
    Case(
        "ask -m echo, 1 MB piped",
        ["ask", "-m", "echo", "-o", "max_tokens=1"],
        ["-m", "echo"],
        stdin=b"twelve bytes" * 83_000,
    ),
    Case("ask -f README.md", ["ask", "-m", "echo", "-f", "README.md", "x"], []),
    Case("ask --schema", ["ask", "-m", "echo", "--schema", "a int", '{"a": 1}'], []),
]
LISTS = [
    Case("chats list", ["chats", "list"], ["logs", "list", "-n", "20"], 200),
    Case("chats list --text", ["chats", "list", "--text", "4711"], ["logs", "list", "-q", "hello"]),
    Case("search", ["search", "4711"], ["logs", "list", "-q", "hello"]),
]


def main(scale: float = 1.0) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        theirs = _llm(place / "venv")
        env = {
            **os.environ,
            "CHATTERM_HOME": str(place / "ours"),
            "LLM_USER_PATH": str(place / "theirs"),
            "NO_COLOR": "1",
            "PYTHONDONTWRITEBYTECODE": "",
        }
        print("CPU in ms, medians of 11 runs in turn")
        print(f"{'command':28}{'chatterm':>10}{'over bare':>11}{'llm':>8}  bar")
        for case in CASES:
            _measure(case, theirs, env)
        _many_chats(place / "ours" / "data" / "chatterm.db", int(CHATS * scale))
        print(f"with {int(CHATS * scale):,} chats of ours; llm has the few from above")
        for case in LISTS:
            _measure(case, theirs, env)


def _measure(case: Case, theirs: Path | None, env: dict[str, str]) -> None:
    bare, ours, other = [], [], []
    for _ in range(RUNS + 1):
        bare.append(_cpu([sys.executable, "-c", "pass"], env))
        ours.append(_cpu([sys.executable, "-m", "chatterm", *case.ours], env, case.stdin))
        if theirs is not None and case.theirs:
            other.append(_cpu([str(theirs), *case.theirs], env, case.stdin))
    # The first run of each warmed the caches.
    cost, floor = statistics.median(ours[1:]), statistics.median(bare[1:])
    beside = f"{statistics.median(other[1:]):8.0f}" if other else f"{'':8}"
    bar = "" if case.limit is None else _verdict(cost - floor * case.over_bare, case)
    print(f"{case.name:28}{cost:10.0f}{cost - floor:11.0f}{beside}  {bar}", flush=True)


def _verdict(cost: float, case: Case) -> str:
    what = " over the interpreter" if case.over_bare else " in all"
    return f"<= {case.limit:.0f}{what}: {'met' if cost <= (case.limit or 0) else 'MISSED'}"


def _cpu(command: list[str], env: dict[str, str], stdin: bytes = b"") -> float:
    """CPU of one run in milliseconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=env, input=stdin, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _llm(folder: Path) -> Path | None:
    """The program ``llm``, freshly installed; None where there is no package index."""
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "llm", "llm-echo"]
    made = subprocess.run(pip, capture_output=True, text=True)
    if made.returncode:
        print(f"llm cannot be installed, so there is nothing beside us: {made.stderr.strip()}")
        return None
    program = folder / "bin" / "llm"
    version = subprocess.run([str(program), "--version"], capture_output=True, text=True).stdout
    print(f"beside us: {version.strip()} with llm-echo")
    return program


def _many_chats(path: Path, count: int) -> None:
    """Fill the store with short chats."""
    import itertools
    import time

    from chatterm.ids import ulid_factory
    from chatterm.messages import Role
    from chatterm.store import Store

    clock = itertools.count(int(time.time()) - count)
    with Store.open(path, clock=lambda: float(next(clock)), new_id=ulid_factory()) as store:
        for start in range(0, count, 1000):
            with store.atomic():
                for number in range(start, min(start + 1000, count)):
                    chat = store.create_chat(title=f"chat {number}", model="echo")
                    store.add(chat.id, parent_id=None, role=Role.USER, text=f"prompt {number}")


if __name__ == "__main__":
    main()
