"""Signs of several characters, such as flags, keycaps and families, on terminals that do not agree.

One terminal draws a family in two cells, another its four members beside each other, and a heart
that is asked to be red takes one cell or two. What follows such a sign would stand elsewhere than
Textual counts, and leave remains. So the cursor is set by hand behind each of them.
"""

from __future__ import annotations

import re

from rich.cells import cell_len

_FLAGS = "\U0001f1e6-\U0001f1ff"
_SKINS = "\U0001f3fb-\U0001f3ff"
_MARKS = (
    *"\ufe0e\ufe0f\u200d\u20e3\U000e007f",
    *(chr(code) for code in (*range(0x1F1E6, 0x1F200), *range(0x1F3FB, 0x1F400))),
)
"""Without any of these there is no such sign; looking for one costs a microsecond."""
_TAIL = rf"[\ufe0e\ufe0f\u20e3{_SKINS}\U000e0020-\U000e007f]"
_ONE = rf"[#*0-9\u00a9\u00ae\u200d-\u3299\U0001f000-\U0001faff]{_TAIL}*"
_SIGN = re.compile(rf"[{_FLAGS}]{{2}}|(?:{_ONE}\u200d)+{_ONE}|{_ONE}(?<={_TAIL})")


def steadied(text: str) -> str:
    """What is sent to a terminal, such that each sign takes the cells that it is counted as.

    They are emptied, the sign is drawn, and the cursor goes behind them from where it was. The
    edge of the screen holds what is wider than that.
    """
    marks = [mark for mark in _MARKS if mark in text]
    if not marks:
        return text
    parts = text.split("\x1b")
    for at, part in enumerate(parts):
        # A sequence for the system, such as the address of a link, is not drawn.
        if not part.startswith("]") and any(mark in part for mark in marks):
            parts[at] = _SIGN.sub(_placed, part)
    return "\x1b".join(parts)


def _placed(found: re.Match[str]) -> str:
    sign = found.group()
    cells = cell_len(sign)
    if not cells:
        return sign
    return f"\x1b7{' ' * cells}\x1b8\x1b[?7l{sign}\x1b8\x1b[?7h\x1b[{cells}C"
