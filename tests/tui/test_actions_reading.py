"""What each action on the messages does."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import pytest

from chatterm.events import Done, ReasoningDelta, TextDelta
from chatterm.messages import Stop
from chatterm.store import Store
from tests.scripted import Step, says
from tests.tui.acting import act, asked, opened
from tests.tui.driving import Program, program

CODE = "Two:\n\n```python\nfirst = 1\n```\n\n```python\nsecond = 2\n```\n"
LONG = says("\n\n".join(f"paragraph {number}" for number in range(80)))


def at(run: Program) -> str:
    """The text under the cursor."""
    current = run.screen.reading.current
    return current.text if current is not None else ""


async def talked(run: Program, *prompts: str) -> None:
    for prompt in prompts:
        await run.say(prompt)


def clipboard(run: Program) -> str:
    return run.app.clipboard


async def test_message_next(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), says("two")) as run:
        await talked(run, "a", "b")
        await act(run, "message-first")
        await act(run, "message-next")
        assert at(run) == "one"


async def test_message_previous(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), says("two")) as run:
        await talked(run, "a", "b")
        await act(run, "message-previous")
        assert at(run) == "b"


async def test_message_first(store: Store, home: Path) -> None:
    async with program(store, home, LONG, says("two")) as run:
        await talked(run, "a", "b")
        await act(run, "message-first")
        assert at(run) == "a"
        assert "paragraph 0" in run.text_of("Transcript")


async def test_message_last(store: Store, home: Path) -> None:
    async with program(store, home, LONG) as run:
        await talked(run, "a")
        await act(run, "message-first")
        await act(run, "message-last")
        assert at(run).startswith("paragraph 0")
        assert "paragraph 79" in run.text_of("Transcript")
        assert run.screen.reading.transcript.following


async def test_edit(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), says("two")) as run:
        await talked(run, "a")
        await act(run, "message-previous")
        await act(run, "edit")
        await run.type("b")
        await run.press("enter")
        await run.answered()
        assert run.texts() == ["ab", "two"]
        assert len(store.siblings(run.path()[0].id)) == 2


async def test_regenerate(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), says("two")) as run:
        await two_answers(run)
        assert run.texts() == ["a", "two"]
        assert len(store.siblings(run.path()[1].id)) == 2


async def test_continue(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), says(" and on")) as run:
        await talked(run, "a")
        await act(run, "continue")
        await run.answered()
        assert run.texts() == ["a", "one and on"]


async def two_answers(run: Program) -> None:
    await talked(run, "a")
    await act(run, "regenerate")
    await run.answered()


async def test_sibling_previous(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), says("two")) as run:
        await two_answers(run)
        await act(run, "sibling-previous")
        assert run.texts() == ["a", "one"]


async def test_sibling_next(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), says("two")) as run:
        await two_answers(run)
        await act(run, "sibling-previous")
        await act(run, "sibling-next")
        assert run.texts() == ["a", "two"]


async def test_copy(store: Store, home: Path) -> None:
    async with program(store, home, says("**one**")) as run:
        await talked(run, "a")
        await act(run, "copy")
        assert clipboard(run) == "**one**"


async def test_copy_of_what_no_terminal_takes(
    store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatterm.tui.clipboard.program", lambda env: ())
    async with program(store, home, says("x" * 800_000)) as run:
        await talked(run, "a")
        await act(run, "copy")
        assert clipboard(run) == ""
        assert "too long for the terminal's clipboard" in run.status


async def test_copy_code(store: Store, home: Path) -> None:
    async with program(store, home, says(CODE)) as run:
        await talked(run, "a")
        await act(run, "copy-code")
        await run.press("2")
        assert clipboard(run).strip() == "second = 2"


async def test_copy_code_of_several(store: Store, home: Path) -> None:
    blocks = "```sh\none\n```\n\n```sh\ntwo\n```"
    async with program(store, home, says(blocks)) as run:
        await talked(run, "a")
        await act(run, "copy-code")
        rows = [row for row in run.text_of("Transcript").splitlines() if "── sh" in row]
        assert [row.split()[0] for row in rows] == ["1", "2"], "each block shows its number"
        await run.press("2")
        assert run.app.clipboard == "two\n"


async def test_fork(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), says("two")) as run:
        await talked(run, "a", "b")
        before = run.talk.chat_id
        await act(run, "message-first")
        await act(run, "message-next")
        await act(run, "fork")
        assert run.talk.chat_id not in (None, before)
        assert run.texts() == ["a", "one"]


async def test_undo(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), says("two")) as run:
        await talked(run, "a", "b")
        await act(run, "undo")
        assert run.texts() == ["a", "one"]


async def test_delete(store: Store, home: Path) -> None:
    async with program(store, home, says("one"), says("two")) as run:
        await talked(run, "a", "b")
        await act(run, "message-previous")
        await act(run, "delete")
        assert run.texts() == ["a", "one"]


async def test_vote_up(store: Store, home: Path) -> None:
    async with program(store, home, says("one")) as run:
        await talked(run, "a")
        await act(run, "vote-up")
        assert store.votes(run.talk.chat_id or "") == {run.path()[-1].id: 1}


async def test_vote_down(store: Store, home: Path) -> None:
    async with program(store, home, says("one")) as run:
        await talked(run, "a")
        await act(run, "vote-down")
        assert store.votes(run.talk.chat_id or "") == {run.path()[-1].id: -1}
        await act(run, "vote-down")
        assert store.votes(run.talk.chat_id or "") == {}, "the same again takes it back"


async def found(run: Program) -> None:
    await talked(run, "needle here", "hay")
    await act(run, "find")
    await asked(run, "needle")


async def test_find(store: Store, home: Path) -> None:
    async with program(store, home, says("a needle"), says("hay")) as run:
        await found(run)
        assert run.screen.reading.finding
        assert "found in 2 messages" in run.status
        assert at(run) == "a needle", "the nearest one above"


async def test_find_next(store: Store, home: Path) -> None:
    async with program(store, home, says("a needle"), says("hay")) as run:
        await found(run)
        await act(run, "find-previous")
        await act(run, "find-next")
        assert at(run) == "a needle"
        await act(run, "find-next")
        assert at(run) == "needle here"
        assert "from the beginning again" in run.status


async def test_find_previous(store: Store, home: Path) -> None:
    async with program(store, home, says("a needle"), says("hay")) as run:
        await found(run)
        await act(run, "find-previous")
        assert at(run) == "needle here"
        await act(run, "find-previous")
        assert at(run) == "a needle"
        assert "from the end again" in run.status


async def test_fold(store: Store, home: Path) -> None:
    script: list[Step] = [ReasoningDelta("deep thoughts"), TextDelta("one"), Done(Stop.END)]
    async with program(store, home, script) as run:
        await talked(run, "a")
        assert "deep thoughts" not in run.text_of("Transcript")
        await act(run, "fold")
        assert "deep thoughts" in run.text_of("Transcript")
        await act(run, "fold")
        assert "deep thoughts" not in run.text_of("Transcript")


async def test_open_link(store: Store, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with program(store, home, says("see [it](https://example.org/it)")) as run:
        opened: list[str] = []
        monkeypatch.setattr(run.app, "open_url", opened.append)
        monkeypatch.setattr(webbrowser, "get", lambda: webbrowser.BackgroundBrowser("browser"))
        await talked(run, "a")
        await act(run, "open-link")
        assert opened == ["https://example.org/it"]


async def test_jump(store: Store, home: Path) -> None:
    async with program(store, home, says("one")) as run:
        await talked(run, "a")
        before = run.text_of("Transcript")
        await act(run, "jump")
        assert run.text_of("Transcript") != before, "letters stand before what is in sight"
        await run.press("a")
        assert at(run) == "a"


async def test_select_down(store: Store, home: Path) -> None:
    async with program(store, home, says("one\n\ntwo")) as run:
        await talked(run, "a")
        await act(run, "select-down")
        await act(run, "select-down")
        selected = run.screen.reading.selected_text()
        assert "one" in selected
        assert "two" not in selected


async def test_select_up(store: Store, home: Path) -> None:
    async with program(store, home, says("one\n\ntwo")) as run:
        await talked(run, "a")
        for _ in range(4):
            await act(run, "select-down")
        before = run.screen.reading.selected_text()
        await act(run, "select-up")
        await act(run, "select-up")
        assert len(run.screen.reading.selected_text()) < len(before)


async def test_scroll_up(store: Store, home: Path) -> None:
    async with program(store, home, LONG) as run:
        await talked(run, "a")
        before = run.text_of("Transcript").splitlines()
        await act(run, "scroll-up")
        assert rows(run)[1:] == words(before)[:-1]


async def test_scroll_down(store: Store, home: Path) -> None:
    async with program(store, home, LONG) as run:
        await talked(run, "a")
        for _ in range(3):
            await act(run, "scroll-up")
        before = rows(run)
        await act(run, "scroll-down")
        assert rows(run)[:-1] == before[1:]


async def test_keys(store: Store, home: Path) -> None:
    async with program(store, home, says("one")) as run:
        await talked(run, "a")
        await act(run, "keys")
        await opened(run, "Help")


async def test_compose(store: Store, home: Path) -> None:
    async with program(store, home, says("one")) as run:
        await talked(run, "a")
        await run.press("tab")
        assert run.screen.reading.reading
        await act(run, "compose")
        assert run.composer.has_focus


def words(lines: list[str]) -> list[str]:
    """The rows without the scroll bar and the cursor's bar."""
    return [line[3:-1].strip() for line in lines]


def rows(run: Program) -> list[str]:
    return words(run.text_of("Transcript").splitlines())
