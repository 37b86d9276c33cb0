"""What the engine relies on in llama.cpp itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatterm.engine.batch import Abandoned, BatchItem
from chatterm.engine.runtime import LlamaRuntime
from chatterm.engine.settings import EngineSettings


@pytest.fixture
def runtime(tiny: Path) -> Iterator[LlamaRuntime]:
    opened = LlamaRuntime(EngineSettings(str(tiny)))
    yield opened
    opened.close()


def batch(start: int, count: int) -> list[BatchItem]:
    return [BatchItem(20 + at % 7, at, 0, False) for at in range(start, start + count)]


def test_a_batch_that_nobody_waits_for_leaves_nothing_behind(runtime: LlamaRuntime) -> None:
    runtime.decode(batch(0, 100))
    before = runtime.state_of(0)
    with pytest.raises(Abandoned):
        runtime.decode(batch(100, 100), lambda: True)
    assert runtime.state_of(0) == before
    runtime.decode(batch(100, 100), lambda: False)
    assert len(runtime.state_of(0)) > len(before)


def test_a_single_token_is_never_abandoned(runtime: LlamaRuntime) -> None:
    runtime.decode(batch(0, 100))
    runtime.decode(batch(100, 1), lambda: True)
