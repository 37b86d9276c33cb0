"""Words for error messages: the nearest valid name, and a value that was not wanted, in brief.

A value may come from anywhere, so showing it must neither fail nor fill the screen.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping

_LONGEST = 60
_HUGE = 10**30
"""Python refuses to write numbers of more than 4300 digits; nobody reads 30 of them."""


def nearest(name: str, known: Iterable[str], *, otherwise: str | None = None) -> str:
    """A hint that names the known name closest to ``name``, or else all of them.

    ``otherwise`` is the hint for when nothing is close and the list would be too long. Of a dotted
    name the last part alone is enough to be recognised.
    """
    # Only an error needs difflib, and importing it costs as much as a whole command may.
    import difflib

    names = {full.casefold(): full for full in known}
    leaves = {folded.rpartition(".")[2]: full for folded, full in names.items()}
    for wanted, by_name in ((name.casefold(), names), (name.casefold().rpartition(".")[2], leaves)):
        if near := difflib.get_close_matches(wanted, by_name, n=1):
            return f"did you mean {by_name[near[0]]}?"
    return f"known: {', '.join(names.values())}" if otherwise is None else otherwise


def shown(value: object) -> str:
    """A value as a short piece of a sentence."""
    match value:
        case str():
            text = value if len(value) <= _LONGEST else value[:_LONGEST] + "…"
            return repr(text)
        case bool():
            return str(value).lower()
        case int():
            return str(value) if abs(value) < _HUGE else "a number of more than 30 digits"
        case float():
            return repr(value)
        case Mapping():
            return "a table"
        case list() | tuple():
            return "a list"
        case datetime.date() | datetime.time():
            return "a date or a time"
        case _:
            return f"a value of type {type(value).__name__}"
