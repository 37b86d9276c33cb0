"""Whatever is wrong with a request, the server says so and is not surprised."""

from __future__ import annotations

import time

from tests.server.malformed import QUIET, Malformed
from tests.server.serving import serving

SECONDS = 25.0
"""Of each half; ``make faults`` takes longer."""


def test_no_malformed_request_is_a_failure_of_the_server() -> None:
    with serving(**QUIET) as served:
        asking = Malformed(served.url)
        try:
            asking.hostile(time.monotonic() + SECONDS)
            asking.generate(4, time.monotonic() + SECONDS)
        finally:
            asking.close()
    assert asking.asked > 200
    assert not asking.failures, "\n".join(map(str, asking.failures[:20]))
