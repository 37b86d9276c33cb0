"""Connections to stand-ins, with waits short enough for a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chatterm.remote._http import Http, Limits
from chatterm.remote.address import parse_address
from tests.servers.wire import WireServer

QUICK = Limits(
    connect=2.0, reply=2.0, first=5.0, idle=2.0, answer=20.0, pauses=(0.01, 0.02), patience=0.5
)


def http_to(
    server: WireServer,
    path: str = "",
    *,
    name: str = "lab",
    key: str = "",
    limits: Limits = QUICK,
    clock: Callable[[], float] = lambda: 1_800_000_000.0,
    **options: Any,
) -> Http:
    address = parse_address(server.url + path)
    http = Http(name, address, limits=limits, clock=clock, **options)
    if key:
        http.authorise({"Authorization": f"Bearer {key}"})
    return http
