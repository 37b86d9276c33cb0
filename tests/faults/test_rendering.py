"""Thousands of random documents in random fragments; `tests/render` runs a few of them."""

from __future__ import annotations

import pytest

from tests.render.streaming import fuzz

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("part", range(60))
def test_random_documents_end_as_a_clean_drawing(part: int) -> None:
    for seed in range(1_000 + part * 100, 1_100 + part * 100):
        fuzz(seed)
