"""``chatterm doctor``: each line says ok or what to do; the exit code is the first failure's."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from chatterm.catalog import load_catalog
from chatterm.cli.checkup.check import Check
from chatterm.cli.checkup.contents import model_checks
from chatterm.cli.checkup.folders import folder_checks
from chatterm.cli.checkup.machine import cpu_checks, engine_check, gpu_check, python_check
from chatterm.cli.checkup.terminal import Terminal, terminal_checks
from chatterm.config import Config
from chatterm.engine.gpus import Gpu, Graphics
from chatterm.engine.machine import Machine
from chatterm.engine.wheels import wheel_for
from chatterm.paths import Paths
from tests.cli.program import ask, chatterm
from tests.engines import tiny as tiny


def report() -> dict[str, dict[str, Any]]:
    """The first line of each area that is not ok, or else any."""
    lines: dict[str, dict[str, Any]] = {}
    for check in chatterm("doctor", "--json").json:
        if check["area"] not in lines or lines[check["area"]]["state"] == "ok":
            lines[check["area"]] = check
    return lines


def test_a_sound_installation_is_ok_in_every_area() -> None:
    ask("hello")
    ran = chatterm("doctor")
    assert ran.code == 0, ran.out
    assert "FAILS" not in ran.out
    for area in ("python", "platform", "engine", "gpu", "folders", "disk", "chats", "settings"):
        assert f"ok     {area}" in ran.out


def test_looking_changes_nothing(home: Path) -> None:
    assert chatterm("doctor").code == 0
    assert not home.exists()


def test_help_is_short_and_has_an_example() -> None:
    lines = chatterm("doctor", "--help").out.splitlines()
    assert len(lines) < 40
    assert "  Example: chatterm doctor" in lines


def test_a_damaged_store_is_exit_6(home: Path) -> None:
    ask("hello")
    with sqlite3.connect(home / "data" / "chatterm.db") as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("UPDATE chats SET tip_id = 'nothing'")
    connection.close()
    ran = chatterm("doctor")
    assert ran.code == 6
    assert "chatterm.db is damaged: " in ran.out
    assert ".recover" in ran.out


def test_a_database_that_is_none_is_exit_6(home: Path) -> None:
    (home / "data").mkdir(parents=True)
    (home / "data" / "chatterm.db").write_bytes(b"no database at all" * 100)
    ran = chatterm("doctor")
    assert ran.code == 6


def test_a_wrong_setting_is_exit_2_and_the_rest_is_still_looked_at(home: Path) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text("modle = 'x'\n")
    ran = chatterm("doctor")
    assert ran.code == 2
    assert "there is no setting 'modle'" in ran.out
    assert "did you mean model?" in ran.out
    assert "ok     chats" in ran.out


def test_a_broken_model_is_exit_3(home: Path) -> None:
    folder = home / "data" / "models" / "a" / "b"
    folder.mkdir(parents=True)
    (folder / "broken.gguf").write_bytes(b"GGUF")
    line = report()["models"]
    assert line["exit_code"] == 3
    assert "broken cannot be used" in line["text"]
    assert chatterm("doctor").code == 3


def test_a_model_of_new_chats_that_is_gone_is_exit_3(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATTERM_MODEL", "/nowhere/x.gguf")
    assert "is gone: /nowhere/x.gguf" in report()["models"]["text"]
    monkeypatch.setenv("CHATTERM_MODEL", "no-such-model")
    assert chatterm("doctor").code == 3


def test_a_model_that_does_not_fit_is_named(home: Path, tiny: Path) -> None:
    folder = home / "data" / "models" / "a" / "b"
    folder.mkdir(parents=True)
    shutil.copy(tiny, folder / "large.gguf")
    paths = paths_at(home)
    catalog = load_catalog(paths.user_models_file)
    small, usual = (Machine(memory, memory) for memory in (1000, 64_000_000_000))
    line, *_ = model_checks(Config(), catalog, paths, small)
    assert line.text == "large does not fit this machine's free memory"
    assert "chatterm models fit large" in line.todo
    assert [check.text for check in model_checks(Config(), catalog, paths, usual)] == [
        "1 of 1 on this machine fit its memory"
    ]


def test_folders_that_others_can_read_are_named(home: Path) -> None:
    ask("hello")
    (home / "data").chmod(0o755)
    line = report()["folders"]
    assert line["state"] == "advice"
    assert line["todo"] == f"chmod 700 {home / 'data'}"
    assert chatterm("doctor").code == 0


def paths_at(home: Path) -> Paths:
    return Paths.from_environment({"CHATTERM_HOME": str(home)})


def test_a_file_where_a_folder_belongs_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    failing = [check for check in folder_checks(paths_at(tmp_path / "home")) if check.exit_code]
    assert {check.exit_code for check in failing} == {2}
    assert "is not a folder" in failing[0].text


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        found = list(folder_checks(paths_at(tmp_path / "home")))
    finally:
        tmp_path.chmod(0o700)
    assert "cannot be made" in found[0].text


# -- the machine ---------------------------------------------------------------------------------

GPU = {"name": "NVIDIA H100", "free": 79_000_000_000, "total": 80_000_000_000, "integrated": False}
CPU_BUILD: dict[str, Any] = {"version": "0.3.36", "system": "CPU : AVX2 = 1 | ", "devices": []}
CUDA_BUILD = {**CPU_BUILD, "system": "CUDA : ARCHS = 900 | CPU : AVX2 = 1 | ", "devices": [GPU]}
VULKAN_BUILD = {**CPU_BUILD, "devices": [GPU]}
NVIDIA = Graphics((Gpu("nvidia", "NVIDIA H100", (9, 0)),), cuda=(12, 4))


def gpu_line(said: dict[str, Any], found: Graphics) -> Check:
    return gpu_check(said, found, wheel_for("linux", "x86_64", found))


def test_a_gpu_that_is_not_used_names_the_wheel_and_why() -> None:
    line = gpu_line(CPU_BUILD, NVIDIA)
    assert line.state == "advice"
    assert "NVIDIA H100, driver for CUDA 12.4" in line.text
    assert "whl/cu124" in line.todo


def test_a_gpu_that_is_used_is_ok() -> None:
    assert gpu_line(CUDA_BUILD, NVIDIA) == Check(
        "gpu", "ok", "NVIDIA H100 (79.0 GB of 80.0 GB free) is used"
    )
    assert "not through CUDA" in gpu_line(VULKAN_BUILD, NVIDIA).text
    assert gpu_line(CPU_BUILD, Graphics()).state == "ok"
    assert "needs Vulkan" in gpu_line(CPU_BUILD, Graphics((Gpu("intel"),))).text


def test_the_engine_says_what_it_was_built_for() -> None:
    assert engine_check(CUDA_BUILD, "python").text == (
        "llama-cpp-python 0.3.36, built for CUDA and the processor (AVX2)"
    )
    broken = engine_check({}, "python")
    assert (broken.exit_code, broken.state) == (4, "failed")


def test_a_build_that_wastes_the_processor_is_named() -> None:
    slow = {**CPU_BUILD, "system": "CPU : SSE3 = 1 | "}
    (line,) = cpu_checks(slow, frozenset({"avx2", "fma"}))
    assert "without AVX2, FMA" in line.text
    assert list(cpu_checks(CPU_BUILD, frozenset({"avx2"}))) == []


def test_an_old_python_is_exit_2() -> None:
    assert python_check((3, 10, 1), "python").exit_code == 2


# -- the terminal --------------------------------------------------------------------------------


def lines_of(
    env: dict[str, str], encoding: str = "utf-8", size: tuple[int, int] = (100, 40)
) -> str:
    terminal = Terminal(env, size, encoding)
    return "\n".join(
        f"{check.state} {check.area}: {check.text} -> {check.todo}"
        for check in terminal_checks(terminal)
    )


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "16 million colours, 100 x 40"),
        ({"TERM": "xterm-256color"}, "256 colours"),
        ({"TERM": "xterm", "NO_COLOR": "1"}, "no colours, as NO_COLOR wants"),
        ({"TERM": "dumb"}, "advice terminal: TERM is dumb"),
        ({}, "TERM is not set"),
        ({"TERM": "xterm-kitty", "KITTY_WINDOW_ID": "1"}, "kitty takes copied text"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, "VTE does not take copied text"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, "does not take"),
        ({"TERM": "xterm-256color"}, "cannot be known"),
        ({"TERM": "tmux-256color", "TMUX": "x"}, "set -g set-clipboard on"),
        ({"TERM": "tmux-256color", "TMUX": "x"}, "tmux passes on 256 colours only"),
        ({"TERM": "xterm-256color", "TMUX": "x"}, "set -g default-terminal tmux-256color"),
        ({"TERM": "screen", "STY": "x"}, "screen does not pass copied text on"),
    ],
)
def test_what_a_terminal_says_of_itself(env: dict[str, str], words: str) -> None:
    assert words in lines_of(env)


def test_small_terminals_and_other_encodings() -> None:
    assert "it is small" in lines_of({"TERM": "xterm"}, size=(60, 20))
    assert "written as ascii" in lines_of({"TERM": "xterm"}, encoding="ascii")
    nothing = list(terminal_checks(Terminal({}, None, "utf-8")))
    assert [check.state for check in nothing] == ["ok"]
