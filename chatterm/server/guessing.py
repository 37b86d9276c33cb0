"""Whoever guesses passwords is slowed down, and nobody else.

A try counts before the password is looked at, so that many at once are no way around it. Tries
count for a name at an address, for an address, and for a name at addresses that have never shown
its password: so whoever guesses from many addresses keeps out other strangers at most, and the
user goes on logging in from where they do.
"""

from __future__ import annotations

import ipaddress
from collections import deque
from collections.abc import Hashable

from chatterm.ids import Clock
from chatterm.server.problems import TooMany

_SECONDS = 60.0
_OF_NAME_AND_ADDRESS = 5
_OF_ADDRESS = 30
_OF_NAME_BY_STRANGERS = 60
_KNOWN_ADDRESSES = 32
"""So many are remembered of each user."""


class Guesses:
    """The tries of the last minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tries: dict[Hashable, deque[float]] = {}
        self._known: dict[str, deque[str]] = {}

    def begin(self, name: str, address: str) -> None:
        """Count a try; TooMany where it is one too many."""
        now = self._clock()
        self._forget(now - _SECONDS)
        limits = self._limits(name, network_of(address))
        for key, most in limits.items():
            tries = self._tries.get(key)
            if tries and len(tries) >= most:
                wait = max(1, round(tries[0] + _SECONDS - now))
                raise TooMany("Too many wrong passwords.", wait)
        for key in limits:
            self._tries.setdefault(key, deque()).append(now)

    def right(self, name: str, address: str) -> None:
        """Take a try back: it was the password."""
        network = network_of(address)
        for key in self._limits(name, network):
            tries = self._tries.get(key)
            if tries:
                tries.pop()
        self._tries.pop((name, network), None)
        known = self._known.setdefault(name, deque(maxlen=_KNOWN_ADDRESSES))
        if network not in known:
            known.append(network)

    def _limits(self, name: str, network: str) -> dict[Hashable, int]:
        limits: dict[Hashable, int] = {
            (name, network): _OF_NAME_AND_ADDRESS,
            ("", network): _OF_ADDRESS,
        }
        if network not in self._known.get(name, ()):
            limits[name, ""] = _OF_NAME_BY_STRANGERS
        return limits

    def _forget(self, before: float) -> None:
        """Tries are in order of time, so old ones are at the front of each."""
        for key in [key for key, tries in self._tries.items() if not tries or tries[-1] < before]:
            del self._tries[key]
        for tries in self._tries.values():
            while tries and tries[0] < before:
                tries.popleft()


def network_of(address: str) -> str:
    """What one client has: an address, or all of the network that it has by IPv6."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address or "unknown"
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))
