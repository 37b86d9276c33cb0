"""Finds the commands that are nearest to a question, by the words of the program's own help."""

from __future__ import annotations

import functools
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typer._click.core import Command

_LISTED = 3
_NAME_WEIGHT, _HELP_WEIGHT, _OPTION_WEIGHT = 4.0, 2.0, 1.0
_SMALL_WORDS = frozenset(
    """
    about again all am an and any are as at be but by can could do does for from get give has have
    he how if in into is it its just like make me my no not now of off on one only or our out own
    please put should so some tell than that the their them then there these they thing this those
    to too up use want was we were what when where which who why will with would you your
    """.split()  # noqa: SIM905 - a list of words is read as words
)
_ENDINGS = ("ings", "ing", "ies", "ed", "es", "s", "e", "y")


def nearest_commands(question: str) -> list[str]:
    """The best first; at least one."""
    asked = set(_stems(question))
    commands = _weighed_commands()
    known = Counter(stem for words in commands.values() for stem in words)
    rarity = {stem: math.log(1 + len(commands) / count) for stem, count in known.items()}
    scores = {
        name: sum(words[stem] * rarity[stem] for stem in asked & words.keys())
        for name, words in commands.items()
    }
    best = sorted((name for name in scores if scores[name]), key=lambda name: -scores[name])
    return best[:_LISTED] or ["chatterm --help"]


@functools.cache
def _weighed_commands() -> Mapping[str, Mapping[str, float]]:
    """Every command with the stems that speak for it."""
    from typer.main import get_command

    from chatterm.cli.program import needed, program

    root = get_command(program(needed([], {})))
    return {name: _weighed(name, command) for name, command in _leaves("chatterm", root)}


def _leaves(name: str, command: Command) -> Iterator[tuple[str, Command]]:
    below: Mapping[str, Command] = getattr(command, "commands", {})
    if not below:
        yield name, command
    for word, inner in below.items():
        yield from _leaves(f"{name} {word}", inner)


def _weighed(name: str, command: Command) -> Mapping[str, float]:
    weights: dict[str, float] = {}
    options = " ".join(getattr(option, "help", None) or "" for option in command.params)
    said = (
        (options, _OPTION_WEIGHT),
        (command.help or "", _HELP_WEIGHT),
        (name.removeprefix("chatterm"), _NAME_WEIGHT),
    )
    for text, weight in said:
        weights |= dict.fromkeys(_stems(text), weight)
    return weights


def _stems(text: str) -> Iterator[str]:
    """Words without their endings, so that "deleting chats" finds "delete a chat"."""
    for word in re.findall(r"[a-z]{2,}", text.lower()):
        if word in _SMALL_WORDS:
            continue
        ending = next((end for end in _ENDINGS if word.endswith(end)), "")
        yield word.removesuffix(ending) if len(word) - len(ending) >= 3 else word
