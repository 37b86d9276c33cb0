"""The program as a server: how it begins, and what is there after it has ended."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.cli.program import chatterm, slow_echo
from tests.server.asking import Asking, get
from tests.server.program import served_program


def test_it_serves_the_guide_at_once(tmp_path: Path) -> None:
    with served_program(tmp_path) as program:
        told = get(f"{program.url}/configs/model_configs").json()
        assert "guide" in [config["name"] for config in told]


def test_an_answer_that_was_cut_off_is_kept_and_says_why(home: Path, tmp_path: Path) -> None:
    slow_echo(home, words_per_second=5)
    with served_program(tmp_path, grace_seconds=0.2) as program:
        asking = Asking(program.url)
        chat_id = asking.new_chat()
        answer_id = asking.asked(chat_id, "word " * 500, model="slow")
        with asking.events(chat_id, answer_id) as events:
            while next(events)["event_type"] != "token":
                pass
            program.ask_to_stop()
            last = list(events)[-1]
        assert last["event_type"] == "error"
        assert "stopped before this answer was finished" in last["error"]
        program.ended()
    with served_program(tmp_path) as program:
        message = Asking(program.url).message(chat_id, answer_id)
        assert message["state"] == "aborted_by_worker"
        assert message["content"].startswith("word")
        assert "stopped before this answer was finished" in message["error"]


def test_only_one_server_has_a_folder(tmp_path: Path) -> None:
    with served_program(tmp_path):
        ran = chatterm("serve", "--port", "0")
    assert ran.code == 2
    assert "a server is running already" in ran.err


def test_a_port_that_is_taken_is_told() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        ran = chatterm("serve", "--port", str(other.getsockname()[1]))
    assert ran.code == 2
    assert "cannot listen on 127.0.0.1" in ran.err
    assert "--port" in ran.err


def test_a_folder_that_cannot_be_used_is_told(home: Path) -> None:
    home.mkdir()
    (home / "data").write_text("no folder")
    ran = chatterm("serve", "--port", "0")
    assert ran.code == 6
    assert "cannot be used" in ran.err and "CHATTERM_HOME" in ran.err


def test_an_address_of_elsewhere_is_told() -> None:
    ran = chatterm("serve", "--no-auth", "--host", "203.0.113.1", "--port", "0")
    assert ran.code == 2
    assert "this machine does not have the address" in ran.err


@pytest.mark.parametrize("form", ["plain", "json"])
def test_a_model_that_is_named_and_not_here_is_told_and_the_rest_served(
    form: str, tmp_path: Path
) -> None:
    with served_program(tmp_path, log=form, models=["echo", "qwen3-4b"]) as program:
        assert "qwen3-4b" in program.said
        assert [m["name"] for m in get(f"{program.url}/api/tags").json()["models"]] == [
            "echo:latest"
        ]


def test_without_its_packages_it_says_what_to_install() -> None:
    script = (
        "import sys, importlib.util as u\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'fastapi' else find(name, *a)\n"
        "sys.argv = ['chatterm', 'serve']\n"
        "from chatterm.cli.main import main\nmain()\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.returncode == 2
    assert "pip install 'chatterm[serve]'" in ran.stderr


def test_readers_that_come_and_go_leave_the_answer_alone(home: Path, tmp_path: Path) -> None:
    slow_echo(home, words_per_second=50)
    words = " ".join(str(number) for number in range(60))
    with served_program(tmp_path) as program:
        asking = Asking(program.url)
        chat_id = asking.new_chat()
        answer_id = asking.asked(chat_id, words, model="slow")

        def glance() -> None:
            with Asking(program.url).events(chat_id, answer_id) as events:
                next(events)

        threads = [threading.Thread(target=glance) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert asking.said(chat_id, answer_id) == words
