"""``--schema``, ``-x`` and ``--dry-run``: the form of what is asked and answered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import ask, chatterm, slow_echo, stored_messages
from tests.ggufs import make_gguf

FITS, MISSES = '{"name": "x", "age": 3}', '{"name": "x"}'


@pytest.mark.parametrize("form", ["name, age int", '{"required": ["age"]}', "FILE"])
def test_an_answer_that_misses_its_schema_is_printed_kept_and_exit_7(
    home: Path, tmp_path: Path, form: str
) -> None:
    if form == "FILE":
        form = str(tmp_path / "schema.json")
        Path(form).write_text('\ufeff{"required": ["age"]}')
    assert ask("--schema", form, FITS).code == 0
    ran = ask("--schema", form, MISSES)
    assert (ran.code, ran.out) == (7, MISSES + "\n")
    assert "lacks age" in ran.err
    assert stored_messages(home)[-1] == ("assistant", MISSES, "complete")


def test_with_json_the_answer_and_its_error_are_one_object() -> None:
    ran = ask("--json", "--schema", "name, age int", MISSES)
    assert ran.code == 7
    assert ran.json["text"] == MISSES
    assert ran.json["error"]["kind"] == "output"
    last = ask("--stream-json", "--schema", "age int", MISSES).out.splitlines()[-1]
    assert json.loads(last)["error"]["kind"] == "output"


def test_a_schema_that_cannot_be_used_is_found_first(home: Path) -> None:
    for schema in ("a integr", "{", "nowhere.json", "", '{"if": {}}'):
        ran = ask("--schema", schema, "x")
        assert (ran.code, ran.out) == (2, ""), schema
    assert not (home / "data").exists()


def test_the_engine_writes_what_the_schema_wants(home: Path) -> None:
    model = str(make_gguf(home.parent / "tiny.gguf"))
    try:
        ran = chatterm(
            "ask", "-m", model, "--schema", "ok bool, n int", "-o", "max_tokens=200", "hi"
        )
        shown = chatterm("ask", "-m", model, "--schema", "n int: how many", "--dry-run", "hi").out
        assert "how many" in shown, "a description is of use only to a model that reads it"
        if ran.code == 0:
            assert set(json.loads(ran.out)) == {"ok", "n"}
        else:
            assert ran.code == 7
            assert "max_tokens" in ran.err
            assert ran.out.startswith("{")
    finally:
        chatterm("engine", "stop")


BLOCKS = "Try this:\n\n```sh\nls\n```\n\nor\n\n```sh\nls -l\n```\n\nGood luck"


def test_extract_prints_the_last_block_alone_and_keeps_everything(home: Path) -> None:
    ran = ask("-x", BLOCKS)
    assert (ran.code, ran.out, ran.err) == (0, "ls -l\n", "")
    assert stored_messages(home)[-1][1] == BLOCKS


def test_without_a_block_nothing_reaches_stdout() -> None:
    ran = ask("-x", "rm is a command")
    assert (ran.code, ran.out) == (7, "")
    assert ran.err.startswith("rm is a command\nchatterm: the answer has no code block\n")


def test_the_block_can_have_a_schema() -> None:
    assert ask("-x", "--schema", "age int", 'Here:\n```json\n{"age": 1}\n```').code == 0
    assert ask("-x", "--schema", "age int", 'Here:\n```json\n{"age": "1"}\n```').code == 7


def test_dry_run_prints_the_prompt_and_its_length_and_keeps_nothing(
    home: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("file")
    ran = ask("--dry-run", "-s", "be brief", "-f", str(tmp_path / "a.txt"), "one two")
    assert ran.out == f'be brief\n\n<file name="{tmp_path}/a.txt">\nfile\n</file>\n\none two\n'
    assert ran.err.endswith(" tokens\n")
    assert not (home / "data" / "chatterm.db").exists()


def test_dry_run_knows_the_chat_it_would_go_on_in(home: Path) -> None:
    chat = ask("--json", "first").json["chat_id"]
    ran = ask("--dry-run", "--json", "--chat", chat, "second")
    assert ran.json["prompt"] == "first\n\nfirst\n\nsecond"
    assert ran.json["tokens"] == 3
    assert len(stored_messages(home)) == 2


def test_dry_run_asks_the_engine_for_exact_numbers(home: Path) -> None:
    model = str(make_gguf(home.parent / "tiny.gguf"))
    try:
        counted = chatterm("ask", "-m", model, "--dry-run", "--json", "hello").json
        assert "<|im_start|>user\nhello<|im_end|>" in counted["prompt"]
        asked = chatterm("ask", "-m", model, "--json", "-o", "max_tokens=1", "hello").json
        assert counted["tokens"] == asked["usage"]["prompt_tokens"]
        assert counted["context"] > 0
    finally:
        chatterm("engine", "stop")


@pytest.mark.parametrize(
    "args",
    [
        ["-x", "--json"],
        ["--temporary", "-c"],
        ["--dry-run", "--stream-json"],
        ["-n", "--stream-json"],
    ],
)
def test_options_that_exclude_each_other_are_named(args: list[str]) -> None:
    ran = ask(*args, "x")
    assert (ran.code, ran.err.count("exclude each other")) == (2, 1)


def test_no_stream_prints_nothing_before_the_end(home: Path) -> None:
    model = slow_echo(home, 1000)
    words = " ".join(f"word{number}" for number in range(50))
    assert chatterm("ask", "-m", model, "-n", words).out == words + "\n"
