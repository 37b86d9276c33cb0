"""Moments as lists and JSON show them."""

from __future__ import annotations

import datetime


def iso(seconds: float) -> str:
    """UTC with milliseconds, for programs."""
    moment = datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def local(seconds: float) -> str:
    """The user's own time, to the minute."""
    return datetime.datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")
