"""Times as a person reads them, the nearer the shorter."""

from __future__ import annotations

import datetime
import time

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
    # Asked for ten thousand messages at once, so without the making of a date.
    at = time.localtime(seconds)
    return f"{at.tm_hour:02}:{at.tm_min:02}"
