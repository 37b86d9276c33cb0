"""What an empty chat says of who answers."""

from __future__ import annotations

from pathlib import Path

from chatterm.catalog import load_catalog
from chatterm.config import Config
from chatterm.store import Store
from tests.tui.driving import program, screen_text


async def opening(store: Store, home: Path, model: str) -> str:
    shipped = load_catalog(home / "none.toml").models
    async with program(store, home, config=Config(model=model), models=shipped) as run:
        return " ".join(" ".join(screen_text(run.app)).split())


async def test_the_guide_says_what_it_is_and_how_to_get_a_model_that_fits(
    store: Store, home: Path
) -> None:
    screen = await opening(store, home, "guide")
    assert "guide only explains chatterm" in screen
    name = screen.partition("chatterm models pull ")[2].split()[0].removesuffix(".")
    assert load_catalog(home / "none.toml").models[name].proposed


async def test_any_other_model_is_only_named(store: Store, home: Path) -> None:
    screen = await opening(store, home, "scripted")
    assert "scripted answers; Ctrl+O chooses another model" in screen
    assert "models pull" not in screen
