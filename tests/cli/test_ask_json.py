"""What ``ask --json`` and ``--stream-json`` print is what the schemas in the package say."""

from __future__ import annotations

import json
import signal
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from chatterm.cli import json_printers
from tests.cli.program import COMMAND, ask, chatterm, slow_echo
from tests.ggufs import make_gguf

SCHEMAS = Path(json_printers.__file__).parent / "schemas"


@cache
def schema(name: str) -> jsonschema.Draft202012Validator:
    loaded = json.loads((SCHEMAS / name).read_text())
    jsonschema.Draft202012Validator.check_schema(loaded)
    return jsonschema.Draft202012Validator(loaded)


def object_of(out: str) -> Any:
    """The one object on stdout, after it was found to fit."""
    assert out.count("\n") == 1
    said = json.loads(out)
    schema("ask.json").validate(said)
    return said


RUNS = [
    (["hello"], 0),
    (["-o", "max_tokens=1", "one two"], 0),
    (["-o", "stop=two", "one two"], 0),
    (["--schema", "age int", "{}"], 7),
    (["-m", "nobody", "x"], 3),
    (["-o", "seed=x", "x"], 2),
    ([""], 2),
    (["-c", "x"], 2),
    (["--chat", "none", "x"], 6),
    (["-f", "nowhere", "x"], 2),
]


@pytest.mark.parametrize(("args", "code"), RUNS, ids=lambda value: str(value))
def test_every_end_of_a_run_is_one_object(args: list[str], code: int) -> None:
    ran = ask("--json", *args)
    assert ran.code == code
    said = object_of(ran.out)
    assert ("error" in said) == bool(code)


@pytest.mark.parametrize(("args", "code"), RUNS, ids=lambda value: str(value))
def test_every_line_of_a_stream_is_an_event_and_the_last_one_says_how_it_ended(
    args: list[str], code: int
) -> None:
    ran = ask("--stream-json", *args)
    assert ran.code == code
    events = [json.loads(line) for line in ran.out.splitlines()]
    for event in events:
        schema("ask-events.json").validate(event)
    assert events[-1].get("event") == "done" or "error" in events[-1]


def test_an_answer_that_was_stopped_is_an_object_too(home: Path) -> None:
    model = slow_echo(home, 2)
    process = subprocess.Popen(
        [*COMMAND, "ask", "--stream-json", "-m", model, "one two three four"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as out:
        lines = [out.readline(), out.readline()]
        process.send_signal(signal.SIGINT)
        lines += out.readlines()
    assert process.wait(timeout=60) == 130
    for line in lines:
        schema("ask-events.json").validate(json.loads(line))
    assert json.loads(lines[-1])["state"] == "stopped"


def test_the_engines_answers_fit_as_well(home: Path) -> None:
    model = str(make_gguf(home.parent / "tiny.gguf"))
    try:
        said = object_of(chatterm("ask", "--json", "-m", model, "-o", "max_tokens=3", "hi").out)
        assert said["usage"]["completion_tokens"] == 3
        events = chatterm("ask", "--stream-json", "-m", model, "-o", "max_tokens=3", "hi").out
        for line in events.splitlines():
            schema("ask-events.json").validate(json.loads(line))
    finally:
        chatterm("engine", "stop")
