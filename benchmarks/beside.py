"""The same words beside elia, oterm and bare Textual Markdown, each in a pseudo-terminal.

A stand-in streams one answer at a steady pace into an empty chat of each program in turn. What
counts is the CPU from the first word on the screen to the last, how late the last one came, and for
how long at most nothing came meanwhile. oterm stops following once it has fallen behind, so the
last word may never be on its screen: then the end is when its own store has the whole answer.
elia and oterm come from PyPI into environments of their own below `build/beside`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.answers import mixed
from benchmarks.transcript_app import MarkdownApp
from benchmarks.window import Window

ROOT = Path(__file__).parents[1]
PLACE = ROOT / "build" / "beside"
WORDS_A_SECOND = 100
PATIENCE = 60.0
"""Seconds until a program is there; elia imports for ten of them on a busy machine."""
SLOWEST = 6
"""How many times as long as the answer lasts a program may take to show it."""
FIRST, LAST = "zfirstwordz", "zlastwordz"
SEED_OTERM = """
import asyncio
from oterm.store.store import Store
from oterm.types import ChatModel
async def seed():
    store = await Store.get_store()
    await store.save_chat(ChatModel(name="words", model="words", provider="ollama"))
asyncio.run(seed())
"""

ANSWERED_OTERM = "SELECT 1 FROM message WHERE author = 'assistant' AND instr(text, ?)"


@dataclass(frozen=True)
class Candidate:
    """A program and how its answer is begun."""

    command: list[str]
    env: dict[str, str] = field(default_factory=dict)
    begin: Callable[[Window], None] = lambda window: None
    has_whole_answer: Callable[[], bool] = lambda: False
    """Whether the program is through, though the last word may not be on the screen."""


def main(words: float = 2_000) -> None:
    text = f"{FIRST} {mixed(int(words))}\n\nand that was the {LAST}"
    print(
        f"{'program':24}{'CPU s':>8}{'wall s':>8}{'share':>9}{'KB/s':>8}"
        f"{'last word late by':>20}{'longest silence':>18}"
    )
    with tempfile.TemporaryDirectory(prefix="chatterm-bench-") as folder:
        file = Path(folder) / "text.md"
        file.write_text(text)
        seconds = len(text.split(" ")) / WORDS_A_SECOND
        for name, prepare in {
            "chatterm": _chatterm,
            "bare Textual Markdown": _markdown,
            "oterm": _oterm,
            "elia": _elia,
        }.items():
            home = Path(folder) / name
            home.mkdir()
            try:
                with _stand_in(file) as url:
                    _measure(name, prepare(url, home), seconds)
            except (SystemExit, OSError, subprocess.CalledProcessError) as failure:
                said = getattr(failure, "stderr", None) or failure
                print(f"{name:24}could not be measured: {str(said)[-400:].strip()}", flush=True)


@contextmanager
def _stand_in(file: Path) -> Iterator[str]:
    """A process that streams what the file holds; its address."""
    command = [sys.executable, "-m", "benchmarks.words", str(file), str(WORDS_A_SECOND)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    assert server.stdout is not None
    try:
        yield server.stdout.readline().decode().strip()
    finally:
        server.terminate()
        server.wait()


def _measure(name: str, candidate: Candidate, seconds: float) -> None:
    window = Window(candidate.command, candidate.env)
    try:
        candidate.begin(window)
        window.until(lambda out: FIRST.encode() in out, PATIENCE)
        cpu, size, began = window.cpu(), len(window.out), time.perf_counter()
        is_seen = True

        def ended(out: bytes) -> bool:
            nonlocal is_seen
            is_seen = LAST.encode() in out
            return is_seen or candidate.has_whole_answer()

        window.until(ended, SLOWEST * seconds)
        wall, cpu = time.perf_counter() - began, window.cpu() - cpu
        rate = (len(window.out) - size) / wall / 1000
        if not is_seen:
            window.read_for(1.0)
            is_seen = LAST.encode() in window.out
    finally:
        window.close()
    silence = _longest_silence([at for at, _ in window.came if began <= at <= began + wall])
    print(
        f"{name:24}{cpu:8.1f}{wall:8.1f}{100 * cpu / wall:7.1f} %{rate:8.0f}"
        f"{wall - seconds:18.1f} s{silence:15.0f} ms{'' if is_seen else '   not on the screen'}",
        flush=True,
    )


def _longest_silence(times: list[float]) -> float:
    """For how many ms at most nothing came to the terminal, though words came all the time."""
    return 1000 * max(after - before for before, after in itertools.pairwise(times))


def _typed(ready: bytes) -> Callable[[Window], None]:
    def begin(window: Window) -> None:
        window.until(lambda out: ready in out, PATIENCE)
        window.read_for(3.0)
        window.press(b"go")
        window.read_for(0.5)
        window.press(b"\r")

    return begin


def _chatterm(url: str, home: Path) -> Candidate:
    env = {"CHATTERM_HOME": str(home)}
    ours = [sys.executable, "-m", "chatterm"]
    add = [*ours, "remotes", "add", "words", f"{url}/v1"]
    subprocess.run(add, env={**os.environ, **env}, check=True, capture_output=True)
    return Candidate([*ours, "-m", "words/words"], env, _typed(b"Enter"))


def _markdown(url: str, home: Path) -> Candidate:
    return Candidate([sys.executable, "-m", "benchmarks.beside", url])


def _oterm(url: str, home: Path) -> Candidate:
    program = _installed("oterm", "oterm")
    (home / "config.json").write_text(json.dumps({"splash-screen": False}))
    env = {"OTERM_DATA_DIR": str(home), "OLLAMA_URL": url}
    seed = [str(program.with_name("python")), "-c", SEED_OTERM]
    subprocess.run(seed, env={**os.environ, **env}, check=True, capture_output=True, text=True)

    def has_whole_answer() -> bool:
        with closing(sqlite3.connect(home / "store.db")) as kept:
            return bool(kept.execute(ANSWERED_OTERM, (LAST,)).fetchone())

    return Candidate([str(program)], env, _typed(b"submit"), has_whole_answer)


def _elia(url: str, home: Path) -> Candidate:
    program = _installed("elia-chat", "elia")
    (home / "elia").mkdir()
    (home / "elia" / "config.toml").write_text(
        'default_model = "openai/words"\n[[models]]\nname = "openai/words"\n'
        f'api_base = "{url}/v1"\napi_key = "none"\n'
    )
    env = {
        "XDG_CONFIG_HOME": str(home),
        "XDG_DATA_HOME": str(home),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    return Candidate([str(program), "go"], env)


def _installed(package: str, program: str) -> Path:
    """In an environment of its own: they want versions of Textual that exclude each other."""
    there = PLACE / package / "bin" / program
    if not there.exists():
        venv.create(PLACE / package, with_pip=True)
        install = [str(there.with_name("python")), "-m", "pip", "install", "-q", package]
        subprocess.run(install, check=True, capture_output=True, text=True)
    return there


class StreamedMarkdown(MarkdownApp):
    """Bare Textual: the answer of the stand-in in one Markdown widget."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def on_ready(self) -> None:
        self.run_worker(self._stream())

    async def _stream(self) -> None:
        await asyncio.sleep(0.5)
        self.begin()
        asked = {"model": "words", "stream": True, "messages": []}
        path = f"{self._url}/v1/chat/completions"
        async with (
            httpx.AsyncClient() as client,
            client.stream("POST", path, json=asked, timeout=None) as reply,
        ):
            async for said in reply.aiter_lines():
                if said.startswith("data: {"):
                    delta = json.loads(said[6:])["choices"][0]["delta"]
                    await self.add(delta.get("content", ""))
        await self.stream.stop()


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1].startswith("http"):
        StreamedMarkdown(sys.argv[1]).run()
    else:
        main(*map(float, sys.argv[1:2]))
