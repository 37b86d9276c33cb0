"""``chatterm ask`` as a process: what is printed where, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.program import COMMAND, ask, chatterm, slow_echo, stored_messages

LONG = " ".join(f"word{number}" for number in range(400))


def test_the_answer_alone_is_on_stdout() -> None:
    ran = ask("hello", "world")
    assert (ran.code, ran.out, ran.err) == (0, "hello world\n", "")


def test_piped_text_is_joined_to_the_prompt() -> None:
    assert ask("say:", stdin="a\nb").out == "say:\n\na\nb\n"
    assert ask(stdin="only this\n").out == "only this\n"


def test_a_dash_says_where_the_piped_text_goes() -> None:
    assert ask("before", "-", "after", stdin="PIPED\n").out == "before PIPED after\n"


def test_windows_line_ends_and_a_byte_order_mark_are_understood() -> None:
    assert ask(stdin=b"\xef\xbb\xbfone\r\ntwo\r\n").out == "one\ntwo\n"


def test_json_is_one_object_with_everything() -> None:
    said = ask("--json", "two words").json
    assert said["text"] == "two words"
    assert (said["model"], said["backend"], said["state"], said["stop"]) == (
        "echo",
        "echo",
        "complete",
        "end",
    )
    assert said["usage"] == {
        "prompt_tokens": 2,
        "cached_tokens": 0,
        "evaluated_tokens": 2,
        "completion_tokens": 2,
        "reasoning_tokens": 0,
    }
    assert set(said["timings"]) == {
        "queue_ms",
        "load_ms",
        "prompt_ms",
        "first_token_ms",
        "generation_ms",
    }
    assert said["chat_id"] != said["message_id"]


def test_stream_json_is_one_event_a_line() -> None:
    events = [json.loads(line) for line in ask("--stream-json", "one two").out.splitlines()]
    assert [event["event"] for event in events] == ["started", "text", "text", "done"]
    assert "".join(event.get("text", "") for event in events[1:3]) == "one two"
    assert events[-1]["state"] == "complete"


def test_an_unknown_model_is_exit_3_with_the_nearest_name() -> None:
    ran = chatterm("ask", "-m", "ecko", "hi")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == "chatterm: there is no model 'ecko'\nhint: did you mean echo?\n"


def test_with_json_an_error_is_an_object_too() -> None:
    ran = chatterm("ask", "--json", "-m", "ecko", "hi")
    assert ran.code == 3
    assert ran.json == {
        "error": {
            "kind": "model",
            "message": "there is no model 'ecko'",
            "hint": "did you mean echo?",
        }
    }


@pytest.mark.parametrize(
    "args",
    [
        [""],
        ["--json", "--stream-json", "x"],
        ["--chat", "x", "-c", "x"],
        ["--no-such-option", "x"],
        ["-o", "temperatur=1", "x"],
        ["-o", "temperature=hot", "x"],
        ["-o", "seed", "x"],
    ],
)
def test_a_wrong_call_is_exit_2_and_no_traceback(args: list[str]) -> None:
    ran = ask(*args)
    assert ran.code == 2
    assert ran.err.startswith("chatterm: ")
    assert "Traceback" not in ran.err


def test_a_wrong_parameter_is_found_before_anything_is_stored(home: Path) -> None:
    assert ask("-o", "seed=-1", "x").code == 2
    assert not (home / "data").exists()


def test_continue_goes_on_in_the_last_chat_of_this_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHATTERM_TERMINAL", "first")
    first = ask("--json", "one").json["chat_id"]
    monkeypatch.setenv("CHATTERM_TERMINAL", "second")
    second = ask("--json", "two").json["chat_id"]
    monkeypatch.setenv("CHATTERM_TERMINAL", "first")
    assert ask("--json", "-c", "three").json["chat_id"] == first
    assert ask("--json", "--chat", second[-8:], "four").json["chat_id"] == second
    assert ask("--json", "-c", "five").json["chat_id"] == second


def test_continue_without_a_chat_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATTERM_TERMINAL", "new")
    ran = ask("-c", "x")
    assert ran.code == 2
    assert "chatterm chats list" in ran.err


def test_temporary_leaves_nothing(home: Path) -> None:
    assert ask("--temporary", "secret").out == "secret\n"
    assert not (home / "data" / "chatterm.db").exists()


def test_a_system_prompt_begins_the_chat(home: Path) -> None:
    ask("-s", "be brief", "hello")
    assert [role for role, _, _ in stored_messages(home)] == ["system", "user", "assistant"]


def test_ctrl_c_ends_with_130_and_keeps_the_partial_answer(home: Path) -> None:
    model = slow_echo(home)
    process = subprocess.Popen([*COMMAND, "ask", "-m", model, LONG], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as out:
        out.read(30)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 130
    (_, prompt, _), (_, answer, state) = stored_messages(home)
    assert prompt == LONG
    assert state == "stopped"
    assert LONG.startswith(answer)
    assert len(answer) >= 30


def test_with_json_ctrl_c_still_prints_the_object(home: Path) -> None:
    model = slow_echo(home)
    process = subprocess.Popen(
        [*COMMAND, "ask", "--json", "-m", model, LONG], stdout=subprocess.PIPE
    )
    database = home / "data" / "chatterm.db"
    wait_for_rows(database, 2)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=10)
    assert process.returncode == 130
    assert json.loads(out)["state"] == "stopped"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_being_told_to_end_keeps_the_partial_answer(
    home: Path, number: signal.Signals, code: int
) -> None:
    model = slow_echo(home)
    process = subprocess.Popen([*COMMAND, "ask", "-m", model, LONG], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as out:
        out.read(30)
        process.send_signal(number)
        assert process.wait(timeout=10) == code
    assert stored_messages(home)[1][2] == "stopped"


def test_a_reader_that_has_enough_ends_it_quietly(home: Path) -> None:
    model = slow_echo(home, 1000)
    pipeline = f"{' '.join(COMMAND)} ask -m {model} '{LONG}' | head -c 20; echo ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", pipeline], capture_output=True, text=True, timeout=60)
    assert ran.stderr == ""
    assert ran.stdout.splitlines()[-1].endswith("0")
    assert stored_messages(home)[1][2] == "stopped"


def test_kill_loses_at_most_a_second_and_never_the_prompt(home: Path) -> None:
    model = slow_echo(home, 50)
    process = subprocess.Popen([*COMMAND, "ask", "-m", model, LONG], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as out:
        seen = b""
        while len(seen) < 500:
            seen += os.read(out.fileno(), 4096)
        process.kill()
        process.wait()
        seen += out.read()
    ask("the next one finds it")
    (_, prompt, _), (_, answer, state), *_ = stored_messages(home)
    assert prompt == LONG
    assert state == "stopped"
    assert len(seen.decode().split()) - len(answer.split()) <= 50


def test_stdin_that_is_too_long_is_refused_with_numbers() -> None:
    ran = ask(stdin="x" * 10_000_001)
    assert ran.code == 2
    assert "10 MB" in ran.err


def test_quiet_keeps_stderr_empty_but_for_errors() -> None:
    assert ask("-q", "hi").err == ""
    assert chatterm("ask", "-q", "-m", "nobody", "hi").err != ""


def wait_for_rows(database: Path, count: int) -> None:
    for _ in range(500):
        try:
            connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
            try:
                (found,) = connection.execute("SELECT count(*) FROM messages").fetchone()
            finally:
                connection.close()
            if found >= count:
                return
        except sqlite3.OperationalError:
            pass
        time.sleep(0.02)
    raise AssertionError(f"{database} never had {count} messages")


def test_arguments_that_are_no_utf8_are_read_as_well_as_they_can_be() -> None:
    ran = subprocess.run(
        [*COMMAND, "ask", "-m", "echo", "-s", b"\xff", b"caf\xe9 ol\xc3\xa9"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    assert (ran.returncode, ran.stdout.decode()) == (0, "caf\ufffd ol\u00e9\n")
