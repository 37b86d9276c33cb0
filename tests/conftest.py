"""What every test stands on: a home of its own, and nothing of the developer's."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatterm.ids import NewId, ulid_factory
from chatterm.store import Store
from tests.clocks import Clock

if hasattr(signal, "SIGHUP"):
    # What is started inherits it, and some of that ends with its terminal: nohup would keep it.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So does a shell keep Ctrl-C from what it starts in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All of chatterm's folders lie under here, for this process and those it starts."""
    for name in list(os.environ):
        if name.startswith(("CHATTERM_", "HF_", "HUGGINGFACE_", "OLLAMA_", "XDG_")):
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("CHATTERM_HOME", str(folder))
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def new_id(clock: Clock) -> NewId:
    return ulid_factory(clock, random_bytes=bytes)


@pytest.fixture
def store(tmp_path: Path, clock: Clock, new_id: NewId) -> Iterator[Store]:
    with Store.open(tmp_path / "chatterm.db", clock=clock, new_id=new_id) as opened:
        yield opened


@pytest.fixture
def reopen(tmp_path: Path, clock: Clock, new_id: NewId) -> Callable[[], Store]:
    """Open the same store once more, as another process would."""
    return lambda: Store.open(tmp_path / "chatterm.db", clock=clock, new_id=new_id)
