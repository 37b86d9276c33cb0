"""Scripts that are written without spaces, made searchable: Han, kana, Hangul.

The tokenizer of SQLite takes a whole run of them for one word. Cut into overlapping pairs, any
part of a run is a phrase of pairs, so two characters are found as exactly as twenty.
"""

from __future__ import annotations

import re
import unicodedata

_SCRIPTS = (
    "\u1100-\u11ff\u3005-\u3007\u3041-\u30ff\u3105-\u318e\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97c\uac00-\ud7fb\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff"
)
_RUN = re.compile(f"[{_SCRIPTS}]+")


def spaceless(text: str) -> bool:
    """Whether there is anything to cut."""
    return not text.isascii() and _RUN.search(text) is not None


def pieces(text: str) -> list[tuple[str, bool]]:
    """A text in parts that are wholly of these scripts (True) or wholly not, in order."""
    composed = unicodedata.normalize("NFC", text)
    parts: list[tuple[str, bool]] = []
    end = 0
    for run in _RUN.finditer(composed):
        if run.start() > end:
            parts.append((composed[end : run.start()], False))
        parts.append((run.group(), True))
        end = run.end()
    if end < len(composed):
        parts.append((composed[end:], False))
    return parts


def pairs(run: str) -> list[str]:
    """Every two neighbours of a run, and its last character alone so that each begins a token."""
    return [run[i : i + 2] for i in range(len(run))]


def ngrams(text: str) -> str:
    """The tokens to index beside a text; empty where the tokenizer does without.

    The rest of such a text is in them too, so that a phrase may go from one script to another and
    a word is found where no space parts it from a run.
    """
    if not spaceless(text):
        return ""
    return " ".join(
        token for part, is_run in pieces(text) for token in (pairs(part) if is_run else [part])
    )
