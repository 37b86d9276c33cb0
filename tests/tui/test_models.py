"""Models are chosen and brought here; what cannot answer says why, and what Enter does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatterm.catalog import ModelEntry, ModelFile, RemoteEntry
from chatterm.store import Store
from chatterm.tui.screens.asking import Asking
from chatterm.tui.screens.picker import Picker
from chatterm.tui.widgets.rows import Row, Rows
from tests.ggufs import make_bert, make_gguf, truncated
from tests.hub import Hub, gguf_bytes, running_hub
from tests.scripted import says
from tests.servers.openai import OpenAIServer
from tests.tui.driving import Program, program


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running_hub(tmp_path / "hub") as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        yield running


def entry_of(name: str) -> ModelEntry:
    return ModelEntry(name, "engine", repository="a/b", files={"Q4": ModelFile(f"{name}.gguf")})


def row(run: Program, title: str) -> Row | None:
    rows = run.app.screen.query_one(Rows).rows
    return next((row for row in rows if row.title == title and row.key), None)


def note(run: Program) -> str:
    return str(run.app.screen.query_one(".note").render())


def toasts(run: Program) -> str:
    return "\n".join(toast.message for toast in run.app._notifications)


async def choose(run: Program, name: str) -> None:
    await run.press("ctrl+o")
    await run.type(name)
    await run.until(lambda: row(run, name) is not None)
    await run.press("enter")


async def test_a_file_that_cannot_be_used_says_why_and_is_not_taken(
    store: Store, home: Path
) -> None:
    folder = home / "data" / "models"
    folder.mkdir(parents=True)
    make_gguf(folder / "whole.gguf")
    truncated(folder / "whole.gguf", folder / "cut.gguf", -1000)
    make_bert(folder / "reader.gguf")
    async with program(store, home) as run:
        await run.press("ctrl+o")
        await run.until(lambda: "fits" in getattr(row(run, "whole"), "right", ""))
        for name, why in {"cut": "is truncated", "reader": "for embeddings"}.items():
            found = row(run, name)
            assert found is not None
            assert (found.right, found.dim) == ("cannot be used", True)
            run.app.screen.query_one(Rows).move_to(found.key)
            await run.until(lambda why=why: why in note(run))  # type: ignore[misc]
        await run.press("enter")
        await run.until(lambda: "for embeddings" in toasts(run))
        assert run.talk.session.model == "scripted"


async def test_a_remote_that_is_away_is_asked_again(store: Store, home: Path) -> None:
    async with OpenAIServer() as server:
        url = f"{server.url}/v1"
    remotes = {"lab": RemoteEntry("lab", "openai", url)}
    async with program(store, home, remotes=remotes) as run:
        await run.press("ctrl+o")
        await run.until(lambda: "lab cannot be reached" in getattr(row(run, "lab"), "right", ""))
        await run.type("lab")
        await run.until(lambda: "Enter asks again" in note(run))
        first = run.app.screen
        await run.press("enter")
        await run.until(lambda: isinstance(run.app.screen, Picker) and run.app.screen is not first)
        await run.until(lambda: "lab cannot be reached" in getattr(row(run, "lab"), "right", ""))
        assert not toasts(run)


async def test_a_remote_that_wants_a_key_is_logged_in_to(
    store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    async with OpenAIServer(key="secret") as server:
        remotes = {"lab": RemoteEntry("lab", "openai", f"{server.url}/v1")}
        async with program(store, home, remotes=remotes) as run:
            monkeypatch.setattr(run.screen, "log_in_to", asked.append)
            await run.press("ctrl+o")
            await run.type("lab")
            await run.until(lambda: "Enter logs in" in note(run))
            await run.press("enter")
            assert asked == ["lab"]


async def test_a_model_that_was_waited_for_answers_from_then_on(
    store: Store, home: Path, hub: Hub
) -> None:
    hub.add("a/b/near.gguf", gguf_bytes(100_000))
    async with program(store, home, models={"near": entry_of("near")}) as run:
        await choose(run, "near")
        await run.until(lambda: run.talk.session.model == "near")
        assert (home / "data" / "models" / "a" / "b" / "near.gguf").stat().st_size == 100_000


async def test_an_open_list_shows_that_a_model_has_come(
    store: Store, home: Path, tmp_path: Path, hub: Hub
) -> None:
    hub.add("a/b/near.gguf", make_gguf(tmp_path / "near.gguf").read_bytes())
    hub.habits.bytes_per_second = 50_000
    async with program(store, home, models={"near": entry_of("near")}) as run:
        await choose(run, "near")
        await run.press("ctrl+o")
        await run.type("near")
        await run.until(lambda: getattr(row(run, "near"), "key", "") == "absent/near")
        hub.habits.bytes_per_second = 0
        await run.until(lambda: getattr(row(run, "near"), "key", "") == "near")


async def test_a_model_that_comes_late_takes_nobody_away_from_another(
    store: Store, home: Path, hub: Hub
) -> None:
    hub.add("a/b/near.gguf", gguf_bytes(200_000))
    hub.habits.bytes_per_second = 400_000
    async with program(store, home, says("x"), models={"near": entry_of("near")}) as run:
        await choose(run, "near")
        run.screen.use_model("other")
        await run.until(lambda: "near is on this machine now; Ctrl+O takes it" in toasts(run))
        assert run.talk.session.model == "other"


async def test_a_pull_that_failed_stays_in_the_list_until_it_is_tried_again(
    store: Store, home: Path, hub: Hub
) -> None:
    async with program(store, home, models={"near": entry_of("near")}) as run:
        await choose(run, "near")
        await run.until(lambda: "near did not come: 127.0.0.1 has no a/b/" in toasts(run))
        await run.press("ctrl+o")
        await run.type("near")
        await run.until(lambda: getattr(row(run, "near"), "right", "") == "did not come")
        await run.until(lambda: "Enter tries again" in note(run) and "check the name" in note(run))
        hub.add("a/b/near.gguf", gguf_bytes(100_000))
        await run.press("enter")
        await run.until(lambda: run.talk.session.model == "near")


async def test_a_pull_that_gets_nothing_says_so(store: Store, home: Path, hub: Hub) -> None:
    hub.add("a/b/near.gguf", gguf_bytes(200_000))
    hub.habits.stall_after = 1000
    async with program(store, home, models={"near": entry_of("near")}) as run:
        await choose(run, "near")
        await run.until(lambda: "of 200 kB, waiting for the server" in run.text_of("Banner"))


async def test_a_value_that_cannot_be_is_there_to_be_mended(store: Store, home: Path) -> None:
    async with program(store, home) as run:
        await run.press("f2")
        await run.type("seed")
        await run.press("enter")
        await run.type("many")
        await run.press("enter")
        asking = run.app.screen
        assert isinstance(asking, Asking)
        await run.until(lambda: "seed must be" in str(asking.query_one(".wrong").render()))
        await run.press("ctrl+u")
        assert not asking.query_one(".wrong").display
        await run.type("7")
        await run.press("enter", "escape")
        assert run.talk.session.params.seed == 7
