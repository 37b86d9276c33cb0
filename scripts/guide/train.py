"""Trains the guide from scratch: ``python -m scripts.guide.train``.

Needs PyTorch and tokenizers.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from scripts.guide.bag import begin_as_bag
from scripts.guide.data import Generator, make_generator
from scripts.guide.model import (
    FIRST_TAG_ID,
    PAD_ID,
    TOKENIZER_FILE,
    Guide,
    Sample,
    Shape,
    Texts,
    load,
    save,
    train_tokenizer,
)
from scripts.guide.topics import load_topics

_WARM_UP_STEPS = 200
_LAST_RATE = 0.02
_CUT, _BROKEN = 0.85, 0.12
_RECITAL_SHARE = 0.2
_CHOICES_ALONE = 0.6
"""How much of the training is spent before answers are learnt too."""
_ANSWER_WEIGHT = 1.0
_READING_SHARE = 0.3
"""How fast the words' meanings change, which the bag of words has found."""
_TOKENIZER_CONVERSATIONS = 40_000
_POOL = 400


@dataclass(frozen=True, slots=True)
class Batch:
    tokens: Tensor
    targets: Tensor
    places: Tensor
    """Where answers are chosen, in the flattened batch."""
    labels: Tensor
    """Their tags."""


@dataclass(slots=True)
class Stage:
    """First it is learnt what to answer, which takes long; then how the answers go."""

    answers: bool = False
    cut: float = _CUT
    """How often a last answer is left out even then."""
    recital: float = _RECITAL_SHARE


def main() -> None:
    options = _options()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    generator = make_generator(options.seed, hold_out=not options.all, without=options.without)
    model = Guide(Shape(), generator.classes, options.dropout)
    if options.go_on:
        model_before, tokenizer, _ = load(options.out)
        model.load_state_dict(model_before.state_dict())
        texts = Texts(tokenizer, options.seed)
    else:
        texts = _texts(generator, options)
    print(f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
    if not options.go_on:
        begin_as_bag(model, generator, texts, options.bag_steps)
        print(
            f"held-out questions right as a bag of words: {held_out_right(model, generator, texts)}"
        )
    stage = Stage()
    about = _train(
        model,
        batches(
            generator, texts, seed=options.seed, batch_tokens=options.batch_tokens, stage=stage
        ),
        stage,
        options,
        lambda: held_out_right(model, generator, texts),
    )
    about |= {"parameters": sum(p.numel() for p in model.parameters())}
    report = load_topics(hold_out=not options.all)[1]
    about |= {"authors": report.authors, "phrasings": report.phrasings}
    save(options.out, model, about)
    (options.out / "about.json").write_text(json.dumps(about, indent=2) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/guide"))
    parser.add_argument("--steps", type=int, default=4400)
    parser.add_argument(
        "--cpu-minutes",
        type=float,
        default=math.inf,
        help="end sooner; then the same seed gives the same model only on an equally fast machine",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=math.inf,
        help="the same by the clock, pauses included",
    )
    parser.add_argument(
        "--go-on",
        type=float,
        default=0,
        help="from the checkpoint in --out, this far (0 to 1)",
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch-tokens", type=int, default=2400)
    parser.add_argument("--rate", type=float, default=4e-4)
    parser.add_argument("--bag-steps", type=int, default=1200)
    parser.add_argument("--dropout", type=float, default=0.05)
    parser.add_argument(
        "--without", default="", help="hold out all of that author, to compare ways of training"
    )
    parser.add_argument("--all", action="store_true", help="hold no phrasings out")
    return parser.parse_args()


@torch.no_grad()
def held_out_right(model: Guide, generator: Generator, texts: Texts) -> str:
    """Of the questions about chatterm those with the right topic, of the others those refused."""
    asked = generator.held_out()
    refusals = generator.refusals
    model.eval()
    hits, counts = [0, 0], [0, 0]
    for question, label in asked:
        hidden = model(torch.tensor([texts.prompt([("user", question)])]))[0, -1]
        chosen = int(model.logits(hidden).argmax()) - FIRST_TAG_ID
        outside = label in refusals
        counts[outside] += 1
        hits[outside] += chosen in refusals if outside else chosen == label
    model.train()
    return f"{hits[0]} of {counts[0]} about chatterm, {hits[1]} of {counts[1]} others"


def _texts(generator: Generator, options: argparse.Namespace) -> Texts:
    """Learns the tokens from what is asked and, less often, from what is answered."""
    said = [t.question for _ in range(_TOKENIZER_CONVERSATIONS) for t in generator.conversation()]
    said += generator.answers() * 20 + ["user\n", "assistant\n"] * 1000
    tokenizer = train_tokenizer(said, Shape().vocabulary, generator.classes)
    tokenizer.save(str(options.out / TOKENIZER_FILE))
    return Texts(tokenizer, options.seed)


def batches(
    generator: Generator, texts: Texts, *, seed: int, batch_tokens: int, stage: Stage
) -> Iterator[Batch]:
    """Fresh conversations for ever, those of like length together."""
    rng = random.Random(seed)
    while True:
        samples = [_sample(generator, texts, rng, stage) for _ in range(_POOL)]
        samples.sort(key=lambda sample: len(sample.tokens))
        groups: list[list[Sample]] = [[]]
        for sample in samples:
            if len(sample.tokens) * (len(groups[-1]) + 1) > batch_tokens:
                groups.append([])
            groups[-1].append(sample)
        rng.shuffle(groups)
        yield from (_batch(group) for group in groups)


def _sample(generator: Generator, texts: Texts, rng: random.Random, stage: Stage) -> Sample:
    if not stage.answers:
        return texts.sample(generator.conversation(), cut=1, broken=_BROKEN)
    if rng.random() < stage.recital:
        return texts.sample(generator.recital(), cut=0, broken=0)
    return texts.sample(generator.conversation(), cut=stage.cut, broken=_BROKEN)


def _batch(samples: list[Sample]) -> Batch:
    length = max(len(sample.tokens) for sample in samples)
    tokens = torch.full((len(samples), length), PAD_ID)
    targets = torch.full((len(samples), length), -100)
    places, labels = [], []
    for row, sample in enumerate(samples):
        tokens[row, : len(sample.tokens)] = torch.tensor(sample.tokens)
        targets[row, : len(sample.targets)] = torch.tensor(sample.targets)
        places += [row * length + place for place, _ in sample.choices]
        labels += [FIRST_TAG_ID + label for _, label in sample.choices]
    return Batch(tokens, targets, torch.tensor(places), torch.tensor(labels))


def _train(
    model: Guide,
    batches: Iterator[Batch],
    stage: Stage,
    options: argparse.Namespace,
    right_of: Callable[[], str],
) -> dict[str, Any]:
    learning = optimizers(model, options.rate)
    began, seen, losses, right = time.process_time(), 0, [], []
    clock, step, progress = time.monotonic(), 0, options.go_on
    while progress < 1:
        batch = next(batches)
        for optimizer in learning:
            for group in optimizer.param_groups:
                group["lr"] = options.rate * group["share"] * rate_at(step, progress)
        loss, hit = _step(model, batch, learning)
        step += 1
        seen += batch.tokens.numel()
        losses.append(loss)
        right.append(hit)
        cpu = (time.process_time() - began) / 60
        minutes = (time.monotonic() - clock) / 60
        done = max(step / options.steps, cpu / options.cpu_minutes, minutes / options.minutes)
        progress = options.go_on + (1 - options.go_on) * done
        stage.answers = progress >= _CHOICES_ALONE
        if step % 50 == 0:
            shown = sum(losses[-50:]) / 50, sum(right[-50:]) / 50
            print(
                f"step {step} loss {shown[0]:.4f} choice {shown[1]:.3f} "
                f"tokens {seen} cpu {cpu:.1f} min",
                flush=True,
            )
        if step % 250 == 0:
            save(options.out, model, {"steps": step})
            print(f"held-out questions right: {right_of()}", flush=True)
    cpu = (time.process_time() - began) / 60
    return {
        "steps": step,
        "tokens": seen,
        "cpu_minutes": round(cpu, 1),
        "seed": options.seed,
    }


def rate_at(step: int, progress: float, warm_up: int = _WARM_UP_STEPS) -> float:
    """Warm-up, then down along a cosine."""
    down = _LAST_RATE + (1 - _LAST_RATE) * (1 + math.cos(math.pi * min(progress, 1))) / 2
    return min(1.0, (step + 1) / warm_up) * down


def optimizers(model: Guide, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices within, AdamW for the rest."""
    inner = [p for p in model.blk.parameters() if p.dim() == 2]
    norms = [p for p in model.parameters() if p.dim() == 1]
    rest = [
        {"params": [model.token_embd.weight], "weight_decay": 0.01, "share": _READING_SHARE},
        {"params": [model.output.weight], "weight_decay": 0.01, "share": 1.0},
        {"params": norms, "weight_decay": 0.0, "share": 1.0},
    ]
    within = [{"params": inner, "share": 1.0}]
    return [
        torch.optim.Muon(within, lr=rate, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.98)),
    ]


def step_loss(
    model: Guide, batch: Batch, answer_weight: float = _ANSWER_WEIGHT
) -> tuple[Tensor, tuple[float, float]]:
    """What is to be made small; the loss on choices, and how often the right answer was chosen."""
    hidden = model(batch.tokens).flatten(0, 1)
    targets = batch.targets.flatten()
    counted = targets != -100
    chosen = model.logits(hidden[batch.places])
    loss = functional.cross_entropy(chosen, batch.labels)
    right = (chosen.argmax(-1) == batch.labels).float().mean().item()
    if not counted.any():
        return loss, (loss.item(), right)
    said = functional.cross_entropy(model.logits(hidden[counted]), targets[counted])
    return loss + answer_weight * said, (loss.item(), right)


def _step(model: Guide, batch: Batch, learning: list[torch.optim.Optimizer]) -> tuple[float, float]:
    total, shown = step_loss(model, batch)
    total.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in learning:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return shown


if __name__ == "__main__":
    main()
