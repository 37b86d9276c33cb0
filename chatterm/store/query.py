"""The language of the search line, read into an expression of FTS5.

Words must all match; ``"a phrase"``, ``prefix*``, ``role:user``, ``model:qwen``, ``tag:work`` and
``since:2026-01-31`` or ``since:7d`` narrow. Whatever else is typed is words: no input is an error.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from chatterm.store.ngrams import pairs, pieces, spaceless

_PART = re.compile(
    r'(?:(?P<filter>role|model|tag|since):(?=[^\s]))?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))(?P<star>\*)?',
    re.IGNORECASE,
)
_MOST_PARTS = 32
_MOST_CHARACTERS = 1000
_UNITS = {"d": 1, "w": 7, "m": 31, "y": 366}

_WORDS = "{text ngrams}"


@dataclass(frozen=True, slots=True)
class Query:
    """A search line, understood."""

    match: tuple[str, ...] = ()
    """FTS5 expressions that must all match."""
    tags: tuple[str, ...] = ()
    """Tags that the chat must all have."""
    since: float | None = None
    needles: tuple[str, ...] = ()
    """The words as typed, to mark them where the index cannot."""

    def __bool__(self) -> bool:
        return bool(self.match or self.tags or self.since is not None)


def parse(line: str, now: float) -> Query:
    """Understand a search line; ``now`` is what ``since:7d`` counts from."""
    match: list[str] = []
    tags: list[str] = []
    needles: list[str] = []
    since: float | None = None
    # NUL would end the expression for SQLite, half a surrogate pair cannot be given to it.
    clean = line[:_MOST_CHARACTERS].replace("\0", " ").encode("utf-8", "replace").decode()
    for part in list(_PART.finditer(clean))[:_MOST_PARTS]:
        key = (part["filter"] or "").lower()
        text = part["word"] if part["phrase"] is None else part["phrase"]
        starred = bool(part["star"]) or (part["phrase"] is None and text.endswith("*"))
        day = _day(text, now) if key == "since" else None
        if key == "tag":
            tags.append(" ".join(text.lower().split()))
        elif key in ("role", "model"):
            # Any beginning of a model's name will do, as its size and version come last.
            match += _phrase(key, text, starred or key == "model")
        elif day is not None:
            since = day if since is None else max(since, day)
        else:
            words = f"{key}:{text}" if key else text
            match += _words(words, starred)
            parts = [words.rstrip("*"), *(piece.strip() for piece, _ in pieces(words))]
            needles += [part for part in parts if _has_words(part)]
    return Query(tuple(dict.fromkeys(match)), tuple(dict.fromkeys(tags)), since, tuple(needles))


def among_chats(chat_ids: list[str]) -> str:
    """The expression for messages of any of these chats."""
    return "chat_id : (" + " OR ".join(_quoted(chat_id) for chat_id in chat_ids) + ")"


def _words(text: str, starred: bool) -> list[str]:
    if not spaceless(text):
        return _phrase(_WORDS, text, starred)
    tokens: list[str] = []
    *before, (last, last_is_run) = pieces(text.rstrip("*") if starred else text)
    for part, is_run in before:
        tokens += pairs(part) if is_run else [part]
    if not last_is_run:
        return _phrase("ngrams", " ".join([*tokens, last]), starred)
    if len(last) == 1:
        return [f"ngrams : {_quoted(' '.join([*tokens, last]))} *"]
    # Without the last token, which stands for the end of a run: it may go on in the text.
    return [f"ngrams : {_quoted(' '.join([*tokens, *pairs(last)[:-1]]))}"]


def _phrase(column: str, text: str, starred: bool) -> list[str]:
    """Words that follow each other; the tokenizer of the index parts them."""
    if not _has_words(text):
        return []
    last = re.split(r"[\W_]+", text.rstrip("*"))[-1]
    # A one-letter prefix would gather half of the index before the first hit.
    star = " *" if starred and len(last) > 1 else ""
    return [f"{column} : {_quoted(text)}{star}"]


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _has_words(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _day(text: str, now: float) -> float | None:
    """The beginning of a day, month or year, or so many days, weeks, months or years ago."""
    ago = re.fullmatch(r"(\d{1,4})([dwmy])", text.lower())
    if ago:
        return now - int(ago[1]) * _UNITS[ago[2]] * 86400
    date = re.fullmatch(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?", text)
    if date is None:
        return None
    try:
        day = datetime.datetime(int(date[1]), int(date[2] or 1), int(date[3] or 1))
        return day.timestamp()
    except (ValueError, OverflowError, OSError):
        return None
