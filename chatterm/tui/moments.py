"""Times as a person reads them, the nearer the shorter."""

from __future__ import annotations

import datetime

DAY = 86400


def ago(seconds: float, now: float) -> str:
    """Today by the clock, this week by the day, else by the date."""
    moment = datetime.datetime.fromtimestamp(seconds)
    today = datetime.datetime.fromtimestamp(now).date()
    days = (today - moment.date()).days
    if days <= 0:
        return moment.strftime("%H:%M")
    if days < 7:
        return moment.strftime("%a")
    if moment.year == today.year:
        return moment.strftime("%d %b").lstrip("0")
    return moment.strftime("%b %Y")


def clock_time(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds).strftime("%H:%M")
