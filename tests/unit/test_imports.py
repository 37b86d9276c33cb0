"""Who imports what: the layers, and what a face must not pay for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ["textual", "httpx", "rich", "llama_cpp", "sqlite_utils", "asyncio", "numpy", "jinja2"]


def loaded_after(code: str) -> set[str]:
    """The modules a clean interpreter has after running ``code``."""
    script = f"{code}\nimport sys\nprint(*sorted(sys.modules), file=sys.stderr)"
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(ran.stderr.split())


def test_importing_the_package_imports_nothing_else() -> None:
    before = loaded_after("pass")
    assert loaded_after("import chatterm") - before == {"chatterm"}


RUN = "import sys; sys.argv = ['chatterm', *{args!r}]\nfrom chatterm.cli.main import main\n"
RUN += "try:\n    main()\nexcept SystemExit:\n    pass"


@pytest.mark.parametrize("args", [["--version"], ["--help"]])
def test_version_and_help_load_nothing_heavy(args: list[str]) -> None:
    assert not loaded_after(RUN.format(args=args)) & set(HEAVY)


def test_asking_never_loads_the_library_into_this_process() -> None:
    ask = RUN.format(args=["ask", "-m", "echo", "hi"])
    loaded_after(ask)  # the first run makes the database, which costs more
    loaded = loaded_after(ask)
    assert not loaded & {"llama_cpp", "textual", "httpx", "numpy", "rich", "jinja2", "sqlite_utils"}
    assert "pydantic" not in loaded, "typer 0.29 does that; it doubles the time of ask"


def test_the_full_screen_program_opens_without_what_it_may_never_need() -> None:
    loaded = loaded_after("import chatterm.tui.launch")
    assert not loaded & {
        "llama_cpp",
        "numpy",
        "httpx",
        "jinja2",
        "sqlite_utils",
        "typer",
        "rich.markdown",
        "tomlkit",
    }


def test_layers_are_kept() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    ran = subprocess.run(
        [str(tool), "--no-cache"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert ran.returncode == 0, ran.stdout
