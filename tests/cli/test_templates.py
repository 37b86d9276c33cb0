"""``chatterm templates`` and ``ask -t``, as processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.cli.program import COMMAND, ask, chatterm


def new(*args: str) -> None:
    assert chatterm("templates", "new", *args).code == 0


def test_a_template_is_kept_listed_shown_used_and_removed(home: Path) -> None:
    new("translate", "Translate into {{to}}: {{input}}", "-p", "to=French", "-o", "seed=7")
    new("compare", "Is {{a}} better than {{b}}?", "--summary", "Compare two things")
    assert chatterm("templates", "list").out == (
        "compare    Compare two things  -p a=... -p b=...\n"
        "lively     Varied, less predictable\n"
        "precise    The likeliest words, each time\n"
        "translate  Translate into {{to}}: {{input}}\n"
    )
    listed = chatterm("templates", "list", "--json").json
    assert [template["required"] for template in listed] == [["a", "b"], [], [], []]
    file = home / "config" / "templates" / "translate.toml"
    assert chatterm("templates", "show", "translate").out == file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert ask("-t", "translate", stdin="piped").out == "Translate into French: piped\n"
    assert ask("-t", "translate", "-p", "to=Dutch", "hi").out == "Translate into Dutch: hi\n"
    assert ask("-t", "compare", "-p", "a=tea", "-p", "b=coffee").out == (
        "Is tea better than coffee?\n"
    )
    assert chatterm("templates", "remove", "translate").code == 0
    assert ask("-t", "translate", "hi").code == 2


def test_a_preset_chooses_model_system_prompt_and_parameters() -> None:
    new("brief", "-s", "Be brief.", "-m", "echo", "-o", "max_tokens=2")
    said = chatterm("ask", "--json", "-t", "brief", "one two three").json
    assert (said["model"], said["text"], said["stop"]) == ("echo", "one two", "length")
    roles = [
        message["role"]
        for message in chatterm("chats", "show", "--json", said["chat_id"]).json["messages"]
    ]
    assert roles == ["system", "user", "assistant"]


def test_what_is_typed_counts_more_than_a_template() -> None:
    new("t", "-s", "from the template", "-m", "nobody", "-o", "max_tokens=1")
    ran = ask("-t", "t", "-s", "typed", "-o", "max_tokens=2", "--dry-run", "--json", "a b")
    assert ran.json["prompt"] == "typed\n\na b"
    assert ran.json["params"] == {"max_tokens": 2}


def test_a_chat_that_has_begun_keeps_its_system_prompt() -> None:
    new("t", "-s", "from the template")
    ask("hello")
    ran = ask("-c", "-t", "t", "more")
    assert ran.out == "more\n"
    assert "keeps its own system prompt" in ran.err


def test_wrong_calls_are_exit_2() -> None:
    new("t", "{{a}}")
    for args in (
        ["templates", "new", "t", "again"],
        ["templates", "new", "../t", "x"],
        ["templates", "new", "empty"],
        ["templates", "new", "u", "{{a}}", "-p", "b=1"],
        ["templates", "new", "u", "x", "--schema", "a integr"],
        ["templates", "show", "none"],
        ["templates", "remove", "none"],
        ["ask", "-m", "echo", "-t", "t"],
        ["ask", "-m", "echo", "-t", "t", "-p", "a"],
        ["ask", "-m", "echo", "-p", "a=1", "x"],
    ):
        ran = chatterm(*args)
        assert (ran.code, ran.out) == (2, ""), args
        assert ran.err.startswith("chatterm: ")


def test_edit_checks_the_file_and_keeps_it(home: Path, tmp_path: Path) -> None:
    new("t", "before")
    editor = tmp_path / "editor"
    editor.write_text(
        f'#!{sys.executable}\nimport sys\nopen(sys.argv[1], "w").write("promt = 1")\n'
    )
    editor.chmod(0o755)
    ran = subprocess.run(
        [*COMMAND, "templates", "edit", "t"],
        env={**os.environ, "EDITOR": str(editor)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 2
    assert "your edit is kept" in ran.stderr
    assert "did you mean prompt" in ran.stderr
    assert (home / "config" / "templates" / "t.toml").read_text() == "promt = 1"
    assert "left out" in chatterm("templates", "list").err


def test_a_template_may_have_a_schema(tmp_path: Path) -> None:
    file = tmp_path / "person.json"
    file.write_text('{"required": ["name"]}')
    new("person", "--schema", str(file))
    file.unlink()
    assert ask("-t", "person", "{}").code == 7
    assert ask("-t", "person", '{"name": 1}').code == 0
