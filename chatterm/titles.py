"""What a chat is called: its first words at once, and how a model is asked for something better.

Only texts go in and out; ``titling.py`` asks the model.
"""

from __future__ import annotations

import re
from contextlib import suppress

TITLE_LENGTH = 60
_BLOCK = re.compile(r"^(?:#{1,6}|>|[-*+]) (?=\S)")
_BOLD = re.compile(r"\*\*(\S(?:.*?\S)?)\*\*")
_EXCERPT = 1200
"""Characters of the prompt and of the answer that a model is shown: enough to know the subject."""


def first_words(text: str) -> str:
    """A title until a better one is known: the beginning of the first line that has words,
    without the signs of Markdown around them."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    words = _BOLD.sub(r"\1", _BLOCK.sub("", " ".join(line.split())))
    if len(words) <= TITLE_LENGTH:
        return words
    cut = words[: TITLE_LENGTH - 1]
    with suppress(ValueError):
        cut = cut[: cut.rindex(" ", TITLE_LENGTH // 2)]
    return cut + "…"


def request_for_title(prompt: str, answer: str) -> str:
    """What a model is asked."""
    return (
        "Here is the beginning of a chat.\n\n"
        f"<prompt>\n{_excerpt(prompt)}\n</prompt>\n\n<answer>\n{_excerpt(answer)}\n</answer>\n\n"
        "Give this chat a title of two to six words, in the language of the prompt. "
        "Write the title alone: no quotes, no full stop, no explanation."
    )


def cleaned_title(said: str) -> str:
    """The title in what a model said; empty where there is none to be used."""
    line = next((line for line in said.splitlines() if re.search(r"\w", line)), "")
    title = " ".join(line.split())
    title = re.sub(r"^(?:[#>*\-\s]+|title\**\s*:\**\s*)+", "", title, flags=re.IGNORECASE)
    title = title.strip("*_`\"' \u201c\u201d\u201e\u2018\u2019\u00ab\u00bb").rstrip(".\u3002")
    # What is longer is no title but an answer to the prompt.
    return title if re.search(r"\w", title) and len(title) <= TITLE_LENGTH else ""


def _excerpt(text: str) -> str:
    return text if len(text) <= _EXCERPT else text[:_EXCERPT] + " …"
