"""Reading with the mouse, in a real terminal: select, scroll, and click on what can be clicked."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatterm.messages import Role, State, Stop, ToolCall
from chatterm.params import Params
from chatterm.store import Store
from tests.cli.program import opened_store
from tests.tui.terminal import COMMAND, Terminal, needs_tmux, terminal

pytestmark = [needs_tmux, pytest.mark.slow]

WIDTH, HEIGHT = 80, 24
ANSWER = """A **whale** of a page: see [the sea](https://example.org/sea).

```python
depth = 10_994
```
"""


@pytest.fixture
def window(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    browser = tmp_path / "browser.py"
    browser.write_text(f"import sys\nopen({str(tmp_path / 'opened')!r}, 'w').write(sys.argv[1])\n")
    monkeypatch.setenv("BROWSER", f"{sys.executable} {browser} %s")
    with opened_store() as store:
        chat_id = a_chat(store)
    with terminal(tmp_path) as opened:
        opened.start(f"{COMMAND} --chat {chat_id} -m echo", WIDTH, HEIGHT)
        opened.until("depth = 10_994")
        yield opened


def a_chat(store: Store) -> str:
    """Forty messages, then one with two answers."""
    chat = store.create_chat(title="The sea", model="echo")
    parent: str | None = None
    for number in range(20):
        parent = store.add(chat.id, parent_id=parent, role=Role.USER, text=f"Question {number}").id
        parent = answered(store, chat.id, parent, f"Answer {number}\n\nand its end {number}")
    parent = store.add(chat.id, parent_id=parent, role=Role.USER, text="What is deep?").id
    answered(store, chat.id, parent, "The other answer.")
    answered(store, chat.id, parent, ANSWER, "It is wet.", (ToolCall("1", "sound", "{}", "ping"),))
    return chat.id


def answered(
    store: Store,
    chat_id: str,
    parent: str,
    text: str,
    reasoning: str = "",
    calls: tuple[ToolCall, ...] = (),
) -> str:
    begun = store.start_answer(
        chat_id, parent_id=parent, model="echo", backend="echo", params=Params()
    )
    ended = store.finish(
        begun.id,
        state=State.COMPLETE,
        text=text,
        reasoning=reasoning,
        tool_calls=calls,
        stop=Stop.END,
    )
    return ended.id


def place(window: Terminal, words: str) -> tuple[int, int]:
    """Where words stand on the screen; all before them is a cell wide."""
    screen = window.until(words)
    y, row = next((y, row) for y, row in enumerate(screen.splitlines()) if words in row)
    return row.index(words), y


def test_an_hour_with_the_mouse(window: Terminal, tmp_path: Path) -> None:
    selects_and_copies(window)
    selects_a_word_and_a_message(window)
    selects_nothing_beside(window)
    copies_code(window)
    opens_a_link(window, tmp_path / "opened")
    unfolds(window)
    goes_to_the_other_answer(window)
    scrolls_by_the_wheel(window)
    scrolls_by_the_bar(window)


def selects_and_copies(window: Terminal) -> None:
    x, y = place(window, "whale of a page")
    window.drag((x, y), (x + 3, y), (x + 9, y))
    window.press("C-c")
    window.until("copied")
    assert window.clipboard() == "whale of a"


def selects_a_word_and_a_message(window: Terminal) -> None:
    x, y = place(window, "depth")
    window.click(x + 2, y, times=2)
    window.press("y")
    window.until(lambda _: window.clipboard() == "depth")
    x, y = place(window, "What is deep?")
    window.click(x, y, times=3)
    window.press("y")
    window.until(lambda _: window.clipboard() == "What is deep?")


def selects_nothing_beside(window: Terminal) -> None:
    window.press("Escape")
    window.until("Enter send")
    window.click(*place(window, "The sea"), times=3)
    window.press("C-c")
    window.until("Ctrl+C again leaves")


def copies_code(window: Terminal) -> None:
    window.click(*place(window, "── python"))
    window.until(lambda _: window.clipboard() == "depth = 10_994\n")


def opens_a_link(window: Terminal, opened: Path) -> None:
    window.click(*place(window, "the sea"))
    window.until(lambda _: opened.exists() and opened.read_text() == "https://example.org/sea")
    window.until("opened and copied")
    assert window.clipboard() == "https://example.org/sea"


def unfolds(window: Terminal) -> None:
    window.click(*place(window, "▸ Thought"))
    window.until("It is wet.")
    window.click(*place(window, "▸ sound"))
    window.until("→ ping")
    window.click(*place(window, "▾ Thought"))
    window.until_gone("It is wet.")


def goes_to_the_other_answer(window: Terminal) -> None:
    window.click(*place(window, "2/2"))
    window.until("The other answer.")
    window.click(*place(window, "1/2"))
    window.until_gone("The other answer.")
    window.click(*place(window, "echo  "))
    assert "2/2" in window.screen(), "the rest of the header does nothing"


def scrolls_by_the_wheel(window: Terminal) -> None:
    _, before = place(window, "What is deep?")
    window.mouse(64, 10, 10)
    window.until(lambda screen: row_of(screen, "What is deep?") == before + 3)
    window.mouse(65, 10, 10)
    window.until(lambda screen: row_of(screen, "What is deep?") == before)


def scrolls_by_the_bar(window: Terminal) -> None:
    bar = WIDTH - 1
    _, composer = place(window, "╭")
    window.drag((bar, composer - 1), (bar, 10), (bar, 1))
    window.until("Question 0")
    window.click(bar, composer - 1)
    window.until_gone("Question 0")
    window.press("C-End")
    window.until("depth = 10_994")


def row_of(screen: str, words: str) -> int:
    return next((y for y, row in enumerate(screen.splitlines()) if words in row), -1)
