"""The guide as PyTorch trains it: a small Llama, and the texts as it sees them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn
from torch.nn import functional

from scripts.guide.data import KEPT_MESSAGES, Turn, shortened

END_OF_TEXT, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
SPECIALS = (END_OF_TEXT, START, END)
PAD_ID, START_ID, END_ID = range(3)
TAG = "<|answer-{}|>"
"""Comes before an answer and is never shown: with it the guide chooses once, at one place."""
FIRST_TAG_ID = len(SPECIALS)
TOKENIZER_FILE, CHECKPOINT_FILE = "tokenizer.json", "guide.pt"
_NO_LOSS = -100


@dataclass(frozen=True, slots=True)
class Shape:
    vocabulary: int = 4096
    """Without the tags."""
    width: int = 192
    layers: int = 4
    heads: int = 6
    inner: int = 512
    context: int = 1024
    rope_base: float = 10000.0
    epsilon: float = 1e-5


class _Block(nn.Module):
    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        width = shape.width
        self.heads = shape.heads
        self.attn_norm = nn.RMSNorm(width, eps=shape.epsilon)
        self.attn_q = nn.Linear(width, width, bias=False)
        self.attn_k = nn.Linear(width, width, bias=False)
        self.attn_v = nn.Linear(width, width, bias=False)
        self.attn_output = nn.Linear(width, width, bias=False)
        self.ffn_norm = nn.RMSNorm(width, eps=shape.epsilon)
        self.ffn_gate = nn.Linear(width, shape.inner, bias=False)
        self.ffn_up = nn.Linear(width, shape.inner, bias=False)
        self.ffn_down = nn.Linear(shape.inner, width, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        batch, length, width = x.shape
        normed = self.attn_norm(x)
        q, k, v = (
            layer(normed).view(batch, length, self.heads, -1).transpose(1, 2)
            for layer in (self.attn_q, self.attn_k, self.attn_v)
        )
        q, k = _rotated(q, cosine, sine), _rotated(k, cosine, sine)
        seen = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        seen = seen.transpose(1, 2).reshape(batch, length, width)
        x = x + self.dropout(self.attn_output(seen))
        normed = self.ffn_norm(x)
        inner = functional.silu(self.ffn_gate(normed)) * self.ffn_up(normed)
        return x + self.dropout(self.ffn_down(inner))


class Guide(nn.Module):
    """A Llama; ``classes`` is how many answers it knows.

    What a word means where it is read and where it is written are two tables: the first begins as a
    bag of words, which writing answers would blur.
    """

    def __init__(self, shape: Shape, classes: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape = shape
        self.classes = classes
        self.token_embd = nn.Embedding(shape.vocabulary + classes, shape.width)
        self.blk = nn.ModuleList(_Block(shape, dropout) for _ in range(shape.layers))
        self.output_norm = nn.RMSNorm(shape.width, eps=shape.epsilon)
        self.output = nn.Linear(shape.width, shape.vocabulary + classes, bias=False)
        self.dropout = nn.Dropout(dropout)
        size = shape.width // shape.heads
        speeds = shape.rope_base ** (-torch.arange(0, size, 2).float() / size)
        angles = torch.outer(torch.arange(shape.context).float(), speeds)
        self.register_buffer("cosine", angles.cos(), persistent=False)
        self.register_buffer("sine", angles.sin(), persistent=False)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                is_last = name.endswith(("attn_output.weight", "ffn_down.weight"))
                nn.init.normal_(weight, std=0.02 / ((2 * shape.layers) ** 0.5 if is_last else 1))

    def forward(self, tokens: Tensor) -> Tensor:
        """Hidden states; ``logits`` makes predictions of them."""
        length = tokens.shape[1]
        cosine, sine = self.get_buffer("cosine")[:length], self.get_buffer("sine")[:length]
        x = self.dropout(self.token_embd(tokens))
        for block in self.blk:
            x = block(x, cosine, sine)
        hidden: Tensor = self.output_norm(x)
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.output(hidden)
        return logits


def _rotated(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Neighbouring pairs are turned, as llama.cpp does it."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cosine - odd * sine, even * sine + odd * cosine), -1).flatten(-2)


@dataclass(frozen=True, slots=True)
class Sample:
    tokens: list[int]
    targets: list[int]
    """The next token where the loss counts it."""
    choices: list[tuple[int, int]]
    """Where a tag is to come, and its label."""


class Texts:
    """Turns conversations into tokens."""

    def __init__(self, tokenizer: Tokenizer, seed: int = 0) -> None:
        self._tokenizer = tokenizer
        self._rng = random.Random(seed)
        self._known: dict[str, list[int]] = {}

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=True)
        return text

    def sample(self, turns: Sequence[Turn], *, cut: float, broken: float) -> Sample:
        """``cut`` is how often the last answer is left out, ``broken`` how often words fall apart.

        An answer is soon learnt by heart; to choose it is what takes many examples. Older answers
        have their tags or not, as they do where a chat goes on in the same engine or in another.
        """
        tokens: list[int] = []
        targets: list[int] = []
        choices: list[tuple[int, int]] = []
        for number, turn in enumerate(turns):
            is_last = number == len(turns) - 1
            question = shortened(turn.question.strip(), last=is_last)
            prompt = self.asking(self._asked(question, broken=self._rng.random() < broken))
            answer = [*self._fixed(turn.answer), END_ID]
            if is_last and self._rng.random() < cut:
                answer = []
            after = [] if is_last else self._fixed("\n")
            if is_last or self._rng.random() < 0.5:
                choices.append((len(tokens) + len(prompt) - 1, turn.label))
                prompt.append(FIRST_TAG_ID + turn.label)
                targets += [_NO_LOSS] * (len(prompt) - 1) + answer
            else:
                targets += [_NO_LOSS] * (len(prompt) + len(answer) - 1)
            targets += [_NO_LOSS] * (len(after) + 1)
            tokens += prompt + answer + after
        return Sample(tokens, targets, choices)

    def asking(self, asked: list[int]) -> list[int]:
        """A prompt of those tokens alone."""
        start = [START_ID, *asked, END_ID, *self._fixed("\n"), START_ID]
        return [*start, *self._fixed("assistant\n")]

    def prompt(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        """What the chat template makes of a conversation."""
        kept = messages[-KEPT_MESSAGES:]
        ids = []
        for number, (role, said) in enumerate(kept):
            text = said.replace("<|", "< |")
            text = text.lower().strip() if role == "user" else text
            text = shortened(text, last=number == len(kept) - 1)
            ids += [START_ID, *self.encode(f"{role}\n{text}"), END_ID, *self.encode("\n")]
        return [*ids, START_ID, *self.encode("assistant\n")]

    def _fixed(self, text: str) -> list[int]:
        if text not in self._known:
            self._known[text] = self.encode(text)
        return self._known[text]

    def _asked(self, question: str, *, broken: bool) -> list[int]:
        """As ``encode`` has it; or in pieces, so that more is seen of what words are made of."""
        text = f"user\n{question}"
        if not broken or len(question) < 4:
            return self.encode(text)
        first = len("user\n") + 1
        count = 1 + len(question) // 12
        cuts = sorted({self._rng.randrange(first, len(text)) for _ in range(count)})
        pieces = zip([0, *cuts], [*cuts, len(text)], strict=True)
        return [token for start, stop in pieces for token in self.encode(text[start:stop])]


def train_tokenizer(texts: Sequence[str], vocabulary: int, tags: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary + tags,
        special_tokens=[*SPECIALS, *map(TAG.format, range(tags))],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        min_frequency=3,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save(folder: Path, model: Guide, about: dict[str, Any]) -> None:
    kept = dict(model.state_dict())
    torch.save({"weights": kept, "classes": model.classes, **about}, folder / CHECKPOINT_FILE)


def load(folder: Path) -> tuple[Guide, Tokenizer, dict[str, Any]]:
    saved = torch.load(folder / CHECKPOINT_FILE, weights_only=True)
    model = Guide(Shape(), saved["classes"])
    model.load_state_dict(saved.pop("weights"))
    return model.eval(), Tokenizer.from_file(str(folder / TOKENIZER_FILE)), saved


@torch.no_grad()
def greedy(model: Guide, texts: Texts, prompt: list[int], limit: int = 160) -> str:
    """The likeliest answer, token by token."""
    tokens = list(prompt)
    while len(tokens) < len(prompt) + limit:
        token = int(model.logits(model(torch.tensor([tokens]))[0, -1]).argmax())
        if token == END_ID:
            break
        tokens.append(token)
    return texts.decode(tokens[len(prompt) :])
