"""Malformed requests for minutes, from other beginnings each time."""

from __future__ import annotations

import time

import pytest

from tests.server.malformed import QUIET, Malformed
from tests.server.serving import serving

SECONDS = 300.0


@pytest.mark.faults
def test_no_malformed_request_is_a_failure_of_the_server_for_long() -> None:
    number = int(time.time())
    with serving(**QUIET) as served:
        asking = Malformed(served.url)
        try:
            asking.hostile(time.monotonic() + SECONDS, number)
            asking.generate(40, time.monotonic() + SECONDS, number)
        finally:
            asking.close()
    print(f"{asking.asked} requests from {number}")
    assert not asking.failures, "\n".join(map(str, asking.failures[:20]))
