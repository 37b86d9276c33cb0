"""The language of the search line, read into an expression of FTS5.

Words must all match; ``"a phrase"``, ``prefix*``, ``role:user``, ``model:qwen``, ``tag:work``,
``title:plans``, ``since:2026-01-31`` and ``before:7d`` narrow. Whatever else is typed is words: no
input is an error. What a model thought before it answered is not searched, only what was said.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from chatterm.store.ngrams import pairs, pieces, spaceless

_PART = re.compile(
    r"(?:(?P<filter>role|model|tag|title|since|before):(?=[^\s]))?"
    r'(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))(?P<star>\*)?',
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
    titles: tuple[str, ...] = ()
    """Parts that the chat's title must all have."""
    since: float | None = None
    before: float | None = None
    needles: tuple[str, ...] = ()
    """The words as typed, to mark them where the index cannot."""

    def __bool__(self) -> bool:
        moments = (self.since, self.before)
        return bool(self.match or self.tags or self.titles or moments != (None, None))


def parse(line: str, now: float) -> Query:
    """Understand a search line; ``now`` is what ``7d`` counts back from."""
    match: list[str] = []
    tags: list[str] = []
    titles: list[str] = []
    needles: list[str] = []
    moments: dict[str, list[float]] = {"since": [], "before": []}
    # NUL would end the expression for SQLite, half a surrogate pair cannot be given to it.
    clean = line[:_MOST_CHARACTERS].replace("\0", " ").encode("utf-8", "replace").decode()
    for part in list(_PART.finditer(clean))[:_MOST_PARTS]:
        key = (part["filter"] or "").lower()
        text = part["word"] if part["phrase"] is None else part["phrase"]
        starred = bool(part["star"]) or (part["phrase"] is None and text.endswith("*"))
        # What is searched while it is typed ends in a star, which no tag, title or day has.
        plain = text.rstrip("*")
        time = moment(plain, now) if key in moments else None
        if key == "tag":
            tags.append(" ".join(plain.lower().split()))
        elif key in ("role", "model"):
            # Any beginning of a model's name will do, as its size and version come last.
            match += _phrase(key, text, starred or key == "model")
        elif key == "title":
            titles.append(plain)
        elif time is not None:
            moments[key].append(time)
        else:
            words = f"{key}:{text}" if key else text
            match += _words(words, starred)
            parts = [words.rstrip("*"), *(piece.strip() for piece, _ in pieces(words))]
            needles += [part for part in parts if _has_words(part)]
    return Query(
        match=tuple(dict.fromkeys(match)),
        tags=tuple(dict.fromkeys(tags)),
        titles=tuple(dict.fromkeys(titles)),
        since=max(moments["since"], default=None),
        before=min(moments["before"], default=None),
        needles=tuple(needles),
    )


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


def moment(text: str, now: float) -> float | None:
    """The beginning of a day, month or year, or so many days, weeks, months or years ago.

    None is for what is neither.
    """
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
