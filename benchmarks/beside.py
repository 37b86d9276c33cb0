"""The same words beside elia, oterm and bare Textual Markdown, each in a pseudo-terminal.

A stand-in streams one answer at a steady pace into an empty chat of each program in turn. What
counts is the CPU from the first word on the screen to the last, and how late the last one came.
elia and oterm come from PyPI into environments of their own below `build/beside`.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
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


@dataclass(frozen=True)
class Candidate:
    """A program and how its answer is begun."""

    command: list[str]
    env: dict[str, str] = field(default_factory=dict)
    begin: Callable[[Window], None] = lambda window: None


def main(words: float = 2_000) -> None:
    text = f"{FIRST} {mixed(int(words))}\n\nand that was the {LAST}"
    print(f"{'program':24}{'CPU s':>8}{'share':>9}{'KB/s':>8}{'last word late by':>20}")
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
                _measure(name, lambda url, p=prepare, h=home: p(url, h), file, seconds)  # type: ignore[misc]
            except (SystemExit, subprocess.CalledProcessError) as failure:
                print(f"{name:24}could not be driven: {str(failure)[:400]}", flush=True)


def _measure(name: str, prepare: Callable[[str], Candidate], file: Path, seconds: float) -> None:
    command = [sys.executable, "-m", "benchmarks.words", str(file), str(WORDS_A_SECOND)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    assert server.stdout is not None
    try:
        candidate = prepare(server.stdout.readline().decode().strip())
        window = Window(candidate.command, candidate.env)
        try:
            candidate.begin(window)
            window.until(lambda out: FIRST.encode() in out, PATIENCE)
            cpu, size, began = window.cpu(), len(window.out), time.perf_counter()
            window.until(lambda out: LAST.encode() in out, 20 * seconds)
            wall = time.perf_counter() - began
            cpu = window.cpu() - cpu
            rate = (len(window.out) - size) / wall / 1000
        finally:
            window.close()
    finally:
        server.terminate()
        server.wait()
    late = wall - seconds
    print(f"{name:24}{cpu:8.1f}{100 * cpu / wall:7.1f} %{rate:8.0f}{late:18.1f} s", flush=True)


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
    python = _python_with("oterm")
    (home / "config.json").write_text(json.dumps({"splash-screen": False}))
    env = {"OTERM_DATA_DIR": str(home), "OLLAMA_URL": url}
    subprocess.run([str(python), "-c", SEED_OTERM], env={**os.environ, **env}, check=True)
    return Candidate([str(python.with_name("oterm"))], env, _typed(b"submit"))


def _elia(url: str, home: Path) -> Candidate:
    python = _python_with("elia-chat")
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
    return Candidate([str(python.with_name("elia")), "go"], env)


def _python_with(package: str) -> Path:
    """An environment of its own: they want versions of Textual that exclude each other."""
    python = PLACE / package / "bin" / "python"
    if not python.exists():
        venv.create(PLACE / package, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", package], check=True)
    return python


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
