"""`ask` on a real pseudo-terminal: what a person sees, rendered, streamed, at any size."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from chatterm.cli.live import layout_for
from chatterm.render.document import render
from chatterm.render.theme import ANSI
from tests.cli.program import chatterm, slow_echo
from tests.cli.terminals import Terminal

ANSWER = """# Heading *one*

Some **bold** text with `code`, a [link](https://example.org) and $E = mc^2$.

1. first
2. second with long text that must wrap around at some point because it is long
   - [x] done

> quoted *text* that goes on and on, until it wraps over the edge of the quote

```python
def f(x: int) -> str:
    return f"{x}"  # comment
```

| Name | Value | Description |
|:-----|------:|-------------|
| alpha | 1 | The first letter of the Greek alphabet, which is long |
| beta | 22 | second |

The end.
"""
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def expected(text: str, columns: int, rows: int) -> list[str]:
    layout = layout_for(os.terminal_size((columns, rows)))
    return [line.text.rstrip() for line in render(text, columns, ANSI, layout)]


def ask(*args: str, home: Path | None = None, pace: float = 400) -> list[str]:
    model = slow_echo(home, pace) if home is not None else "echo"
    return ["ask", "-m", model, *args]


@pytest.mark.parametrize("size", [(20, 10), (80, 24), (200, 50)])
def test_an_answer_is_rendered_while_it_is_written(home: Path, size: tuple[int, int]) -> None:
    terminal = Terminal(ask(ANSWER, home=home), columns=size[0], rows=size[1])
    assert terminal.run() == expected(ANSWER, *size)
    assert terminal.process.returncode == 0


@pytest.mark.parametrize("kind", ["code", "table"])
def test_what_is_taller_than_the_screen_is_whole_in_the_scrollback(home: Path, kind: str) -> None:
    rows = "".join(f"| {n} | some words |\n" for n in range(60))
    text = {
        "code": "```python\n" + "".join(f"x{n} = {n}\n" for n in range(80)) + "```\n",
        "table": "| n | words |\n|---|---|\n" + rows,
    }[kind]
    terminal = Terminal(ask(text, home=home, pace=1_000), columns=60, rows=10)
    assert terminal.run() == expected(text, 60, 10)


@pytest.mark.parametrize("columns", [30, 100])
def test_a_new_width_in_mid_answer_loses_no_word(home: Path, columns: int) -> None:
    words = [f"word{number}" for number in range(300)]
    terminal = Terminal(ask(" ".join(words), home=home, pace=300), columns=60, rows=10)
    resized = False

    def watch() -> None:
        nonlocal resized
        if not resized and "word120" in "\n".join(terminal.rows()):
            resized = True
            terminal.resize(columns, 10)

    shown = " ".join(terminal.run(watch)).split()
    assert resized
    if columns > 60:
        assert shown == words
    else:
        # This emulator cuts what stands on its screen; what came after the change is whole.
        assert shown[-150:] == words[-150:]


def test_no_color_leaves_attributes_alone() -> None:
    terminal = Terminal(ask(ANSWER), env={"NO_COLOR": "1"})
    terminal.run()
    codes = {
        code for found in COLOUR.findall(terminal.sent.decode()) for code in found[2:-1].split(";")
    }
    assert codes <= {"", "0", "1", "2", "3", "4", "9", "22"}
    assert "1" in codes


def test_never_means_no_style_at_all() -> None:
    terminal = Terminal(ask("--color", "never", ANSWER))
    assert terminal.run()[0] == "# Heading one"
    assert not COLOUR.search(terminal.sent.decode())


def test_the_setting_counts_where_nothing_is_typed() -> None:
    terminal = Terminal(ask(ANSWER), env={"CHATTERM_OUTPUT_COLOR": "never"})
    terminal.run()
    assert not COLOUR.search(terminal.sent.decode())


@pytest.mark.parametrize(
    ("args", "env"), [([], {"TERM": "dumb"}), (["--plain"], {}), (["--plain"], {"NO_COLOR": "1"})]
)
def test_plain_only_appends(args: list[str], env: dict[str, str]) -> None:
    terminal = Terminal(ask(*args, ANSWER), env=env)
    terminal.run()
    assert terminal.sent.decode().replace("\r\n", "\n") == ANSWER


def test_a_pipe_gets_the_words_as_they_are() -> None:
    assert chatterm(*ask(ANSWER)).out == ANSWER


def test_colours_can_be_forced_into_a_pipe() -> None:
    out = chatterm(*ask("--color", "always", ANSWER)).out
    assert COLOUR.sub("", out).splitlines() == [line.text for line in render(ANSWER, 80, ANSI)]
    assert COLOUR.search(out)
    assert not re.search(r"\x1b\[[^m]*[A-LN-Za-ln-z]", out)


def test_a_colour_that_is_none_is_refused() -> None:
    ran = chatterm(*ask("--color", "sometimes", "hello"))
    assert ran.code == 2
    assert "--color" in ran.err


def test_json_is_never_rendered() -> None:
    terminal = Terminal(ask("--json", "# hi"))
    terminal.run()
    assert json.loads(terminal.sent)["text"] == "# hi"


def test_an_interrupted_answer_ends_on_a_line_of_its_own(home: Path) -> None:
    terminal = Terminal(ask("one **two** three\n\n" * 100, home=home, pace=50))
    typed = False

    def watch() -> None:
        nonlocal typed
        if not typed and any("one two three" in row for row in terminal.rows()):
            typed = True
            terminal.type(b"\x03")

    rows = terminal.run(watch)
    assert terminal.process.returncode == 130
    assert terminal.screen.cursor.x == 0
    assert rows[0].startswith("one two three")


def test_a_hostile_answer_is_harmless() -> None:
    terminal = Terminal(ask("a \x1b]0;title\x07 \x1b[2J \x9b31m ```\n\x1b[31mcode"))
    rows = terminal.run()
    assert rows[0].startswith("a ␛]0;title␇ ␛[2J")
    assert terminal.screen.title == ""
