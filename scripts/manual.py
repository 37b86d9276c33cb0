"""Makes the manual page out of the command tree, and puts it into every package that is built.

The page is in no repository, so it cannot be out of date; ``make man`` shows it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from typer.main import get_command

from chatterm.cli.program import needed, program

HEAD = r""".TH CHATTERM 1 "" "chatterm" "User Commands"
.SH NAME
chatterm \- a chat that lives in the terminal and carries its own model
.SH SYNOPSIS
.B chatterm
[\fICOMMAND\fR] [\fIOPTION\fR]... [\fIARGUMENT\fR]...
.SH DESCRIPTION
Without a command it opens a chat.
.B chatterm ask
answers once, on stdout, and fits into a pipe.
Conversations are trees of messages in a local SQLite file.
A prompt is stored before it is answered, the answer while it comes.
Models are GGUF files that run inside chatterm, or belong to a remote server that you added.
.SH COMMANDS
"""

TAIL = r""".SH EXIT STATUS
.TP
.B 0
ok, also when the reader of stdout had enough
.TP
.B 1
a bug
.TP
.B 2
usage or settings
.TP
.B 3
model
.TP
.B 4
engine
.TP
.B 5
remote
.TP
.B 6
store
.TP
.B 7
the answer missed its schema, or has no code block
.TP
.B 130
interrupted; the partial answer is kept
.SH ENVIRONMENT
.TP
.B CHATTERM_HOME
Puts every file under one folder.
.TP
.B CHATTERM_CONFIG
Another file of settings.
.TP
.B CHATTERM_OFFLINE
With 1, no network at all.
.TP
.B CHATTERM_TERMINAL
Names this terminal, whose last chat \fB\-\-continue\fR means.
.TP
.B CHATTERM_DEBUG
With 1, errors come with a traceback.
.PP
Every setting has a variable too, as CHATTERM_MODEL for \fBmodel\fR.
NO_COLOR, CLICOLOR_FORCE, VISUAL and EDITOR are respected.
.SH FILES
\fBchatterm paths\fR prints where they are.
.TP
.I config.toml
Settings.
.TP
.I models.toml
Your own models.
.TP
.I templates/
Templates and presets, one file each.
.TP
.I chatterm.db
Every chat.
"""


def page() -> str:
    """The whole page, as man reads it."""
    tree = get_command(program(needed([], {})))
    return HEAD + "".join(_sections(tree, ["chatterm"])) + TAIL


def _sections(command: Any, path: list[str]) -> Iterator[str]:
    below = getattr(command, "commands", None)
    if below:
        for name, each in below.items():
            yield from _sections(each, [*path, name])
        return
    yield f".SS {_text(' '.join([*path, *_usage(command)]))}\n"
    for paragraph in re.split(r"\n\s*\n", command.help or ""):
        yield f".PP\n{_text(' '.join(paragraph.split()))}\n"
    for param in command.params:
        if param.help:
            yield f".TP\n{_heading(param)}\n{_text(param.help)}\n"


def _usage(command: Any) -> Iterator[str]:
    if any(param.param_type_name == "option" for param in command.params):
        yield "[OPTIONS]"
    for param in command.params:
        if param.param_type_name == "argument":
            word = _metavar(param)
            word = f"{word}..." if param.nargs == -1 and not word.endswith("...") else word
            yield word if param.required else f"[{word}]"


def _heading(param: Any) -> str:
    names = ", ".join(f"\\fB{_text(name)}\\fR" for name in [*param.opts, *param.secondary_opts])
    if param.param_type_name == "argument":
        return f"\\fI{_text(_metavar(param))}\\fR"
    return names if param.is_flag else f"{names} \\fI{_text(_metavar(param))}\\fR"


def _metavar(param: Any) -> str:
    return str(param.metavar or param.name.strip("_").upper().replace("_", "-"))


def _text(words: str) -> str:
    """Words as roff prints them."""
    escaped = words.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + escaped if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    print(page(), end="")
