"""Chunks that come quickly are read together, and nothing else about them changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from chatterm.remote import gathering
from chatterm.remote.gathering import gathered


class Wire:
    """Chunks as a connection brings them: those that lie there are read without waiting."""

    def __init__(self) -> None:
        self.there: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.waits = 0

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        while True:
            self.waits += self.there.empty()
            chunk = await self.there.get()
            if chunk is None:
                return
            yield chunk

    async def bring(self, count: int, pause: float) -> None:
        for number in range(count):
            self.there.put_nowait(b"%d" % number)
            await asyncio.sleep(pause)
        self.there.put_nowait(None)


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited for more to come, each time."""
    taken: list[float] = []
    sleep = asyncio.sleep

    class Slept:
        get_running_loop = staticmethod(asyncio.get_running_loop)

        @staticmethod
        async def sleep(seconds: float) -> None:
            taken.append(seconds)
            await sleep(seconds)

    monkeypatch.setattr(gathering, "asyncio", Slept)
    return taken


async def read(wire: Wire, **pace: float) -> list[bytes]:
    return [chunk async for chunk in gathered(wire.chunks(), **pace)]


async def test_what_comes_quickly_is_waited_for_a_few_times_only() -> None:
    wire = Wire()
    bringing = asyncio.create_task(wire.bring(200, 0.001))
    assert await read(wire, moment=0.05, quick=10.0) == [b"%d" % n for n in range(200)]
    assert wire.waits < 40
    await bringing


async def test_what_is_there_already_is_taken_without_a_rest(naps: list[float]) -> None:
    wire = Wire()
    for _ in range(1000):
        wire.there.put_nowait(b"x")
    wire.there.put_nowait(None)
    assert len(await read(wire)) == 1000
    assert naps == []


async def test_what_comes_slowly_is_passed_on_as_it_comes(naps: list[float]) -> None:
    wire = Wire()
    bringing = asyncio.create_task(wire.bring(5, 0.02))
    assert len(await read(wire, quick=0.0)) == 5
    assert naps == []
    assert wire.waits >= 4
    await bringing


async def test_a_chunk_is_never_held_back(naps: list[float]) -> None:
    wire = Wire()
    chunks = gathered(wire.chunks(), quick=10.0)
    asyncio.get_running_loop().call_later(0.01, wire.there.put_nowait, b"first")
    assert await anext(chunks) == b"first"
    assert naps == []
    await chunks.aclose()
