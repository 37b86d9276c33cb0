"""The model card of the guide, with the figures that were measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_CARD = """\
# The guide

A very small chat model, trained from scratch, that comes with chatterm and explains chatterm. It is
what answers until a real model is chosen: `chatterm models pull` gets one.

- Size: {parameters:.2f} million parameters, {size:.1f} MB (GGUF, Q8_0). A Llama with 4 layers of
  width 192, 6 heads and 4096 tokens, and beside these one for each answer, which it writes first
  and which has no text. Its chat template makes questions lower-case and cuts long ones.
- Licence: MIT, as chatterm's own; that is for data, weights and code.
- Data: {topics} topics of chatterm with one written answer each, {phrasings} ways to ask for them
  by {authors} authors, and questions about everything else that a generator puts together. No
  user's chats are in it. All of it is in `scripts/guide` of the source.
- Training: as a bag of words first, then {steps} steps and {tokens:.1f} million tokens of
  conversations, then {distilled} steps with a linear classifier as its teacher, which had seen
  the same questions; together {cpu:.0f} minutes on one CPU core, seed {seed}.

## Limits

It maps a question to one of its written answers and says that word for word. It can't combine
answers, count, write, translate, remember or learn, and only knows English. It sometimes gives the
answer to another question, in sentences that are just as good. Where one of its first words was
unlikely there is doubt; the table says how often it is wrong without one. For anything but chatterm
it should say that it is only the small guide, and nearly always does.

## Measured

On questions written by an author who had not seen the training questions, through chatterm's own
engine at temperature 0. What stood in the training data word for word was taken out of it.

| what | figure |
| --- | --- |
{figures}
"""


def card(about: Mapping[str, Any], figures: Mapping[str, str], size: int, topics: int) -> str:
    """``about`` is what the training wrote; ``size`` is the shipped file's, in bytes."""
    return _CARD.format(
        size=size / 1e6,
        parameters=about["parameters"] / 1e6,
        topics=topics,
        phrasings=f"{about['phrasings']:,}",
        authors=len(about["authors"]),
        steps=f"{about['steps']:,}",
        distilled=f"{about['distilled_steps']:,}",
        tokens=about["tokens"] / 1e6,
        cpu=about["cpu_minutes"],
        seed=about["seed"],
        figures="\n".join(f"| {name} | {value} |" for name, value in figures.items()),
    )
