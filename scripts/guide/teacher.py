"""A linear classifier over words and parts of words, which the guide learns from beside its data.

It adds up evidence, word by word, and so guesses better than a network what belongs to a topic in
questions that nobody wrote. Asked about mixed and mangled questions it teaches the guide just that.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from scripts.guide.data import Generator

_FEATURES = 1 << 17
_QUESTIONS = 60_000
_ROUNDS = 3
_BATCH = 256
_RATE = 0.15
_PARTS = (3, 4, 5)


class Teacher:
    """Trained on a generator's first questions."""

    def __init__(self, generator: Generator, seed: int) -> None:
        self._weights = nn.EmbeddingBag(_FEATURES, generator.classes, mode="sum", sparse=True)
        nn.init.zeros_(self._weights.weight)
        first = [generator.conversation()[0] for _ in range(_QUESTIONS)]
        known = [(_features(turn.question), turn.label) for turn in first]
        optimizer = torch.optim.Adagrad(self._weights.parameters(), lr=_RATE)
        rng = random.Random(seed)
        for _ in range(_ROUNDS):
            rng.shuffle(known)
            for start in range(0, len(known), _BATCH):
                batch = known[start : start + _BATCH]
                labels = torch.tensor([label for _, label in batch])
                scores = self._scores([features for features, _ in batch])
                functional.cross_entropy(scores, labels).backward()
                optimizer.step()
                optimizer.zero_grad()

    @torch.no_grad()
    def chances(self, questions: Sequence[str]) -> Tensor:
        """How likely each answer is, for each question."""
        return self._scores([_features(question) for question in questions]).softmax(-1)

    def _scores(self, batch: Sequence[Sequence[int]]) -> Tensor:
        starts = [0]
        for features in batch[:-1]:
            starts.append(starts[-1] + len(features))
        flat = [feature for features in batch for feature in features]
        scores: Tensor = self._weights(torch.tensor(flat), torch.tensor(starts))
        return scores


def _features(question: str) -> list[int]:
    words = re.findall(r"[\w']+", question.lower())
    said = {f"word {word}" for word in words}
    said |= {f"pair {first} {second}" for first, second in pairwise(words)}
    for word in words:
        whole = f"^{word}$"
        said |= {whole[at : at + size] for size in _PARTS for at in range(len(whole) - size + 1)}
    return sorted(zlib.crc32(text.encode()) % _FEATURES for text in said)
