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
_ANY = re.compile(f"[{_SCRIPTS}]")
_RUN = re.compile(f"[{_SCRIPTS}]+")
_WORD = re.compile(rf"[\w{_SCRIPTS}]*[{_SCRIPTS}][\w{_SCRIPTS}]*")


def spaceless(text: str) -> bool:
    """Whether there is anything to cut."""
    return not text.isascii() and _ANY.search(text) is not None


def pieces(word: str) -> list[tuple[str, bool]]:
    """A word in parts that are wholly of these scripts (True) or wholly not, in order."""
    composed = unicodedata.normalize("NFC", word)
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

    Words that touch such a run are repeated here by themselves, as the tokenizer would not see
    where they end.
    """
    if not spaceless(text):
        return ""
    tokens: list[str] = []
    for word in _WORD.finditer(unicodedata.normalize("NFC", text)):
        for part, is_run in pieces(word.group()):
            tokens.extend(pairs(part) if is_run else [part])
    return " ".join(tokens)
