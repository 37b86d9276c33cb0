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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from scripts.guide.data import Generator, make_generator
from scripts.guide.model import (
    PAD_ID,
    TOKENIZER_FILE,
    Guide,
    Sample,
    Shape,
    Texts,
    save,
    train_tokenizer,
)
from scripts.guide.topics import load_topics

_WARM_UP_STEPS = 80
_LAST_RATE = 0.02
_CUT, _BROKEN = 0.75, 0.2
_CHOICE_WEIGHT = 0.5
_TOKENIZER_CONVERSATIONS = 40_000
_POOL = 400


@dataclass(frozen=True, slots=True)
class Batch:
    tokens: Tensor
    targets: Tensor
    places: Tensor
    """Of the beginnings of answers, in the flattened batch."""
    labels: Tensor


def main() -> None:
    options = _options()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    generator = make_generator(options.seed, hold_out=not options.all)
    texts = _texts(generator, options)
    model = Guide(Shape(), generator.classes, options.dropout)
    print(
        f"{sum(p.numel() for p in model.parameters()) - _size(model.head)} parameters", flush=True
    )
    about = _train(model, _batches(generator, texts, options), options)
    report = load_topics(hold_out=not options.all)[1]
    about |= {"authors": report.authors, "phrasings": report.phrasings}
    save(options.out, model, about)
    (options.out / "about.json").write_text(json.dumps(about, indent=2) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/guide"))
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument(
        "--cpu-minutes",
        type=float,
        default=math.inf,
        help="end sooner; then the same seed gives the same model only on an equally fast machine",
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch-tokens", type=int, default=2400)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--all", action="store_true", help="hold no phrasings out")
    return parser.parse_args()


def _size(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def _texts(generator: Generator, options: argparse.Namespace) -> Texts:
    """Learns the tokens from what is asked and, less often, from what is answered."""
    said = [t.question for _ in range(_TOKENIZER_CONVERSATIONS) for t in generator.conversation()]
    said += generator.answers() * 20 + ["user\n", "assistant\n"] * 1000
    tokenizer = train_tokenizer(said, Shape().vocabulary)
    tokenizer.save(str(options.out / TOKENIZER_FILE))
    return Texts(tokenizer, options.seed)


def _batches(generator: Generator, texts: Texts, options: argparse.Namespace) -> Iterator[Batch]:
    """Fresh conversations for ever, those of like length together."""
    rng = random.Random(options.seed)
    while True:
        samples = [
            texts.sample(generator.conversation(), cut=_CUT, broken=_BROKEN) for _ in range(_POOL)
        ]
        samples.sort(key=lambda sample: len(sample.tokens))
        groups: list[list[Sample]] = [[]]
        for sample in samples:
            if len(sample.tokens) * (len(groups[-1]) + 1) > options.batch_tokens:
                groups.append([])
            groups[-1].append(sample)
        rng.shuffle(groups)
        yield from map(_batch, groups)


def _batch(samples: list[Sample]) -> Batch:
    length = max(len(sample.tokens) for sample in samples)
    tokens = torch.full((len(samples), length), PAD_ID)
    targets = torch.full((len(samples), length), -100)
    places, labels = [], []
    for row, sample in enumerate(samples):
        tokens[row, : len(sample.tokens)] = torch.tensor(sample.tokens)
        targets[row, : len(sample.targets)] = torch.tensor(sample.targets)
        places += [row * length + place for place, _ in sample.choices]
        labels += [label for _, label in sample.choices]
    return Batch(tokens, targets, torch.tensor(places), torch.tensor(labels))


def _train(model: Guide, batches: Iterator[Batch], options: argparse.Namespace) -> dict[str, Any]:
    optimizers = _optimizers(model, options.rate)
    began, seen, losses, right = time.process_time(), 0, [], []
    step, progress = 0, 0.0
    while progress < 1:
        batch = next(batches)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = options.rate * _rate(step, progress)
        loss, hit = _step(model, batch, optimizers)
        step += 1
        seen += batch.tokens.numel()
        losses.append(loss)
        right.append(hit)
        cpu = (time.process_time() - began) / 60
        progress = max(step / options.steps, cpu / options.cpu_minutes)
        if step % 50 == 0:
            shown = sum(losses[-50:]) / 50, sum(right[-50:]) / 50
            print(
                f"step {step} loss {shown[0]:.4f} choice {shown[1]:.3f} "
                f"tokens {seen} cpu {cpu:.1f} min",
                flush=True,
            )
        if step % 500 == 0:
            save(options.out, model, {"steps": step})
    cpu = (time.process_time() - began) / 60
    return {"steps": step, "tokens": seen, "cpu_minutes": round(cpu, 1), "seed": options.seed}


def _rate(step: int, progress: float) -> float:
    """Warm-up, then down along a cosine."""
    down = _LAST_RATE + (1 - _LAST_RATE) * (1 + math.cos(math.pi * min(progress, 1))) / 2
    return min(1.0, (step + 1) / _WARM_UP_STEPS) * down


def _optimizers(model: Guide, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices within, AdamW for the rest."""
    inner = [p for p in model.blk.parameters() if p.dim() == 2]
    norms = [p for p in model.parameters() if p.dim() == 1]
    rest = [
        {"params": [model.token_embd.weight], "weight_decay": 0.01},
        {"params": [*norms, model.head.weight], "weight_decay": 0.0},
    ]
    return [
        torch.optim.Muon(inner, lr=rate, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.98)),
    ]


def _step(
    model: Guide, batch: Batch, optimizers: list[torch.optim.Optimizer]
) -> tuple[float, float]:
    """The loss on answers, and how often the topic head was right."""
    hidden = model(batch.tokens).flatten(0, 1)
    targets = batch.targets.flatten()
    counted = targets != -100
    loss = functional.cross_entropy(model.logits(hidden[counted]), targets[counted])
    chosen = model.head(hidden[batch.places])
    total = loss + _CHOICE_WEIGHT * functional.cross_entropy(chosen, batch.labels)
    total.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return loss.item(), (chosen.argmax(-1) == batch.labels).float().mean().item()


if __name__ == "__main__":
    main()
