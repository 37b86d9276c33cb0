"""The built-in guide answers through the same engine as any other model, and is shipped whole."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatterm.engine.gguf import read_header
from tests.cli.program import COMMAND, chatterm
from tests.guide.named import ROOT, TOPICS

GUIDE = ROOT / "chatterm/engine/guide/guide.gguf"
CARD = GUIDE.with_name("card.md")


@pytest.fixture(scope="module", autouse=True)
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One engine for all tests here."""
    yield
    env = {**os.environ, "CHATTERM_HOME": str(tmp_path_factory.getbasetemp() / "guide")}
    subprocess.run([*COMMAND, "engine", "stop"], env=env, check=True)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.getbasetemp() / "guide"
    for name in [name for name in os.environ if name.startswith("CHATTERM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CHATTERM_HOME", str(folder))
    return folder


def test_a_fresh_install_answers_with_the_guide_and_no_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHATTERM_OFFLINE", "1")
    said = chatterm("ask", "--json", "how do I continue my last chat?").json
    assert (said["model"], said["backend"], said["stop"]) == ("guide", "engine", "end")
    assert said["text"] == TOPICS["continue-last-chat"]["answer"]
    assert "`chatterm -c`" in said["text"]


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("How do I search my chats?", "search-chats"),
        ("HOW DO I DELETE A CHAT", "chats-delete"),
        ("how do i download a model", "models-pull"),
        ("who are you", "who-are-you"),
        ("what does exit code 5 mean", "exit-5"),
        ("thank you!", "thanks"),
    ],
)
def test_it_says_its_written_answers_word_for_word(question: str, topic: str) -> None:
    assert chatterm("ask", question).out == TOPICS[topic]["answer"] + "\n"


@pytest.mark.parametrize("question", ["What is the capital of France?", "bake me a cake"])
def test_it_refuses_what_is_not_about_chatterm(question: str) -> None:
    refusals = {table["answer"] for topic, table in TOPICS.items() if topic.startswith("no-")}
    assert chatterm("ask", question).out.rstrip("\n") in refusals


def test_it_goes_on_in_a_chat() -> None:
    first = chatterm("ask", "--json", "how do i delete a chat").json
    example = chatterm("ask", "--chat", first["chat_id"], "show me an example").out
    assert example.rstrip("\n") == TOPICS["chats-delete"]["example"]


def test_where_it_is_unsure_the_nearest_commands_are_named_on_stderr_alone() -> None:
    ran = chatterm("ask", "--temporary", "chats engine purple settings exit zebra paths loud")
    assert "guide is not sure of this answer; the nearest commands: chatterm " in ran.err
    assert "not sure" not in ran.out


def test_where_it_is_sure_nothing_is_said() -> None:
    assert chatterm("ask", "what does exit code 5 mean").err == ""


def test_it_is_small_and_says_its_licence() -> None:
    assert GUIDE.stat().st_size <= 4_000_000
    assert read_header(GUIDE).metadata["general.license"] == "mit"
    assert re.search(r"^- Licence: MIT", CARD.read_text(), re.M)


def test_the_card_says_its_size_and_its_limits() -> None:
    card = CARD.read_text()
    assert f"{GUIDE.stat().st_size / 1e6:.1f} MB" in card
    assert "## Limits" in card


def test_its_page_shows_the_card() -> None:
    assert CARD.read_text().strip() in chatterm("models", "show", "guide").out


def test_the_wheel_holds_the_guide_and_its_card(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        for file in (GUIDE, CARD):
            assert files.read(str(file.relative_to(ROOT))) == file.read_bytes()
        assert not [name for name in files.namelist() if name.startswith("scripts/")]
