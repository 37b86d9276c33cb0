"""Every screen and dialog at three sizes, as text; ``tests.tui.album`` says how to renew them."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatterm.catalog import ModelEntry, ModelFile, RemoteEntry, load_catalog
from chatterm.config import Config, TuiSettings
from chatterm.paths import Paths
from chatterm.store import Store
from chatterm.templates import Template
from tests.scripted import Step, says
from tests.tui.acting import act, opened
from tests.tui.album import Size, album, answer, at_three_sizes, utc
from tests.tui.driving import program

__all__ = ["utc"]

ANSWER = """\
Three things, in *short*:

1. **Write** first
2. then `run` it

```python
print("hello")
```

| a | b |
|---|---|
| 1 | 2 |
"""


@at_three_sizes
async def test_the_chat_and_what_has_a_key(store: Store, home: Path, size: Size) -> None:
    scripts: list[list[Step]] = [says("Blue, mostly."), answer(ANSWER), answer("Another way.")]
    async with program(store, home, *scripts, size=size) as run:
        run.desk.paths.config.mkdir(parents=True, exist_ok=True)
        with album(run, size) as pictures:
            await pictures.check("empty")
            await run.say("What colour is the sky")
            await run.press("ctrl+n")
            await run.say("How do I begin")
            await pictures.check("chat")
            await run.press("tab", "r")
            await run.answered()
            await pictures.check("branch")
            for name, keys in {
                "list": ["ctrl+b"],
                "palette": ["ctrl+p"],
                "models": ["ctrl+o"],
                "parameters": ["f2"],
                "tree": ["f3"],
                "themes": ["f6"],
                "rename": ["f8"],
            }.items():
                await run.press(*keys)
                await pictures.check(name)
                await run.press("escape")
            await run.press("ctrl+r")
            await run.type("sky")
            await run.pilot.pause(0.2)
            await pictures.check("search")
            await run.press("escape")
            await run.type("/mod")
            await pictures.check("commands")
            await run.press("escape", "ctrl+c", "tab", "k", "e")
            await pictures.check("editing")


@at_three_sizes
async def test_a_first_start(store: Store, home: Path, size: Size) -> None:
    shipped = load_catalog(home / "none.toml").models
    async with program(store, home, config=Config(model="guide"), models=shipped, size=size) as run:
        with album(run, size) as pictures:
            await pictures.check("first-start")
            await run.press("ctrl+b")
            await pictures.check("first-list")
            await run.press("escape", "ctrl+r")
            await pictures.check("first-search")
            await run.press("escape", "ctrl+c")
            await pictures.check("leaving")


@at_three_sizes
async def test_help_and_what_is_asked(store: Store, home: Path, size: Size) -> None:
    async with program(store, home, answer("Fine."), size=size) as run:
        own = run.desk.paths
        run.desk.paths = Paths.from_environment({"CHATTERM_HOME": "/home/ann/chatterm"})
        with album(run, size) as pictures:
            await run.press("f1")
            await pictures.check("help")
            await run.press("pagedown", "pagedown")
            await pictures.check("help-further")
            await run.press("escape")
            await run.say("How are you")
            await run.press("tab", "question_mark")
            await pictures.check("help-reading")
            run.desk.paths = own
            await run.press("escape", "slash")
            await pictures.check("find")
            await run.press("escape")
            for id_, name in {"tag-chat": "tags", "trash": "trash", "report": "report"}.items():
                await act(run, id_)
                await pictures.check(name)
                await run.press("escape")
            await run.press("f2")
            await run.type("temp")
            await run.press("enter")
            await pictures.check("parameter")


@at_three_sizes
async def test_two_models_side_by_side(store: Store, home: Path, size: Size) -> None:
    scripts = [answer("Fine."), answer(ANSWER), answer("Another way, **shorter**.")]
    async with program(store, home, *scripts, size=size) as run:
        await run.say("How do I begin")
        with album(run, size) as pictures:
            await run.press("f4")
            await pictures.check("compare-choice")
            await run.type("other")
            await run.press("enter")
            await opened(run, "Compare")
            await run.until(lambda: len(run.backend.requests) == 3)
            await run.pilot.pause(0.3)
            await pictures.check("compare")


@at_three_sizes
async def test_templates(store: Store, home: Path, size: Size) -> None:
    async with program(store, home, answer("Fine."), size=size) as run:
        run.desk.templates.write(Template("translate", prompt="Into {{to}}: {{input}}"))
        with album(run, size) as pictures:
            await run.press("f5")
            await pictures.check("templates")
            await run.type("translate")
            await run.press("ctrl+x")
            await pictures.check("template-removal")
            await run.press("escape")
            await run.type("/tra")
            await pictures.check("template-command")
            await run.press("enter")
            await pictures.check("template-places")


@at_three_sizes
async def test_files(
    store: Store, home: Path, size: Size, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "here"
    (place / "src").mkdir(parents=True)
    (place / "src" / "main.py").write_text("print('hello')\n" * 40)
    (place / "notes.txt").write_text("Remember the milk.\n")
    (place / "a very long name of a file that no narrow screen can show at once.md").write_text("x")
    monkeypatch.chdir(place)
    async with program(store, home, answer("Fine."), size=size) as run:
        with album(run, size) as pictures:
            await run.type("What is in @")
            await run.until(lambda: "notes.txt" in "\n".join(run.lines()))
            await pictures.check("files")


@at_three_sizes
async def test_models_on_their_way_and_elsewhere(store: Store, home: Path, size: Size) -> None:
    file = {"Q4": ModelFile("x.gguf", size=2_500_000_000)}
    far = ModelEntry("far", "engine", summary="Far, far away", repository="a/b", files=file)
    lab = RemoteEntry("lab", "openassistant", "https://lab.example.org")
    async with program(
        store, home, answer("Fine."), models={"far": far}, remotes={"lab": lab}, size=size
    ) as run:
        with album(run, size) as pictures:
            run.app.pulls.progress["far"] = "42 % of 2.5 GB, 11.0 MB/s, 132 s left"
            run.screen.show_status()
            await pictures.check("pulling")
            await run.press("ctrl+o")
            await run.type("far")
            await pictures.check("pulling-list")
            await run.press("escape")
            run.app.pulls.progress.clear()
            run.screen.show_status()
            await act(run, "log-in")
            await pictures.check("log-in")


@at_three_sizes
async def test_vims_modes(store: Store, home: Path, size: Size) -> None:
    config = Config(model="scripted", tui=TuiSettings(vim=True))
    async with program(store, home, config=config, size=size) as run:
        with album(run, size) as pictures:
            await run.type("some words")
            await run.press("escape")
            await pictures.check("vim")
