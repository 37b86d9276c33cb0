"""Loads what the guide is taught, and the questions of its test."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
_UNSPOKEN = re.compile(r"[^\w\s]|_")


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing the guide knows. README.md says what the fields mean."""

    id: str
    answer: str
    example: str
    follow_ups: dict[str, tuple[str, ...]]
    phrasings: tuple[str, ...]
    """What training may use."""
    held_out: tuple[str, ...] = ()
    """Kept from training to measure it."""

    @property
    def outside(self) -> bool:
        return self.id.startswith("no-")


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the test; ``before`` is asked first where it is a follow-up."""

    text: str
    topics: tuple[str, ...]
    """Any of these is right; ``example:ID`` and ``repeat`` are answers of their own."""
    before: str = ""


@dataclass(frozen=True, slots=True)
class Questions:
    in_topic: tuple[Question, ...] = ()
    outside: tuple[Question, ...] = ()
    follow_up: tuple[Question, ...] = ()

    def spoken(self) -> frozenset[str]:
        """Every text of the test, as ``spoken`` has it."""
        every = (*self.in_topic, *self.outside, *self.follow_up)
        texts = [*(q.text for q in every), *(q.before for q in every if q.before)]
        return frozenset(spoken(text) for text in texts)


@dataclass(slots=True)
class Report:
    """What the material has, and what of it equals the test."""

    authors: dict[str, int] = field(default_factory=dict)
    phrasings: int = 0
    held_out: int = 0
    in_test: int = 0
    """Texts that equal a question of the test word for word: training leaves those out."""


def spoken(text: str) -> str:
    """The words alone, so that case, signs and blanks make no difference."""
    return " ".join(_UNSPOKEN.sub(" ", text.lower()).split())


def load_topics(hold_out: bool = True, without: str = "") -> tuple[dict[str, Topic], Report]:
    """All topics with the phrasings of all authors, in the order of the file.

    With ``hold_out`` one phrasing of every topic, in turn of another author, is kept aside; with
    the name of an author all of that author's are.
    """
    authors = {path.stem: _read(path) for path in sorted((FOLDER / "phrasings").glob("*.toml"))}
    test = load_questions().spoken()
    report = Report(
        authors={name: sum(map(_count, said.values())) for name, said in authors.items()}
    )
    later = [_read(path) for path in sorted((FOLDER / "follow_ups").glob("*.toml"))]
    unseen = authors.pop(without) if without else {}
    topics = {}
    for number, (name, table) in enumerate(_read(FOLDER / "topics.toml").items()):
        written = [_phrasings(author, name) for author in authors.values()]
        said = [[text for text in own if spoken(text) not in test] for own in written]
        report.in_test += sum(map(len, written)) - sum(map(len, said))
        aside = _aside(said, number) if hold_out else ()
        aside = tuple(_phrasings(unseen, name)) if without else aside
        used = tuple(text for text in _distinct(said) if text not in aside)
        report.phrasings += len(used)
        report.held_out += len(aside)
        follow_ups = _joined(
            [table.get("follow_ups", {}), *(one.get(name, {}) for one in later)], test
        )
        topics[name] = Topic(name, table["answer"], table["example"], follow_ups, used, aside)
    return topics, report


def load_questions() -> Questions:
    """The test; nothing of it may be trained on."""
    path = FOLDER / "eval" / "questions.toml"
    if not path.exists():
        return Questions()
    tables = _read(path)
    return Questions(
        tuple(_question(t["question"], t["topic"], t) for t in tables["in_topic"]),
        tuple(_question(t["question"], t["kind"], t) for t in tables["outside"]),
        tuple(_question(t["second"], t["topic"], t, t["first"]) for t in tables["follow_up"]),
    )


def _question(text: str, topic: str, table: dict[str, Any], before: str = "") -> Question:
    return Question(text, (topic, *table.get("also", ())), before)


def _read(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return tomllib.load(file)


def _count(table: dict[str, Any]) -> int:
    return len(table["phrasings"])


def _phrasings(author: dict[str, Any], topic: str) -> list[str]:
    return [text.lower() for text in author.get(topic, {}).get("phrasings", ())]


def _joined(
    written: Iterable[dict[str, list[str]]], test: frozenset[str]
) -> dict[str, tuple[str, ...]]:
    """The follow-ups of one topic, by the topic they lead to, of all who wrote some."""
    joined: dict[str, list[str]] = {}
    for table in written:
        for to, texts in table.items():
            joined.setdefault(to, []).extend(
                text.lower() for text in texts if spoken(text) not in test
            )
    return {to: tuple(dict.fromkeys(texts)) for to, texts in joined.items()}


def _aside(said: list[list[str]], number: int) -> tuple[str, ...]:
    """One phrasing that no other author has too."""
    for turn in range(len(said)):
        author = said[(number + turn) % len(said)]
        others = {spoken(text) for other in said if other is not author for text in other}
        own = [text for text in author if spoken(text) not in others]
        if own:
            return (own[number % len(own)],)
    return ()


def _distinct(said: Iterable[list[str]]) -> list[str]:
    return list(dict.fromkeys(text for author in said for text in author))
