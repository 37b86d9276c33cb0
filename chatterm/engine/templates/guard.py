"""Keeps what looks like a special token, but was typed, from becoming one.

Before rendering, a sentinel goes into every text right after each character that could begin a
special token. After rendering, special tokens without one are the template's own: between them lie
stretches of plain text, and those that hold a sentinel are to be tokenised as nothing but text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

SENTINEL = "\ufdd0"
"""A code point that no text may hold; one that stands in a text anyway is doubled."""
_SENTINELS = re.compile(f"{SENTINEL}{SENTINEL}?")


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a prompt that is tokenised by itself."""

    text: str
    special: bool
    """Whether the texts of special tokens in it mean the tokens."""


class Guard:
    """Knows the special tokens of a vocabulary.

    A tokenizer may recognise some tokens (``added``) in any text, so that text in which one was
    typed must be cut inside it; ``structural`` are the texts that are worth such a cut.
    """

    def __init__(
        self,
        tokens: Collection[str],
        *,
        added: Collection[str] | None = None,
        structural: Collection[str] = (),
    ) -> None:
        self._tokens = frozenset(token for token in tokens if len(token) > 1 and token.strip())
        self._lengths = sorted({len(token) for token in self._tokens}, reverse=True)
        texts = sorted(self._tokens | {text for text in structural if text})
        leads = "".join(sorted({re.escape(text[0]) for text in texts if _is_sign(text[0])}))
        words = [text for text in texts if not _is_sign(text[0])]
        patterns = [f"[{leads}]"] if leads else []
        patterns += [f"{re.escape(text[0])}(?={re.escape(text[1:])})" for text in words]
        self._lead = re.compile("|".join(patterns) or "(?!)")
        firsts = "".join(sorted({re.escape(token[0]) for token in self._tokens}))
        self._candidate = re.compile(f"[{firsts}](?!{SENTINEL})" if firsts else "(?!)")
        cut = self._tokens & frozenset(structural)
        cut = cut if added is None else cut & frozenset(added)
        typed = sorted((re.escape(self.protect(token)) for token in cut), key=len, reverse=True)
        self._cut = re.compile("|".join(typed) or "(?!)")

    def protect(self, text: str) -> str:
        """``text`` with sentinels, in which no special token stands any more."""
        if SENTINEL in text:
            text = text.replace(SENTINEL, SENTINEL * 2)
        return self._lead.sub(rf"\g<0>{SENTINEL}", text)

    def protect_all(self, value: Any) -> Any:
        """A JSON value with every string in it protected."""
        match value:
            case str():
                return self.protect(value)
            case dict():
                return {self.protect(key): self.protect_all(item) for key, item in value.items()}
            case list():
                return [self.protect_all(item) for item in value]
            case _:
                return value

    def segments(self, text: str) -> tuple[Segment, ...]:
        """A rendered prompt, ready for the tokenizer and free of sentinels."""
        if SENTINEL not in text:
            return (Segment(text, True),) if text else ()
        found: list[Segment] = []
        run, at = 0, 0
        for start, end in [*self._specials(text), (len(text), len(text))]:
            if text.find(SENTINEL, at, start) >= 0:
                found.append(Segment(text[run:at], True))
                found += [Segment(piece, False) for piece in self._pieces(text[at:start])]
                run = start
            at = end
        found.append(Segment(text[run:], True))
        return tuple(segment for segment in found if segment.text)

    def _specials(self, text: str) -> Iterator[tuple[int, int]]:
        end = 0
        for match in self._candidate.finditer(text):
            start = match.start()
            if start < end:
                continue
            for length in self._lengths:
                if text[start : start + length] in self._tokens:
                    end = start + length
                    yield start, end
                    break

    def _pieces(self, text: str) -> Iterator[str]:
        """Plain text, cut after the first character of each token that it must not become."""
        at = 0
        for match in self._cut.finditer(text):
            yield bare(text[at : match.start() + 1])
            at = match.start() + 1
        yield bare(text[at:])


def bare(text: str) -> str:
    """``text`` as it was before it was protected."""
    return _SENTINELS.sub(lambda match: SENTINEL if len(match[0]) == 2 else "", text)


def _is_sign(character: str) -> bool:
    return not character.isalnum() and not character.isspace()
