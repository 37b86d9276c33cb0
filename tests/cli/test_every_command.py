"""Every command as a process, under pipes and on a terminal: what goes where, and how it ends."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from chatterm.ids import ulid_factory
from chatterm.messages import Role
from chatterm.paths import Paths
from chatterm.store import Store
from chatterm.templates import Template, Templates
from tests.cli.program import chatterm, slow_echo
from tests.cli.screens import on_a_screen
from tests.cli.tree import TREE, commands

ESCAPE = "\x1b"
COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
PAINTED = re.compile(r"\x1b\[(?:\d+;)*(?:[349]\d|10\d)(?:;\d+)*m")
"""Colours; bold and its kin are none."""
CODES = {0, 1, 2, 3, 4, 5, 6, 7}
SCREENS: list[tuple[int, dict[str, str]]] = [
    (20, {"NO_COLOR": "1"}),
    (200, {"TERM": "dumb"}),
]


@dataclass(frozen=True)
class Row:
    """A way to call a command, and what comes of it; texts are parts of what is printed."""

    args: list[str]
    code: int = 0
    out: str = ""
    err: str = ""
    stdin: str = ""
    only_piped: bool = False
    """On a terminal it would wait for somebody to type."""
    json: bool = field(default=False)


ROWS = [
    Row(["--version"], out="chatterm "),
    Row(["--help"], out="Usage: chatterm"),
    Row([], code=2, err="hint: in a pipe use chatterm ask", only_piped=True),
    Row(["nothing"], code=2, err="No such command"),
    Row(["ask", "-m", "echo", "hello"], out="hello\n"),
    Row(["ask", "-m", "echo", "--json", "hello"], out='"text": "hello"', json=True),
    Row(["ask", "-m", "echo", "-q", "-x", "~~~\nx\n~~~"], out="x\n"),
    Row(["ask", "-m", "echo", "--dry-run", "hello"], out="hello\n", err="tokens"),
    Row(["ask", "-m", "echo"], code=2, err="the prompt is empty"),
    Row(["ask", "-m", "nobody", "x"], code=3, err="no model 'nobody'"),
    Row(["ask", "-m", "/nowhere.gguf", "x"], code=3, err="/nowhere.gguf"),
    Row(["ask", "-m", "echo", "--chat", "nothing", "x"], code=6, err="hint: "),
    Row(["ask", "-m", "echo", "--schema", "a int", "{}"], code=7, out="{}\n", err="lacks a"),
    Row(["chat"], code=2, err="needs a terminal", only_piped=True),
    Row(["chats", "list"], out="a first chat"),
    Row(["chats", "list", "--json"], out='"title": "a first chat"', json=True),
    Row(["chats", "show", "nothing"], code=6, err="hint: "),
    Row(["chats", "list", "-n", "0"], code=2, err="not in the range"),
    Row(["chats", "list", "-n", "9" * 30], code=2, err="not in the range"),
    Row(["chats", "list", "--tag", "none"], err="no such chats"),
    Row(["chats", "rename", "nothing", "x"], code=6, err="hint: "),
    Row(["chats", "tag", "nothing", "x"], code=6, err="hint: "),
    Row(["chats", "pin", "nothing"], code=6, err="hint: "),
    Row(["chats", "vote", "nothing", "up"], code=6, err="hint: "),
    Row(["chats", "fork", "nothing"], code=6, err="hint: "),
    Row(["chats", "delete", "nothing"], code=6, err="hint: "),
    Row(["chats", "restore", "nothing"], code=6, err="hint: "),
    Row(["chats", "prune"], err="0 chats removed"),
    Row(["chats", "export"], code=2, err="which chats?"),
    Row(["chats", "export", "--all", "--format", "json"], out='"a first chat"', json=True),
    Row(["chats", "import", "/nowhere"], code=2, err="/nowhere"),
    Row(["search", "first"], out="first"),
    Row(["search", "--json", "first"], out='"chat_title"', json=True),
    Row(["search", "nowhere-to-be-found"], err="nothing found"),
    Row(["templates", "list"], out="kept     Say {{what}}"),
    Row(["templates", "list", "--json"], out='"required": ["what"]', json=True),
    Row(["templates", "show", "kept"], out='prompt = "Say {{what}}"'),
    Row(["templates", "show", "none"], code=2, err="hint: "),
    Row(["templates", "new", "other", "text"], err="kept in"),
    Row(["templates", "remove", "kept"]),
    Row(["templates", "edit", "none"], code=2, err="hint: "),
    Row(["models", "list"], out="echo"),
    Row(["models", "list", "--all"], out="qwen3-4b"),
    Row(["models", "list", "--json"], out='"state": "built in"', json=True),
    Row(["models", "show", "echo"], out="Repeats the prompt"),
    Row(["models", "show", "qwen3-4b", "--json"], out='"licence": "Apache-2.0"', json=True),
    Row(["models", "show", "nobody"], code=3, err="hint: "),
    Row(["models", "fit", "qwen3-4b"], out="Q4_K_M"),
    Row(["models", "fit", "qwen3-4b", "--json"], out='"need_bytes"', json=True),
    Row(["models", "fit", "echo"], code=3, err="hint: "),
    Row(["models", "add", "/nowhere"], code=2, err="there is no /nowhere"),
    Row(["models", "remove", "nobody"], code=3, err="no model 'nobody'"),
    Row(["models", "default", "echo"], err="new chats begin with echo"),
    Row(["models", "default", "nobody"], code=3, err="hint: "),
    Row(["models", "pull", "nothing"], code=3, err="the catalogue has no model"),
    Row(["models", "pull", "hf:nothing"], code=2, err="names nothing on the hub"),
    Row(["doctor"], out="python"),
    Row(["doctor", "--json"], out='"area": "python"', json=True),
    Row(["remotes", "list"], err="chatterm login URL"),
    Row(["remotes", "list", "--json"], out="[]", json=True),
    Row(["remotes", "remove", "none"], code=2, err="no remote 'none'"),
    Row(["remotes", "add", "lab", "ftp://x"], code=2, err="not the address of a server"),
    Row(["remotes", "chats", "none"], code=2, err="no remote 'none'"),
    Row(["remotes", "sync", "none"], code=2, err="no remote 'none'"),
    Row(["remotes", "change", "none", "x"], code=2, err="nothing to change"),
    Row(["remotes", "vote", "none", "x", "up"], code=6, err="no message 'x'"),
    Row(["remotes", "report", "none", "x", "spam"], code=6, err="no message 'x'"),
    Row(["login", "http://x.example"], code=2, err="--insecure"),
    Row(["login", "http://127.0.0.1:1"], code=5, err="cannot be reached"),
    Row(["logout", "none"], code=2, err="hint: "),
    Row(["serve", "--host", "0.0.0.0"], code=2, err="--no-auth"),
    Row(["serve", "--port", "99999"], code=2, err="99999 is no port"),
    Row(["users", "list"], err="no users yet"),
    Row(["users", "list", "--json"], out="[]", json=True),
    Row(
        ["users", "add", "ada", "--password-stdin"],
        stdin="correct horse\n",
        err="ada may use",
        only_piped=True,
    ),
    Row(["users", "password", "none"], code=6, err="no user 'none'"),
    Row(["users", "remove", "none"], code=6, err="no user 'none'"),
    Row(["keys", "add", "--name", "x"], out="ck-", err="not shown again"),
    Row(["keys", "add", "--scope", "everything"], code=2, err="no scope 'everything'"),
    Row(["keys", "list"], err="no keys yet"),
    Row(["keys", "list", "--json"], out="[]", json=True),
    Row(["keys", "revoke", "none"], code=6, err="no key 'none'"),
    Row(["engine", "ps"]),
    Row(["engine", "stop"]),
    Row(["config", "show"], out="output.color"),
    Row(["config", "path"], out="config.toml"),
    Row(["config", "edit"], code=2, err="the editor '/nowhere' cannot be started"),
    Row(["config", "set", "params.seed", "7"]),
    Row(["config", "set", "params.sed", "7"], code=2, err="did you mean params.seed?"),
    Row(["config", "unset", "params.seed"], err="was not set"),
    Row(["paths"], out="chatterm.db"),
    Row(["paths", "--json"], out='"database"', json=True),
]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a chat and a template in it."""
    folder = tmp_path_factory.mktemp("furnished")
    paths = Paths.from_environment({"CHATTERM_HOME": str(folder)})
    with Store.open(paths.database, clock=time.time, new_id=ulid_factory()) as store:
        chat = store.create_chat(title="a first chat", model="echo")
        store.add(chat.id, parent_id=None, role=Role.USER, text="a first chat")
    Templates(paths.templates_dir).write(Template("kept", prompt="Say {{what}}"))
    return folder


@pytest.fixture(autouse=True)
def something_to_show(home: Path, furnished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(furnished, home)
    monkeypatch.setenv("VISUAL", "/nowhere")


def name(row: Row) -> str:
    return " ".join(row.args) or "nothing at all"


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_under_pipes_stdout_is_data_and_stderr_is_talk(row: Row) -> None:
    ran = chatterm(*row.args, stdin=row.stdin)
    assert ran.code == row.code, ran.err
    assert row.out in ran.out
    assert row.err in ran.err
    assert ESCAPE not in ran.out + ran.err
    assert "Traceback" not in ran.err
    if row.json:
        assert ran.json is not None
    if row.code not in (0, 7):
        assert ran.out == ""
        assert ran.err.startswith("chatterm: ")


SHOWN = [row for row in ROWS if not row.only_piped]


@pytest.mark.parametrize(
    ("row", "columns", "env"),
    [(row, *SCREENS[at % len(SCREENS)]) for at, row in enumerate(SHOWN)],
    ids=map(name, SHOWN),
)
def test_on_a_terminal_it_ends_the_same_way(row: Row, columns: int, env: dict[str, str]) -> None:
    ran = on_a_screen(*row.args, columns=columns, env=env)
    assert ran.code == row.code, ran.err
    assert row.err in ran.err
    assert not COLOUR.search(ran.out + ran.err)
    assert "Traceback" not in ran.out + ran.err
    if "TERM" in env:
        assert ESCAPE not in ran.out + ran.err
        assert unwrapped(row.out) in unwrapped(ran.out)


def unwrapped(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("path", commands(TREE, []), ids=lambda path: " ".join(path) or "chatterm")
def test_every_help_fits_a_screen_and_has_an_example(
    path: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    TREE.main([*path, "--help"], prog_name="chatterm", standalone_mode=False)
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert len(lines) < 40
    assert max(map(len, lines)) <= 80
    assert "Example: " in said, "say how it is called, as the other commands do"


def test_every_command_has_a_row() -> None:
    called = {tuple(row.args[:depth]) for row in ROWS for depth in (1, 2)}
    paths = [tuple(path) for path in commands(TREE, [])]
    leaves = [path for path in paths if not any(other[:-1] == path for other in paths)]
    assert [" ".join(path) for path in leaves if path not in called] == []


def test_ctrl_c_typed_on_a_terminal_ends_an_answer_with_130(home: Any) -> None:
    model = slow_echo(home, 20)
    words = " ".join(f"word{number}" for number in range(400))
    ran = on_a_screen("ask", "-m", model, words, keys=b"\x03", until=b"word3")
    assert ran.code == 130
    assert "Traceback" not in ran.err


def test_colours_appear_on_a_terminal_only_where_they_are_wanted() -> None:
    text = "# A heading\n\nand **bold** words"
    plain = on_a_screen("ask", "-m", "echo", text, env={"NO_COLOR": "1"})
    assert not PAINTED.search(plain.out)
    assert ESCAPE not in chatterm("ask", "-m", "echo", text).out
