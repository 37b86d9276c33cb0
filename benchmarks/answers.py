"""Answers to stream in benchmarks: the same words in every run."""

from __future__ import annotations

import random

_WORDS = """
the model writes an answer word by word and every word has to reach the screen soon without
costing more at the end than at the beginning so we count what it takes **bold** `code` *soft*
""".split()


def mixed(words: int, seed: int = 1) -> str:
    """Prose, headings, lists, tables, quotes and code, as answers have them."""
    rng = random.Random(seed)
    parts: list[str] = []
    count = 0
    while count < words:
        part = rng.choice([_prose, _prose, _prose, _list, _code, _table, _quote, _heading])(rng)
        parts.append(part)
        count += len(part.split())
    return "\n\n".join(parts)


def longer(times: int) -> str:
    """2,000 words again and again, so that nothing but the length differs."""
    return "\n\n".join([mixed(2_000)] * times)


def _sentence(rng: random.Random, longest: int = 30) -> str:
    return " ".join(rng.choices(_WORDS, k=rng.randint(6, longest))).capitalize() + "."


def _prose(rng: random.Random) -> str:
    return " ".join(_sentence(rng) for _ in range(rng.randint(2, 5)))


def _heading(rng: random.Random) -> str:
    return "#" * rng.randint(1, 4) + " " + _sentence(rng, 8)


def _list(rng: random.Random) -> str:
    return "\n".join(f"- {_sentence(rng, 12)}" for _ in range(rng.randint(3, 8)))


def _quote(rng: random.Random) -> str:
    return "> " + _sentence(rng)


def _code(rng: random.Random) -> str:
    return code("python", 400)


def _table(rng: random.Random) -> str:
    return table(rng.randint(3, 8))


_CODE = {
    "python": 'def total(values: list[int]) -> int:\n    """Add them up."""\n'
    "    result = 0\n    for value in values:\n        result += value  # one more\n"
    "    return result\n\n",
    "cpp": "template <typename T> T total(const std::vector<T>& values) {\n    T result = 0;\n"
    "    for (const auto& value : values) { result += value; } // one more\n"
    "    return result;\n}\n\n",
    "json": '{"name": "value", "numbers": [1, 2, 3.5, true, null],\n "nested": {"a": "b"}},\n',
}


def code(language: str, characters: int) -> str:
    body = _CODE[language] * (1 + characters // len(_CODE[language]))
    return f"```{language}\n{body[:characters]}\n```"


def table(rows: int) -> str:
    head = "| number | name | remark |\n|---:|---|---|\n"
    return head + "\n".join(f"| {n} | value {n} | some words on row {n} |" for n in range(rows))


def list_of(items: int) -> str:
    return "\n".join(f"{n}. item {n} of a list, with `code` and **bold**" for n in range(1, items))


def fragments(text: str, words: int = 1) -> list[str]:
    """The text in pieces of so many words, as tokens come."""
    parts: list[str] = []
    piece, count = "", 0
    for word in text.split(" "):
        piece += word + " "
        count += 1
        if count == words:
            parts.append(piece)
            piece, count = "", 0
    return [*parts, piece.removesuffix(" ")]


CASES = {
    "prose, lists, code": mixed(1_500),
    "code, Python": code("python", 6_000),
    "code, C++": code("cpp", 6_000),
    "code, JSON": code("json", 6_000),
    "table of 300 rows": table(300),
    "list of 300 items": list_of(300),
}
