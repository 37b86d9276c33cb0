"""Clocks and ids: ULIDs that sort by the time they were made.

Nothing here reads the time or the random source on its own; whoever builds the program passes
them in, so that a test can repeat itself.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Seconds since the epoch."""

NewId: TypeAlias = Callable[[], str]
"""A fresh ULID."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80
_RANDOM_END = 1 << _RANDOM_BITS


def encode_ulid(milliseconds: int, randomness: int) -> str:
    """Write 48 bits of time and 80 random bits in Crockford's base 32."""
    value = (milliseconds << _RANDOM_BITS) | randomness
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def ulid_milliseconds(ulid: str) -> int:
    """The time a ULID was made, in milliseconds since the epoch."""
    value = 0
    for letter in ulid[:10]:
        value = value * 32 + _ALPHABET.index(letter)
    return value


def ulid_factory(
    clock: Clock = time.time, random_bytes: Callable[[int], bytes] = os.urandom
) -> NewId:
    """Return a maker of ULIDs that never go backwards within this process.

    Two ids of the same millisecond differ by one, as the ULID specification asks for, so messages
    written in one burst keep their order.
    """
    last_time = -1
    last_random = 0

    def new_id() -> str:
        nonlocal last_time, last_random
        now = int(clock() * 1000)
        if now > last_time:
            last_time = now
            last_random = int.from_bytes(random_bytes(_RANDOM_BITS // 8), "big")
        else:
            last_random += 1
            if last_random == _RANDOM_END:
                last_time, last_random = last_time + 1, 0
        return encode_ulid(last_time, last_random)

    return new_id
