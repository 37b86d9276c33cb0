"""Lets the guide learn from a linear classifier: ``python -m scripts.guide.distil``.

On questions of an author whom neither knows, a linear classifier over words and letters is better
than the network, but it cannot follow a conversation, speak, or be a GGUF. So the network, once it
is trained, is shown questions that nobody wrote, put together from pieces of those that somebody
did, and learns what the classifier makes of them; in between it rehearses what it knows.

Needs PyTorch, tokenizers and scikit-learn.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_union
from sklearn.svm import LinearSVC
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from scripts.guide.data import OUTSIDE_SHARE, Generator, make_generator
from scripts.guide.model import FIRST_TAG_ID, PAD_ID, Guide, Texts, load, save
from scripts.guide.train import Stage, batches, held_out_right, optimizers, rate_at, step_loss

_SHARPNESS = 5.0
"""From the classifier's margins to chances; its own are not calibrated."""
_MOST_WORDS = 14
_WARM_UP_STEPS = 100
_ANSWER_WEIGHT = 2.0


class Teacher:
    """Says how likely each answer is for a question that stands alone."""

    def __init__(self, generator: Generator) -> None:
        words = TfidfVectorizer(ngram_range=(1, 3), sublinear_tf=True, token_pattern=r"[^\s,.?!]+")
        letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
        written = generator.written()
        self._signs = make_union(words, letters)
        classifier = LinearSVC(C=0.5)
        classifier.fit(
            self._signs.fit_transform([text for text, _ in written]),
            [label for _, label in written],
        )
        self.labels: Sequence[int] = classifier.classes_.tolist()
        # Its own method copies a third of a gigabyte at each call.
        self._weights = np.ascontiguousarray(classifier.coef_.T.astype(np.float32))
        self._bias = classifier.intercept_.astype(np.float32)

    def chances(self, questions: Sequence[str]) -> Tensor:
        margins = self._signs.transform(questions).astype(np.float32) @ self._weights + self._bias
        return functional.softmax(_SHARPNESS * torch.from_numpy(margins), dim=-1)

    def right(self, asked: Sequence[tuple[str, int]]) -> int:
        best = self.chances([text for text, _ in asked]).argmax(-1).tolist()
        return sum(self.labels[at] == label for at, (_, label) in zip(best, asked, strict=True))


@dataclass(frozen=True, slots=True)
class Lesson:
    seed: int
    steps: int
    rate: float
    questions: int
    """To imitate in each step."""
    truth: float
    """Its share in what is to be imitated, where it is known."""
    cut: float
    """How often an answer is left out of what is rehearsed."""
    recital: float
    outside: float
    """The share of questions that are not about chatterm."""
    batch_tokens: int


LESSONS = (
    Lesson(1, 1500, 3e-4, 64, 0.0, 0.2, 0.30, OUTSIDE_SHARE, 1800),
    Lesson(2, 1000, 6e-4, 40, 0.6, 0.0, 0.15, OUTSIDE_SHARE, 2600),
    Lesson(3, 700, 3e-4, 40, 1.0, 0.0, 0.10, 0.42, 2600),
    Lesson(4, 500, 3e-4, 32, 1.0, 0.0, 0.10, 0.50, 2800),
)
"""The choice first, then all answers in full wherever they come, then refusals."""


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    model, tokenizer, about = load(options.out)
    weights = []
    for lesson in LESSONS:
        minutes = _learn(model, tokenizer, lesson, options)
        about["distilled_steps"] = about.get("distilled_steps", 0) + lesson.steps
        about["cpu_minutes"] = round(about["cpu_minutes"] + minutes, 1)
        weights.append({name: value.clone() for name, value in model.state_dict().items()})
        save(options.out, model, about)
    # Between its last two states it refuses as the last one does and knows as much as the other.
    model.load_state_dict(
        {name: (weights[-2][name] + weights[-1][name]) / 2 for name in weights[-1]}
    )
    save(options.out, model, about)
    (options.out / "about.json").write_text(json.dumps(about, indent=2) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/guide"))
    parser.add_argument("--share", type=float, default=1.0, help="of the steps, to try it out")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dropout", type=float, default=0.05)
    parser.add_argument("--without", default="", help="as in training")
    return parser.parse_args()


def _learn(
    model: Guide, tokenizer: Tokenizer, lesson: Lesson, options: argparse.Namespace
) -> float:
    """The minutes of CPU that it took."""
    torch.manual_seed(lesson.seed)
    generator = make_generator(
        lesson.seed + 1, without=options.without, outside_share=lesson.outside
    )
    texts = Texts(tokenizer, lesson.seed + 1)
    teacher = Teacher(generator)
    asked = generator.held_out()
    print(f"held-out questions right: the classifier's {teacher.right(asked)} of {len(asked)}")
    print(f"the network's {held_out_right(model, generator, texts)}", flush=True)
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = options.dropout
    known = batches(
        generator,
        texts,
        seed=lesson.seed,
        batch_tokens=lesson.batch_tokens,
        stage=Stage(answers=True, cut=lesson.cut, recital=lesson.recital),
    )
    rng = random.Random(lesson.seed)
    labels = torch.tensor([FIRST_TAG_ID + label for label in teacher.labels])
    learning = optimizers(model, lesson.rate)
    began, losses, steps = time.process_time(), [], int(lesson.steps * options.share)
    for step in range(steps):
        for optimizer in learning:
            for group in optimizer.param_groups:
                down = rate_at(step, step / steps, _WARM_UP_STEPS)
                group["lr"] = lesson.rate * group["share"] * down
        questions = list(itertools.islice(_recombined(generator, rng), lesson.questions))
        wanted = _wanted(teacher, questions, lesson.truth)
        loss = _imitation(model, texts, [text for text, _ in questions], wanted, labels)
        rehearsed, _ = step_loss(model, next(known), _ANSWER_WEIGHT)
        (loss + rehearsed).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in learning:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        if (step + 1) % 50 == 0:
            minutes = (time.process_time() - began) / 60
            shown = math.fsum(losses[-50:]) / 50
            print(f"step {step + 1} imitation {shown:.4f} cpu {minutes:.1f} min", flush=True)
    print(f"held-out questions right: {held_out_right(model, generator, texts)}", flush=True)
    return (time.process_time() - began) / 60


def _recombined(generator: Generator, rng: random.Random) -> Iterator[tuple[str, int | None]]:
    """Questions as people write them with their labels, and of their words such as nobody wrote."""
    while True:
        question, label = generator.question()
        chance = rng.random()
        if chance < 0.35:
            yield " ".join(question.split()[:_MOST_WORDS]), label
            continue
        other = generator.question()[0] if chance < 0.55 else generator.question_like(question)
        first, second = question.split(), other.split()
        if chance < 0.85:
            words = first[: rng.randint(0, len(first))] + second[rng.randint(0, len(second)) :]
        else:
            words = [word for word in first + second if rng.random() < 0.55]
        if words:
            yield " ".join(words[:_MOST_WORDS]), None


def _wanted(teacher: Teacher, questions: Sequence[tuple[str, int | None]], truth: float) -> Tensor:
    """What the classifier makes of them, drawn towards the truth where that is known."""
    chances = teacher.chances([text for text, _ in questions])
    for row, (_, label) in enumerate(questions):
        if label is not None and truth:
            chances[row] *= 1 - truth
            chances[row, teacher.labels.index(label)] += truth
    return chances


def _imitation(
    model: Guide, texts: Texts, questions: Sequence[str], chances: Tensor, labels: Tensor
) -> Tensor:
    """How far the network's chances are from the classifier's."""
    prompts = [texts.prompt([("user", question)]) for question in questions]
    length = max(map(len, prompts))
    tokens = torch.full((len(prompts), length), PAD_ID)
    for row, prompt in enumerate(prompts):
        tokens[row, : len(prompt)] = torch.tensor(prompt)
    last = torch.tensor([len(prompt) - 1 for prompt in prompts])
    hidden = model(tokens)[torch.arange(len(prompts)), last]
    said = functional.log_softmax(model.logits(hidden)[:, labels], dim=-1)
    return functional.kl_div(said, chances, reduction="batchmean")


if __name__ == "__main__":
    main()
