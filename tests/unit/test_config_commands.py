"""``chatterm config`` and ``chatterm paths`` as their user meets them."""

from __future__ import annotations

import io
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from chatterm.cli import settings
from chatterm.cli.console import Console
from chatterm.cli.context import Context
from tests.cli.program import Ran, chatterm


@pytest.fixture
def config_file(home: Path) -> Path:
    return home / "config/config.toml"


@pytest.fixture
def config(home: Path) -> Any:
    """Run ``chatterm config`` in this process."""

    def run(*args: str, env: dict[str, str] | None = None) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        variables = {"CHATTERM_HOME": str(home), **(env or {})}
        context = Context(Console(out, err, variables), variables)

        def body() -> int:
            command = get_command(settings.app)
            command.main(list(args), prog_name="chatterm", standalone_mode=False, obj=context)
            return 0

        return Ran(context.console.run(body), out.getvalue(), err.getvalue())

    return run


def editor(tmp_path: Path, code: str) -> str:
    """An editor that does ``code`` to the file it is given."""
    script = tmp_path / "my editor.py"
    script.write_text(f"import pathlib, sys\nfile = pathlib.Path(sys.argv[-1])\n{code}\n")
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(script))} --wait"


def test_show_says_every_value_and_where_it_was_set(config: Any, config_file: Path) -> None:
    config("set", "params.temperature", "0.7")
    shown = config("show", env={"CHATTERM_OUTPUT_COLOR": "never"})
    assert (shown.code, shown.err) == (0, "")
    lines = [line.split() for line in shown.out.splitlines()[:4]]
    assert lines == [
        ["model", "=", '"guide"', "#", "default"],
        ["system", "=", '""', "#", "default"],
        ["params.temperature", "=", "0.7", "#", str(config_file)],
        ["output.color", "=", '"never"', "#", "CHATTERM_OUTPUT_COLOR"],
    ]
    assert len({line.index("#") for line in shown.out.splitlines()}) == 1, "in one column"


def test_show_as_json_is_one_object_by_key(config: Any, config_file: Path) -> None:
    config("set", "params.stop", "a", "b")
    shown = config("show", "--json").json
    assert {key: shown[key] for key in ("model", "system", "params.stop", "output.color")} == {
        "model": {"value": "guide", "source": "default", "name": ""},
        "system": {"value": "", "source": "default", "name": ""},
        "params.stop": {"value": ["a", "b"], "source": "file", "name": str(config_file)},
        "output.color": {"value": "auto", "source": "default", "name": ""},
    }


def test_path_is_printed_whether_or_not_the_file_exists(config: Any, config_file: Path) -> None:
    assert config("path") == Ran(0, f"{config_file}\n", "")


def test_path_is_printed_even_when_the_file_is_broken(config: Any, config_file: Path) -> None:
    config_file.parent.mkdir(parents=True)
    config_file.write_text("[")
    assert config("path") == Ran(0, f"{config_file}\n", "")


def test_a_negative_number_is_a_value_and_no_option(config: Any, config_file: Path) -> None:
    assert config("set", "params.frequency_penalty", "-1.5") == Ran(0, "", "")
    assert "frequency_penalty = -1.5" in config_file.read_text()


def test_set_refuses_what_is_wrong_with_code_2_and_a_hint(config: Any, config_file: Path) -> None:
    assert config("set", "params.temprature", "1") == Ran(
        2,
        "",
        "chatterm: there is no setting 'params.temprature'\n"
        "hint: did you mean params.temperature?\n",
    )
    assert not config_file.exists()


def test_set_says_when_a_variable_hides_the_change(config: Any) -> None:
    ran = config("set", "model", "guide", env={"CHATTERM_MODEL": "echo"})
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "CHATTERM_MODEL is set and counts more than the file\n"


def test_unset_brings_the_default_back_and_says_when_there_was_nothing(
    config: Any, config_file: Path
) -> None:
    config("set", "output.color", "never")
    assert config("unset", "output.color") == Ran(0, "", "")
    assert config("show", "--json").json["output.color"]["value"] == "auto"
    assert config("unset", "output.color").err == f"output.color was not set in {config_file}\n"
    assert config("unset", "output.colr").code == 2


def test_edit_opens_a_new_file_in_the_editor(
    config: Any, config_file: Path, tmp_path: Path
) -> None:
    code = "file.write_text(file.read_text() + 'model = \"guide\"')"
    assert config("edit", env={"EDITOR": editor(tmp_path, code)}) == Ran(0, "", "")
    assert "version = 1" in config_file.read_text()
    assert config("show", "--json").json["model"]["value"] == "guide"


def test_visual_wins_over_editor(config: Any, tmp_path: Path) -> None:
    env = {"EDITOR": "/does/not/exist", "VISUAL": editor(tmp_path, "pass")}
    assert config("edit", env=env).code == 0


def test_a_broken_edit_is_kept_and_told(config: Any, config_file: Path, tmp_path: Path) -> None:
    env = {"EDITOR": editor(tmp_path, "file.write_text('modell = 1')")}
    ran = config("edit", env=env)
    assert ran == Ran(
        2,
        "",
        f"chatterm: your edit is kept, but it cannot be used: {config_file}: "
        "there is no setting 'modell'\n"
        "hint: did you mean model?; mend it with chatterm config edit\n",
    )
    assert config_file.read_text() == "modell = 1"
    mended = config("edit", env={"EDITOR": editor(tmp_path, "file.write_text('model = \"m\"')")})
    assert mended.code == 0


@pytest.mark.parametrize("name", ["/does/not/exist", 'vi "', "false"])
def test_an_editor_that_fails_is_named(config: Any, name: str) -> None:
    ran = config("edit", env={"EDITOR": name})
    assert ran.code == 2
    assert ran.err.startswith(f"chatterm: the editor {name!r} ")
    assert "hint: name another in the variable EDITOR\n" in ran.err


def test_paths_says_where_everything_lies(home: Path) -> None:
    ran = chatterm("paths")
    assert (ran.code, ran.err) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in ran.out.splitlines())
    assert lines["database"] == str(home / "data/chatterm.db")
    assert chatterm("paths", "--json").json == lines
    assert not home.exists()


def test_the_program_has_the_commands(home: Path) -> None:
    assert chatterm("config", "set", "model", "echo").code == 0
    shown = json.loads(chatterm("config", "show", "--json").out)
    assert shown["model"]["source"] == "file"


def test_a_broken_setting_stops_the_program_with_code_2(home: Path, config_file: Path) -> None:
    config_file.parent.mkdir(parents=True)
    config_file.write_text("model = echo\n")
    ran = chatterm("config", "show")
    assert ran.code == 2
    assert ran.err.startswith(f"chatterm: {config_file}, line 1: this is not valid TOML")


def test_keys_are_completed() -> None:
    assert settings._complete_key("params.top") == ["params.top_p", "params.top_k"]
