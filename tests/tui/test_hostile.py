"""Whatever a model sends is shown harmlessly, and never as anything but text."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatterm.events import Done, TextDelta
from chatterm.messages import Stop
from chatterm.store import Store
from tests.tui.driving import program

HOSTILE = [
    "\x1b[31mred\x1b[2J\x1b]0;title\x07",
    "\x9b31mC1 \x85 \x08\x7f",
    "[bold red]markup[/] [@click=app.quit]x[/]",
    "\u202eright to left\u2066 isolates \u200f",
    "e\u0301\u0301\u0301 👩‍👩‍👧 漢字 שלום مرحبا",
    "a" * 200_000,
    "\n" * 3000,
    "> " * 500 + "deep",
    "```\n" + "x" * 5000,
    "| " * 300 + "\n" + "|-" * 300 + "\n",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
async def test_what_a_model_sends_is_only_text(store: Store, home: Path, text: str) -> None:
    script = [TextDelta(text[at : at + 4000]) for at in range(0, len(text), 4000)]
    async with program(store, home, [*script, Done(Stop.END)]) as run:
        await run.say("go")
        assert run.texts()[1] == text
        shown = "".join(run.lines())
        assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for letter in shown)
        assert not set("\u202e\u2066\u200f") & set(shown)
        await run.press("tab", "k", "j", "pageup", "pagedown", "y", "i")
        assert run.app.is_running


async def test_a_title_cannot_speak_to_the_terminal(store: Store, home: Path) -> None:
    store.create_chat(title="\x1b[31m[red]evil[/]\x07")
    async with program(store, home) as run:
        await run.press("ctrl+b")
        shown = "".join(run.lines())
        assert "\x1b" not in shown
        assert "[red]evil[/]" in shown
