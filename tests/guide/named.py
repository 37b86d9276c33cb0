"""What the guide's answers name in backticks, and whether the program has it."""

from __future__ import annotations

import functools
import itertools
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from typer.main import get_command

from chatterm.catalog import load_catalog
from chatterm.cli.program import needed, program
from chatterm.config import schema
from chatterm.params import Params

ROOT = Path(__file__).parents[2]
TOPICS: Mapping[str, Any] = tomllib.loads((ROOT / "scripts/guide/topics.toml").read_text())

_COMMAND = re.compile(r"(?<![\w/.-])chatterm(?![\w.\[/-])([^|;<>)]*)")
_VARIABLE = re.compile(r"\bCHATTERM_[A-Z_]+")
_KEY = re.compile(r"(?:(?:Ctrl|Alt|Shift)\+)*(?:[A-Z]|F\d+|Enter|Esc|Up|left|right|[a-z?])")
_UNREAD = {"CHATTERM_HOME", "CHATTERM_CONFIG", "CHATTERM_DEBUG", "CHATTERM_OFFLINE"}
"""Variables that are no settings."""
_FILTERS = {"role:", "model:", "tag:", "since:"}
_FILES = {"chatterm.db", "config.toml", "keys.toml", "models/"}
_FOREIGN = re.compile(
    r"pipx? .+|make (chat|install)|python3 --version|sudo apt install .+|git pull|sqlite3 .+"
    r"|\.venv/bin/chatterm|HF_TOKEN|HF_ENDPOINT|NO_COLOR|TERM=dumb|\$EDITOR|\.gitignore"
    r"|hf:OWNER/REPO/FILE|REMOTE/NAME|http://127\.0\.0\.1:8080/v1|/v1|new-chat = .+"
)
"""What is not chatterm's, or only the form of something."""
_WRITTEN = {"@", "/", "-", "2", "Ctrl-C", "usage", "timings"}
"""What is typed into the composer or the shell, or stands in what is printed."""


def codes() -> Iterator[tuple[str, str]]:
    """Every text in backticks, with its topic."""
    for topic, table in TOPICS.items():
        for code in re.findall(r"`([^`]+)`", f"{table['answer']} {table['example']}"):
            yield topic, code


def claims(code: str) -> Iterator[str]:
    """What must be there for it to be true; nothing where it names what is not chatterm's."""
    commands = [found[1] for found in _COMMAND.finditer(code)]
    yield from (f"variable {name}" for name in _VARIABLE.findall(code))
    for command in commands:
        yield from _claims_of_command(command)
    if commands or _VARIABLE.match(code) or _FOREIGN.fullmatch(code) or code in _WRITTEN:
        return
    if code.startswith("-"):
        yield from _claims_of_options(code.split(), "")
    elif code in _FILTERS:
        yield f"filter {code}"
    elif code in _FILES:
        yield f"file {code}"
    elif code in Params.__slots__:
        yield f"parameter {code}"
    elif _KEY.fullmatch(code):
        yield f"key {code}"
    elif code in load_catalog(Path("/nowhere")).models:
        yield f"model {code}"
    else:
        yield f"setting {code}"


def _claims_of_command(text: str) -> Iterator[str]:
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.replace('"', " ").split()
    path, command = "chatterm", _root()
    while words and not words[0].startswith("-") and (inner := _commands(command)):
        path = f"{path} {words[0]}"
        if words[0] not in inner:
            yield path
            return
        command = inner[words.pop(0)]
    yield path
    yield from _claims_of_options(words, path)
    if path == "chatterm config set" and words and words[0] != "KEY":
        yield f"setting {words[0]}"
    if path == "chatterm search":
        yield from (f"filter {name}" for name in _FILTERS if f"{name}" in text)


def _claims_of_options(words: list[str], path: str) -> Iterator[str]:
    for word, after in itertools.zip_longest(words, words[1:], fillvalue=""):
        if not word.startswith("-") or word == "-":
            continue
        yield f"option {path} {word}" if path else f"option {word}"
        if word == "-o" and "=" in after and not after.startswith("KEY"):
            yield f"parameter {after.partition('=')[0]}"


def is_there(claim: str) -> bool:
    """Whether the program has what is claimed."""
    kind, _, name = claim.partition(" ")
    match kind:
        case "chatterm":
            return _command_at(claim) is not None
        case "option":
            path, _, option = name.rpartition(" ")
            command = _command_at(path) if path else None
            return option in (_options(command) if command else _every_option())
        case "variable":
            return name in _UNREAD | {setting.variable for setting in schema().values()}
        case "setting":
            return name in schema()
        case "parameter":
            return name in Params.__slots__
        case "key":
            return _key_as_bound(name) in _bound_keys() if name else has_keys()
        case "file":
            return name == "chatterm.db" or any(
                f'"{name.rstrip("/")}"' in file.read_text()
                for file in ROOT.rglob("chatterm/**/*.py")
            )
        case "model":
            return name in load_catalog(Path("/nowhere")).models
        case "filter":
            return name.rstrip(":") in (ROOT / "chatterm/store/query.py").read_text()
    raise AssertionError(f"nobody knows what {claim!r} is")


@functools.cache
def _root() -> Any:
    return get_command(program(needed([], {})))


def _commands(command: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = getattr(command, "commands", {})
    return found


def _command_at(path: str) -> Any:
    command = _root()
    for word in path.split()[1:]:
        command = _commands(command).get(word)
        if command is None:
            return None
    return command


def _options(command: Any) -> set[str]:
    """Also those that every command has, and of the root those of the chat that it opens."""
    names = {name for option in command.params for name in option.opts}
    if command is _root():
        names |= _options(_commands(command)["chat"]) | {"--install-completion"}
    return names | {"--help"}


def _every_option() -> set[str]:
    def below(command: Any) -> set[str]:
        return _options(command).union(*map(below, _commands(command).values()))

    return below(_root())


def has_keys() -> bool:
    """Whether there is a full-screen chat that binds keys."""
    return find_spec("chatterm.tui") is not None


@functools.cache
def _bound_keys() -> frozenset[str]:
    if not has_keys():
        return frozenset()
    from importlib import import_module

    actions = import_module("chatterm.tui.actions").ACTIONS
    return frozenset(key for action in actions for key in action.keys.split(","))


def _key_as_bound(key: str) -> str:
    """A key as Textual names it."""
    names = {"?": "question_mark", "esc": "escape"}
    *modifiers, last = key.split("+")
    named = names.get(last.lower(), last.lower())
    return "+".join([*(word.lower() for word in modifiers), named])
