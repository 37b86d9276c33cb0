"""Looking for strings in a text that comes in pieces, and pieces of text in bytes.

What may be the beginning of a string looked for is held back, and nothing else: a piece that
cannot begin one costs a single search for a few characters.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable


class Watch:
    """Finds the first of several strings; of two at the same place the longer, or the shorter."""

    def __init__(self, texts: Iterable[str], *, longest: bool = True) -> None:
        self._texts = sorted({text for text in texts if text}, key=len, reverse=longest)
        self._prefer_longest = longest
        self._reach = max(map(len, self._texts), default=1) - 1
        nothing = "(?!)"
        self._pattern = re.compile("|".join(map(re.escape, self._texts)) or nothing)
        firsts = "".join(sorted({re.escape(text[0]) for text in self._texts}))
        self._first = re.compile(f"[{firsts}]" if firsts else nothing)

    def quiet(self, text: str) -> bool:
        """Whether no string begins anywhere in ``text``, not even partly."""
        return self._first.search(text) is None

    def search(self, text: str, start: int = 0, *, final: bool = False) -> tuple[int, str]:
        """Where the first string is, and which; or how far ``text`` is known to hold none.

        Unless the text is ``final``, its end may be the beginning of a string, and of one that
        comes before, or is preferred to, one that is there already: then that must be waited for.
        """
        match = self._pattern.search(text, start)
        limit = match.start() if match else len(text)
        if not final:
            open_at = self._open_at(text, start)
            if open_at < limit or (open_at == limit and self._prefer_longest):
                return open_at, ""
        return limit, match.group() if match else ""

    def _open_at(self, text: str, start: int) -> int:
        """Where the end of ``text`` may begin a string; one past the text if nowhere."""
        at = max(start, len(text) - self._reach)
        while (first := self._first.search(text, at)) is not None:
            at = first.start()
            tail = text[at:]
            if any(len(known) > len(tail) and known.startswith(tail) for known in self._texts):
                return at
            at += 1
        return len(text) + 1


class StopStrings:
    """Ends a text before the first of several strings, none of which is ever shown."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._watch = Watch(texts, longest=False)
        self._held = ""
        self.hit: str | None = None
        """The string that was met."""

    def feed(self, text: str) -> tuple[str, str | None]:
        """What can be shown now, and the string that was met, if one was."""
        if self.hit is not None:
            return "", self.hit
        if not self._held and self._watch.quiet(text):
            return text, None
        return self._advance(self._held + text, final=False), self.hit

    def finish(self) -> str:
        """The rest, once no more text comes; ``hit`` may still be set by it."""
        return "" if self.hit is not None else self._advance(self._held, final=True)

    def _advance(self, text: str, *, final: bool) -> str:
        at, found = self._watch.search(text, final=final)
        self._held = "" if found else text[at:]
        self.hit = found or None
        return text[:at]


class TextDecoder:
    """Text out of the bytes of tokens, which may end in the middle of a character."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes) -> str:
        """The characters that are complete; bytes that are none become U+FFFD."""
        return self._decoder.decode(data)

    def finish(self) -> str:
        """U+FFFD for a character that was never completed."""
        return self._decoder.decode(b"", True)
