"""Completion in real shells, as a user has it after ``chatterm --install-completion``."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.program import ask, chatterm

TITLE = 'It\'s (a) "title" `id` $HOME; \\'


@pytest.fixture
def env(tmp_path: Path, home: Path) -> dict[str, str]:
    """A user with a chatterm on the PATH, a chat and a template."""
    program = tmp_path / "bin" / "chatterm"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m chatterm "$@"\n')
    program.chmod(0o755)
    home.mkdir(exist_ok=True)
    ask(TITLE)
    chatterm("users", "add", "ada", "--password-stdin", stdin="correct horse")
    chatterm("keys", "add", "--name", "editor")
    chatterm("templates", "new", "translate", "To {{to}}: {{input}}", "--summary", "Translates")
    return {
        **os.environ,
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "ZDOTDIR": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "TERM": "dumb",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }


def chat_id() -> str:
    found: str = chatterm("chats", "list", "--json").json[0]["id"]
    return found


def run(shell: str, script: str, env: dict[str, str]) -> list[str]:
    # A shell that runs a single command becomes it, and could not be recognised any more.
    ran = subprocess.run(
        [shell, "-c", f"{script}\ntrue"], env=env, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def in_bash(words: list[str], env: dict[str, str]) -> list[str]:
    line = " ".join(f"'{word}'" for word in words)
    return run(
        "bash",
        'eval "$(chatterm --show-completion; true)"\n'
        f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}\n"
        "_chatterm_completion chatterm\nprintf '%s\\n' \"${COMPREPLY[@]}\"",
        env,
    )


def in_fish(words: list[str], env: dict[str, str]) -> list[str]:
    # Detecting the shell is the one thing that is not tried: it looks at a login's processes.
    script = (Path(env["HOME"]) / "chatterm.fish").as_posix()
    made = run("fish", "chatterm --show-completion", env)
    Path(script).write_text("\n".join(made))
    lines = run("fish", f"source {script}; complete -C '{' '.join(words)}'", env)
    return [line.partition("\t")[0] for line in lines]


Completed = Callable[[list[str], dict[str, str]], list[str]]
CASES = [
    (["chatterm", "te"], ["templates"]),
    (["chatterm", "templates", "re"], ["remove"]),
    (["chatterm", "ask", "-m", "ec"], ["echo"]),
    (["chatterm", "models", "show", "llama-3.3"], ["llama-3.3-70b"]),
    (["chatterm", "ask", "-t", "tr"], ["translate"]),
    (["chatterm", "templates", "show", "tr"], ["translate"]),
    (["chatterm", "ask", "-o", "see"], ["seed="]),
    (["chatterm", "ask", "--tempo"], ["--temporary"]),
    (["chatterm", "keys", "add", "--scope", "me"], ["metrics"]),
    (["chatterm", "users", "remove", ""], ["ada"]),
    (["chatterm", "keys", "add", "--user", "a"], ["ada"]),
    (["chatterm", "keys", "revoke", "e"], ["editor"]),
]


@pytest.mark.parametrize(("shell", "completed"), [("bash", in_bash), ("fish", in_fish)])
def test_names_are_completed(shell: str, completed: Completed, env: dict[str, str]) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    for words, proposed in CASES:
        assert completed(words, env) == proposed, words
    assert completed(["chatterm", "ask", "--chat", ""], env) == [chat_id()]


def test_no_proposal_is_no_error(env: dict[str, str], home: Path) -> None:
    for words in (["chatterm", "ask", "-m", "nobody"], ["chatterm", "ask", "--chat", "zzz"]):
        assert in_bash(words, env) == [""]
    (home / "config" / "models.toml").write_text("broken")
    assert in_bash(["chatterm", "ask", "-m", ""], env) == [""]


def proposals(line: str, shell: str) -> str:
    env = {**os.environ, "_TYPER_COMPLETE_ARGS": line, "_CHATTERM_COMPLETE": f"complete_{shell}"}
    env["_TYPER_COMPLETE_FISH_ACTION"] = "get-args"
    if shell == "powershell":
        env["_TYPER_COMPLETE_ARGS"] = line.rstrip()
        env["_TYPER_COMPLETE_WORD_TO_COMPLETE"] = "" if line.endswith(" ") else line.split()[-1]
    ran = subprocess.run(
        [sys.executable, "-m", "chatterm"], env=env, capture_output=True, text=True, check=True
    )
    assert ran.stderr == ""
    return ran.stdout


def test_powershell_gets_words_and_what_they_mean() -> None:
    ask("a title")
    assert proposals("chatterm te", "powershell").startswith("templates:::")
    assert proposals("chatterm ask -m ", "powershell").startswith("guide:::")
    assert proposals("chatterm ask --chat ", "powershell") == f"{chat_id()}:::a title\n"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_a_title_is_shown_without_what_a_shell_would_obey(shell: str) -> None:
    ask(TITLE)
    said = proposals("chatterm ask --chat ", shell)
    assert "It s a title id HOME" in said
    inside = said.partition(chat_id())[2]
    assert not re.search(r"[`$;\\]", inside)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh")
def test_zsh_completes_at_the_keyboard(env: dict[str, str], home: Path) -> None:
    script = run("zsh", "chatterm --show-completion", env)
    lines = ["PS1='ready> '", "autoload -Uz compinit; compinit -u", *script]
    (home / ".zshrc").write_text("\n".join(lines) + "\n")
    leader, follower = pty.openpty()
    with subprocess.Popen(
        ["zsh", "-i"],
        env=env,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    ) as process:
        os.close(follower)
        read_until(leader, "ready> ")
        for typed, shown in (
            ("chatterm ask -m ec\t", "echo "),
            ("chatterm ask -t tr\t", "translate "),
            (f"chatterm ask --chat {chat_id()[:4]}\t", chat_id()),
        ):
            os.write(leader, typed.encode())
            read_until(leader, shown)
            os.write(leader, b"\x15")
        os.write(leader, b"exit\n")
        process.wait(timeout=60)
    os.close(leader)


def read_until(descriptor: int, words: str) -> str:
    """What the terminal showed up to these words."""
    seen = ""
    deadline = time.monotonic() + 60
    while words not in seen:
        ready, _, _ = select.select([descriptor], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"{words!r} never came, only {seen!r}"
        seen += os.read(descriptor, 4096).decode(errors="replace")
    return seen


def test_installing_writes_into_the_shells_own_files(env: dict[str, str], home: Path) -> None:
    run("bash", "chatterm --install-completion", env)
    assert "chatterm" in (home / ".bashrc").read_text()
