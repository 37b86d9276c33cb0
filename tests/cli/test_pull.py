"""``chatterm models pull``: what it prints and how it ends."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatterm.cli.pull_progress import duration_text, progress_line
from chatterm.engine.pull.events import Advanced
from tests.cli.program import COMMAND, chatterm
from tests.hub import Hub, gguf_bytes, running_hub

NAME = "them/small/model-Q4_K_M.gguf"
PULL = ["models", "pull", f"hf:{NAME}"]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running_hub(tmp_path / "hub") as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield running


def test_stdout_is_where_the_model_is(hub: Hub, home: Path) -> None:
    data = hub.add(NAME, gguf_bytes(2_000_000))
    ran = chatterm(*PULL)
    path = home / "data" / "models" / NAME
    assert (ran.code, ran.out) == (0, f"{path}\n")
    assert path.read_bytes() == data
    assert "pulling model-Q4_K_M.gguf: 2 MB" in ran.err
    assert "2 MB are here, and its digest is right" in ran.err
    again = chatterm(*PULL, "--json")
    assert again.json == {
        "model": f"hf:{NAME}",
        "paths": [str(path)],
        "fetched_bytes": 0,
        "checked": True,
    }


def test_a_quiet_pull_says_nothing(hub: Hub) -> None:
    hub.add(NAME, gguf_bytes(100_000))
    assert chatterm(*PULL, "-q").err == ""


def test_a_repository_alone_is_enough(hub: Hub) -> None:
    for quantisation in ("Q2_K", "Q4_K_M", "Q8_0"):
        hub.add(f"them/many/m-{quantisation}.gguf", gguf_bytes(1000))
    ran = chatterm("models", "pull", "hf:them/many")
    assert ran.out.endswith("m-Q4_K_M.gguf\n")
    assert "taking Q4_K_M of Q2_K, Q4_K_M, Q8_0" in ran.err


CATALOGUE = """
[models.mine]
backend = "engine"
repository = "them/mine"
files.Q4_K_M = { file = "mine-q4.gguf" }
files.Q8_0 = { file = "mine-q8.gguf" }
"""


@pytest.fixture
def mine(hub: Hub, home: Path) -> Hub:
    """A catalogue with a model of two quantisations."""
    (home / "config").mkdir(parents=True)
    (home / "config" / "models.toml").write_text(CATALOGUE)
    hub.add("them/mine/mine-q4.gguf", gguf_bytes(1000, seed=4))
    hub.add("them/mine/mine-q8.gguf", gguf_bytes(2000, seed=8))
    return hub


def test_a_model_of_the_catalogue_is_pulled_by_its_name(mine: Hub) -> None:
    assert chatterm("models", "pull", "mine").out.endswith("/them/mine/mine-q4.gguf\n")
    assert chatterm("models", "pull", "mine:q8_0").out.endswith("/them/mine/mine-q8.gguf\n")


def test_what_another_program_has_is_not_pulled_again(mine: Hub, home: Path) -> None:
    place = home / ".lmstudio" / "models" / "them" / "mine" / "mine-q4.gguf"
    place.parent.mkdir(parents=True)
    place.write_bytes(gguf_bytes(1000, seed=4))
    ran = chatterm("models", "pull", "mine")
    assert ran.out == f"{place}\n"
    assert "is used where it is" in ran.err
    assert mine.asked == []


@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        ("nothing-like-it", 3, "the catalogue has no model"),
        ("mine:Q9", 3, "there is no quantisation 'Q9'"),
        ("echo", 3, "echo needs no file"),
        ("hf:them/none/none.gguf", 3, "has no them/none"),
        ("hf:them", 2, "names nothing on the hub"),
        ("https://127.0.0.1:9/x.gguf", 5, "cannot be reached"),
    ],
)
def test_what_cannot_be_pulled_is_an_error_with_a_hint(
    mine: Hub, asked: str, code: int, words: str
) -> None:
    ran = chatterm("models", "pull", asked)
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
    assert "\nhint: " in ran.err


def test_errors_are_json_too(hub: Hub) -> None:
    ran = chatterm("models", "pull", "hf:them/none/none.gguf", "--json")
    assert ran.json["error"]["kind"] == "model"


def test_offline_is_an_error(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATTERM_OFFLINE", "1")
    ran = chatterm(*PULL)
    assert ran.code == 5
    assert "unset CHATTERM_OFFLINE" in ran.err
    assert "trying again" not in ran.err
    assert hub.asked == []


def test_a_gated_model_says_what_to_do(hub: Hub) -> None:
    hub.add(NAME, gguf_bytes(1000))
    hub.habits.token = "secret"
    ran = chatterm(*PULL)
    assert ran.code == 5
    assert "set HF_TOKEN" in ran.err
    assert "secret" not in ran.err


def test_without_a_name_one_is_proposed_and_nothing_pulled(hub: Hub) -> None:
    ran = chatterm("models", "pull")
    assert ran.code in (0, 3)  # 3 where a machine is too small for any
    if ran.code == 0:
        assert ran.out.strip() in ran.err
        assert f"chatterm models pull {ran.out.strip()}" in ran.err
        assert chatterm("models", "pull", "--json").json["proposed"] == ran.out.strip()
    assert hub.asked == []


def test_two_programs_pull_one_file_and_do_not_harm_each_other(hub: Hub, home: Path) -> None:
    data = hub.add(NAME, gguf_bytes(8_000_000))
    hub.habits.bytes_per_second = 8e6
    running = [
        subprocess.Popen([*COMMAND, *PULL], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    said = b"".join(process.communicate(timeout=60)[1] for process in running)
    assert [process.returncode for process in running] == [0, 0]
    assert b"another chatterm is pulling" in said
    assert hub.sent("cdn") <= len(data) + 4
    assert (home / "data" / "models" / NAME).read_bytes() == data


def test_a_terminal_sees_one_line_that_changes(hub: Hub) -> None:
    hub.add(NAME, gguf_bytes(8_000_000))
    hub.habits.bytes_per_second = 8e6
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(COMMAND[0], [*COMMAND, *PULL])
    seen = b""
    try:
        while data := os.read(fd, 4096):
            seen += data
    except OSError:
        pass  # how Linux says that nobody is left on the other side
    finally:
        os.close(fd)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    bars = [line for line in seen.split(b"\r\x1b[K") if line.startswith(b"[")]
    assert len(bars) > 1
    assert any(b"MB/s" in bar for bar in bars)
    assert all(len(bar.partition(b"\r")[0]) < 80 for bar in bars[:-1])


def test_a_line_says_how_far_how_fast_and_how_long() -> None:
    now = Advanced("fetch", 500_000_000, 2_000_000_000, 10_000_000)
    assert progress_line(now, bar=8) == (
        "[##......]   25 %  500 MB of 2.0 GB  10 MB/s  2 min 30 s left"
    )
    assert progress_line(Advanced("check", 5, 10), bar=0) == " 50 %  checking the digest"
    assert "waiting for another" in progress_line(Advanced("wait", 5, 10))
    assert [duration_text(s) for s in (3, 61, 7500)] == ["3 s", "1 min 1 s", "2 h 5 min"]
