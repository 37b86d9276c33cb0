"""Begins the guide as a bag of words, which it then learns to read in order.

The mean of the words' vectors alone names most topics, generalises well, and is learnt in a minute.
A network that begins at random takes many times as long to get there. So the vectors are trained
first, and one layer is set to take their mean: its attention is even, its values are what it reads.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from scripts.guide.data import Generator
from scripts.guide.model import FIRST_TAG_ID, Guide, Texts

_CONVERSATIONS = 256
_RATE = 5e-3
_WORD_DROPOUT = 0.1


def begin_as_bag(model: Guide, generator: Generator, texts: Texts, steps: int) -> None:
    """Train the vectors of words and tags, and set the first layer to use them."""
    vectors = model.token_embd.weight
    optimizer = torch.optim.Adam([vectors, model.output.weight], lr=_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, _RATE / 50)
    for step in range(steps):
        samples = [
            texts.sample(generator.conversation(), cut=1, broken=0) for _ in range(_CONVERSATIONS)
        ]
        choices = [(one.tokens[: at + 1], label) for one in samples for at, label in one.choices]
        prompts = [prompt for prompt, _ in choices]
        labels = torch.tensor([FIRST_TAG_ID + label for _, label in choices])
        loss = functional.cross_entropy(model.output(_hidden(vectors, prompts)), labels)
        loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if (step + 1) % 100 == 0:
            print(f"bag of words, step {step + 1}: loss {loss.item():.3f}", flush=True)
    first = model.blk[0]
    with torch.no_grad():
        for layer in (first.attn_v, first.attn_output):
            layer.weight.copy_(torch.eye(model.shape.width))
        for number, block in enumerate(model.blk):
            block.ffn_down.weight.zero_()
            if number:
                block.attn_output.weight.zero_()


def _hidden(vectors: Tensor, prompts: list[list[int]]) -> Tensor:
    """What the whole model computes once its first layer takes the mean, and the others nothing."""
    starts = [0]
    for prompt in prompts[:-1]:
        starts.append(starts[-1] + len(prompt))
    flat = torch.tensor([token for prompt in prompts for token in prompt])
    size = vectors.shape[1]
    kept = (torch.rand(len(flat)) > _WORD_DROPOUT).float()
    mean = functional.embedding_bag(
        flat,
        functional.rms_norm(vectors, (size,)),
        torch.tensor(starts),
        mode="sum",
        per_sample_weights=kept,
    ) / torch.tensor([len(prompt) for prompt in prompts]).unsqueeze(1)
    return functional.rms_norm(vectors[prompts[0][-1]] + mean, (size,))
