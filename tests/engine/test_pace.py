"""Threads and chunks follow what steps really take."""

from __future__ import annotations

import pytest

from chatterm.engine.pace import Pace


class Machine:
    """A machine on which a step takes a known time for each thread count."""

    def __init__(self, costs: dict[int, float]) -> None:
        self.costs = costs
        self.now = 0.0
        self.pace = Pace(max(costs), lambda: self.now)
        self.used: list[int] = []

    def steps(self, count: int) -> None:
        for _ in range(count):
            threads, _ = self.pace.threads
            self.used.append(threads)
            self.now += self.costs[threads]
            self.pace.learn(self.costs[threads], 1, 0)


IDLE = {1: 0.040, 2: 0.021}
BUSY = {1: 0.041, 2: 0.090}


def test_an_idle_machine_uses_all_its_threads() -> None:
    machine = Machine(IDLE)
    machine.steps(300)
    assert machine.used[-1] == 2
    assert machine.used.count(1) <= 4


def test_a_busy_core_is_noticed_from_the_start() -> None:
    machine = Machine(BUSY)
    machine.steps(200)
    assert machine.used[-1] == 1
    assert machine.used.count(2) <= 12


def test_a_few_lucky_steps_on_a_shared_core_are_no_reason_to_take_it() -> None:
    """Who has slept runs at once, and pays for it later."""
    machine = Machine(dict(BUSY))
    machine.steps(100)
    for _ in range(300):
        two_so_far = next((n for n, used in enumerate(reversed(machine.used)) if used == 1), 0)
        machine.costs[2] = 0.030 if two_so_far < 4 else 0.090
        machine.steps(1)
    assert machine.used[100:].count(2) < 60


def test_a_core_that_becomes_busy_is_noticed_within_a_few_steps() -> None:
    machine = Machine(dict(IDLE))
    machine.steps(100)
    machine.costs.update(BUSY)
    machine.steps(10)
    assert machine.used[-1] == 1


def test_a_core_that_becomes_idle_is_used_again_within_seconds() -> None:
    machine = Machine(dict(BUSY))
    machine.steps(100)
    machine.costs.update(IDLE)
    before = machine.now
    while machine.pace.threads[0] == 1 or machine.used[-20:].count(2) < 20:
        machine.steps(1)
        assert machine.now - before < 20


def test_a_chat_that_grows_is_no_reason_to_doubt() -> None:
    machine = Machine(dict(IDLE))
    for _ in range(400):
        machine.steps(1)
        machine.costs = {count: cost * 1.003 for count, cost in machine.costs.items()}
    assert machine.used.count(1) <= 4


def test_one_thread_is_never_questioned() -> None:
    machine = Machine({1: 0.04})
    machine.steps(50)
    assert set(machine.used) == {1}


@pytest.mark.parametrize(
    ("rate", "others", "chunk"), [(1000, False, 512), (1000, True, 192), (100, False, 288)]
)
def test_chunks_last_as_long_as_somebody_may_wait(rate: float, others: bool, chunk: int) -> None:
    pace = Pace(2, lambda: 0.0)
    for _ in range(20):
        pace.learn(256 / rate, 256, 256)
    assert pace.chunk(others_write=others, limit=512) == chunk


def test_a_slow_machine_still_reads_in_sensible_pieces() -> None:
    pace = Pace(2, lambda: 0.0)
    pace.learn(64, 64, 64)
    assert pace.chunk(others_write=True, limit=512) == 32
    assert pace.chunk(others_write=False, limit=512) == 64
