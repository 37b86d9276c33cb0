"""Small models with random weights, and engines that are gone when a test is over."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chatterm.engine.client import EngineBackend
from chatterm.engine.hosts import EngineHome, running
from chatterm.engine.settings import EngineSettings
from tests.ggufs import make_gguf


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that never ends an answer by itself."""
    return make_gguf(tmp_path_factory.mktemp("models") / "tiny.gguf")


@dataclass
class Engine:
    """An engine of the test's own: its sockets, its logs, its snapshots."""

    folder: Path
    model: Path
    isolated: bool = True
    settings: dict[str, object] = field(default_factory=dict)

    @property
    def home(self) -> EngineHome:
        return EngineHome(self.folder / "s", self.folder / "logs", isolated=self.isolated)

    @property
    def opening(self) -> EngineSettings:
        said: dict[str, object] = {"snapshots": str(self.folder / "snapshots"), **self.settings}
        return EngineSettings(str(self.model), **said)  # type: ignore[arg-type]

    @property
    def key(self) -> str:
        return self.opening.key()

    def backend(self, keep_alive: float = 60.0) -> EngineBackend:
        return EngineBackend(self.home, {"tiny": self.opening}, keep_alive)

    def pids(self) -> list[int]:
        return [host["pid"] for host in asyncio.run(running(self.home))]

    def end(self) -> None:
        for pid in self.pids():
            if pid != os.getpid():
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def engine(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Iterator[Callable[..., Engine]]:
    """Make engines; a socket's path must be short, so they live outside the test's long folder."""
    made: list[Engine] = []

    def make(model: Path = tiny, *, isolated: bool = True, **settings: object) -> Engine:
        folder = tmp_path_factory.mktemp("e")
        made.append(Engine(folder, model, isolated, settings))
        return made[-1]

    yield make
    for one in made:
        one.end()
