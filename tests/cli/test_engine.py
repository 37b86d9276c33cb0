"""A model's file answers through the program; `engine ps|stop` show and end what holds it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import COMMAND, chatterm
from tests.engines import tiny as tiny


@pytest.fixture
def model(tiny: Path) -> Iterator[str]:
    yield str(tiny)
    chatterm("engine", "stop")


def test_a_file_answers_and_stays_loaded(model: str) -> None:
    first = chatterm("ask", "-m", model, "-o", "max_tokens=8", "--json", "hello").json
    second = chatterm("ask", "-m", model, "-o", "max_tokens=8", "--json", "hello").json
    assert (first["backend"], first["stop"]) == ("engine", "length")
    assert first["timings"]["load_ms"] > 0
    assert second["timings"]["load_ms"] is None
    assert second["usage"]["evaluated_tokens"] == 1
    (host,) = chatterm("engine", "ps", "--json").json
    assert host["model"] == model
    assert "tiny.gguf" in chatterm("engine", "ps").out
    assert "stopped tiny.gguf" in chatterm("engine", "stop", "tiny").err
    assert chatterm("engine", "ps", "--json").json == []


def test_a_chat_finds_its_model_from_any_folder(model: str, tmp_path: Path) -> None:
    name = Path(model).name
    said = chatterm(
        "ask", "-m", name, "-o", "max_tokens=3", "--json", "a", cwd=Path(model).parent
    ).json
    again = chatterm(
        "ask", "--chat", said["chat_id"], "-o", "max_tokens=3", "--json", "b", cwd=tmp_path
    ).json
    assert again["model"] == model


def test_a_missing_file_is_exit_3_and_the_prompt_is_kept() -> None:
    ran = chatterm("ask", "-m", "/nowhere/x.gguf", "precious")
    assert ran.code == 3
    assert "/nowhere/x.gguf" in ran.err
    assert "precious" in chatterm("chats", "list").out


def test_an_engine_that_dies_is_exit_4_and_what_came_is_kept(model: str) -> None:
    chatterm("ask", "-m", model, "-o", "max_tokens=1", "warm")
    (host,) = chatterm("engine", "ps", "--json").json
    process = subprocess.Popen(
        [*COMMAND, "ask", "-m", model, "-o", "max_tokens=100000", "go on"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.read(1)
    os.kill(host["pid"], signal.SIGKILL)
    _, errors = process.communicate(timeout=20)
    if process.returncode == 0:
        pytest.skip("the answer was complete before the engine could be killed")
    assert process.returncode == 4
    assert b"the engine died" in errors
    listed = chatterm("chats", "list", "--json").json
    shown = chatterm("chats", "show", listed[0]["id"], "--json").json
    assert shown["messages"][-1]["state"] == "failed"
    assert shown["messages"][-1]["text"]


def test_stopping_what_is_not_loaded_says_so() -> None:
    assert "no model is loaded" in chatterm("engine", "stop").err
    ran = chatterm("engine", "stop", "qwen")
    assert ran.code == 4
    assert "chatterm engine ps" in ran.err
